#include "widgets/shell/notice_list.h"

#include "widgets/base/icons.h"
#include "widgets/shell/toast.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QShortcut>

namespace vitrine {

NoticeList::NoticeList(ToastHost* notices, QWidget* parent) : QListWidget(parent), notices_(notices) {
    setObjectName("noticeList");
    setAccessibleName(tr("Notices"));
    setWordWrap(true);
    setResizeMode(Adjust);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);  // or lines run on below the vertical one
    setSelectionMode(ExtendedSelection);
    setMinimumWidth(220);
    auto* copy = new QShortcut(QKeySequence::Copy, this);
    copy->setContext(Qt::WidgetShortcut);
    connect(copy, &QShortcut::activated, this, &NoticeList::copySelected);
    connect(notices_, &ToastHost::noticed, this, &NoticeList::refresh);
    refresh();
}

void NoticeList::refresh() {
    clear();
    QStringList said;
    const QList<Notice>& all = notices_->notices();
    for (auto notice = all.rbegin(); notice != all.rend(); ++notice) {
        QString text = QStringLiteral("%1  %2").arg(notice->at.toString("HH:mm:ss"), notice->text);
        if (notice->count > 1)
            text += tr("  (×%1)").arg(notice->count);
        auto* item = new QListWidgetItem(text, this);
        item->setIcon(themedIcon(notice->kind == ToastKind::Error ? "warning" : "info"));
        said.append(text);
    }
    setAccessibleDescription(said.join("; "));
}

void NoticeList::copySelected() const {
    QStringList texts;
    for (const QListWidgetItem* item : selectedItems())
        texts.append(item->text());
    QGuiApplication::clipboard()->setText(texts.join('\n'));
}

}  // namespace vitrine
