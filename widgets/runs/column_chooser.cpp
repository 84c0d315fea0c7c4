#include "widgets/runs/column_chooser.h"

#include "widgets/runs/run_columns.h"

#include <QHBoxLayout>
#include <QHeaderView>
#include <QLineEdit>
#include <QPushButton>
#include <QSignalBlocker>
#include <QTreeWidget>
#include <QVBoxLayout>
#include <algorithm>

namespace vitrine {

ColumnChooser::ColumnChooser(RunTableModel* model, QWidget* parent)
    : QFrame(parent, Qt::Popup), model_(model), search_(new QLineEdit), list_(new QTreeWidget) {
    setObjectName("columnChooser");
    setFrameShape(QFrame::StyledPanel);
    setMinimumSize(420, 460);
    search_->setPlaceholderText("Search columns");
    search_->setClearButtonEnabled(true);
    list_->setHeaderLabels({"Column", "Pinned"});
    list_->setRootIsDecorated(false);
    list_->setUniformRowHeights(true);
    list_->header()->setStretchLastSection(false);
    list_->header()->setSectionResizeMode(0, QHeaderView::Stretch);
    list_->header()->resizeSection(1, 80);
    auto* all = new QPushButton("Show all");
    all->setToolTip("Show every column that the search leaves");
    auto* none = new QPushButton("Hide all");
    none->setToolTip("Hide every column that the search leaves");
    auto* buttons = new QHBoxLayout;
    buttons->addWidget(all);
    buttons->addWidget(none);
    buttons->addStretch();
    auto* layout = new QVBoxLayout(this);
    layout->addWidget(search_);
    layout->addWidget(list_);
    layout->addLayout(buttons);
    connect(search_, &QLineEdit::textChanged, this, &ColumnChooser::filter);
    connect(list_, &QTreeWidget::itemChanged, this, &ColumnChooser::apply);
    connect(all, &QPushButton::clicked, this, [this] { setAll(true); });
    connect(none, &QPushButton::clicked, this, [this] { setAll(false); });
    setFocusProxy(search_);
}

void ColumnChooser::refresh() {
    const QSignalBlocker block(list_);
    list_->clear();
    QList<QTreeWidgetItem*> items;
    const auto& pinned = model_->pinnedColumns();
    for (const std::string& key : model_->allColumns()) {
        auto* item = new QTreeWidgetItem;
        item->setText(0, isFixedRunColumn(key) ? runColumnTitle(key) : QString::fromStdString(key));
        item->setToolTip(0, runColumnToolTip(key));
        item->setData(0, Qt::UserRole, QString::fromStdString(key));
        item->setCheckState(0, model_->hiddenColumns().contains(key) ? Qt::Unchecked : Qt::Checked);
        const bool isPinned = std::find(pinned.begin(), pinned.end(), key) != pinned.end();
        item->setCheckState(1, isPinned ? Qt::Checked : Qt::Unchecked);
        items.append(item);
    }
    list_->addTopLevelItems(items);
    filter(search_->text());
}

void ColumnChooser::filter(const QString& text) {
    for (int i = 0; i < list_->topLevelItemCount(); ++i)
        list_->topLevelItem(i)->setHidden(
            !list_->topLevelItem(i)->text(0).contains(text, Qt::CaseInsensitive));
}

void ColumnChooser::apply(QTreeWidgetItem* item) {
    const std::string key = item->data(0, Qt::UserRole).toString().toStdString();
    auto hidden = model_->hiddenColumns();
    if (item->checkState(0) == Qt::Checked)
        hidden.erase(key);
    else
        hidden.insert(key);
    auto pinned = model_->pinnedColumns();
    const auto found = std::find(pinned.begin(), pinned.end(), key);
    if (item->checkState(1) == Qt::Checked && found == pinned.end())
        pinned.push_back(key);
    if (item->checkState(1) != Qt::Checked && found != pinned.end())
        pinned.erase(found);
    model_->setHiddenColumns(std::move(hidden));
    model_->setPinnedColumns(std::move(pinned));
}

void ColumnChooser::setAll(bool shown) {
    auto hidden = model_->hiddenColumns();
    {
        const QSignalBlocker block(list_);
        for (int i = 0; i < list_->topLevelItemCount(); ++i) {
            QTreeWidgetItem* item = list_->topLevelItem(i);
            const std::string key = item->data(0, Qt::UserRole).toString().toStdString();
            if (item->isHidden() || key == "name")
                continue;
            item->setCheckState(0, shown ? Qt::Checked : Qt::Unchecked);
            shown ? void(hidden.erase(key)) : void(hidden.insert(key));
        }
    }
    model_->setHiddenColumns(std::move(hidden));
}

}  // namespace vitrine
