#include "widgets/shell/shortcut_editor.h"

#include "widgets/shell/command_center.h"

#include <QHeaderView>
#include <QKeySequenceEdit>
#include <QLabel>
#include <QLineEdit>
#include <QTreeWidget>
#include <QVBoxLayout>

namespace vitrine {

ShortcutEditor::ShortcutEditor(CommandCenter* commands, QWidget* parent)
    : QDialog(parent), commands_(commands), filter_(new QLineEdit), tree_(new QTreeWidget) {
    setWindowTitle(tr("Keyboard shortcuts"));
    setObjectName("shortcutEditor");
    setModal(false);
    resize(640, 560);
    filter_->setPlaceholderText(tr("Filter"));
    tree_->setObjectName("shortcutTree");
    tree_->setColumnCount(3);
    tree_->setHeaderLabels({tr("Action"), tr("Keys"), tr("Command")});
    tree_->setRootIsDecorated(false);
    tree_->header()->setSectionResizeMode(0, QHeaderView::Stretch);
    tree_->header()->resizeSection(1, 150);
    tree_->header()->resizeSection(2, 150);
    auto* hint = new QLabel(tr("Double click a row, press the new keys. Delete removes them."));
    hint->setProperty("role", "secondary");
    auto* layout = new QVBoxLayout(this);
    layout->addWidget(filter_);
    layout->addWidget(tree_);
    layout->addWidget(hint);
    connect(filter_, &QLineEdit::textChanged, this, &ShortcutEditor::refresh);
    connect(tree_, &QTreeWidget::itemActivated, this, [this](QTreeWidgetItem* item) {
        auto* edit = new QKeySequenceEdit(QKeySequence(item->text(1)));
        tree_->setItemWidget(item, 1, edit);
        edit->setFocus();
        const std::string name = item->text(2).toStdString();
        connect(edit, &QKeySequenceEdit::editingFinished, this, [this, edit, name] {
            const QKeySequence keys = edit->keySequence();
            commands_->setShortcut(name, keys == QKeySequence(Qt::Key_Delete) ? QKeySequence() : keys);
            QMetaObject::invokeMethod(this, &ShortcutEditor::refresh, Qt::QueuedConnection);
        });
    });
    refresh();
}

void ShortcutEditor::refresh() {
    tree_->clear();
    for (const QString& name : commands_->windowCommands()) {
        const CommandSpec* spec = commands_->registry().find(name.toStdString());
        const QString title = QString::fromStdString(spec->summary);
        if (!title.contains(filter_->text(), Qt::CaseInsensitive) && !name.contains(filter_->text()))
            continue;
        new QTreeWidgetItem(
            tree_, {title, commands_->shortcut(name.toStdString()).toString(QKeySequence::NativeText), name});
    }
}

}  // namespace vitrine
