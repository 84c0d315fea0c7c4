#include "widgets/runs/run_table_view.h"

#include <QHeaderView>
#include <QKeyEvent>
#include <QScrollBar>
#include <algorithm>

namespace vitrine {

constexpr int kRowHeight = 26;
constexpr int kColumnWidth = 112;
constexpr int kMetricWidth = 220;  // at most: names of metrics are long

RunTableView::RunTableView(RunTableModel* model, QWidget* parent)
    : QTableView(parent), model_(model), pinned_(new QTableView(this)) {
    setObjectName("runTable");
    setModel(model);
    pinned_->setModel(model);
    pinned_->setSelectionModel(selectionModel());
    for (QTableView* view : {static_cast<QTableView*>(this), pinned_})
        styleView(view);
    setAccessibleName("Runs");
    setSelectionMode(ExtendedSelection);
    pinned_->setSelectionMode(ExtendedSelection);
    pinned_->setFocusPolicy(Qt::NoFocus);
    pinned_->setObjectName("runTablePinned");
    pinned_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    pinned_->setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    viewport()->stackUnder(pinned_);
    connect(horizontalHeader(), &QHeaderView::sectionResized, this, [this](int section, int, int width) {
        if (section < int(model_->shownColumns().size()))
            widths_[QString::fromStdString(model_->shownColumns()[section])] = width;
        if (section < model_->pinnedCount()) {
            pinned_->setColumnWidth(section, width);
            placePinned();
        }
    });
    connect(pinned_->horizontalHeader(), &QHeaderView::sectionResized, this,
            [this](int section, int, int width) {
                if (section < model_->pinnedCount() && columnWidth(section) != width)
                    setColumnWidth(section, width);
            });
    connect(verticalScrollBar(), &QScrollBar::valueChanged, pinned_->verticalScrollBar(),
            &QScrollBar::setValue);
    connect(pinned_->verticalScrollBar(), &QScrollBar::valueChanged, verticalScrollBar(),
            &QScrollBar::setValue);
    connect(model, &QAbstractItemModel::modelAboutToBeReset, this, &RunTableView::rememberSelection);
    connect(model, &QAbstractItemModel::modelReset, this, &RunTableView::restoreSelection);
    connect(selectionModel(), &QItemSelectionModel::selectionChanged, this, [this] {
        if (!restoring_)
            emit selectionEdited();
    });
    setWidths();
}

void RunTableView::styleView(QTableView* view) {
    view->setShowGrid(false);
    view->setWordWrap(false);
    view->setSelectionBehavior(SelectRows);
    view->setEditTriggers(NoEditTriggers);
    view->setHorizontalScrollMode(ScrollPerPixel);
    view->setVerticalScrollMode(ScrollPerPixel);
    view->setTabKeyNavigation(false);
    view->verticalHeader()->hide();
    view->verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    view->verticalHeader()->setMinimumSectionSize(kRowHeight);
    view->verticalHeader()->setDefaultSectionSize(kRowHeight);
    QHeaderView* header = view->horizontalHeader();
    header->setDefaultSectionSize(kColumnWidth);
    header->setMinimumSectionSize(40);
    header->setHighlightSections(false);
    header->setSectionsClickable(true);
    header->setFixedHeight(30);
    header->setContextMenuPolicy(Qt::CustomContextMenu);
    connect(header, &QHeaderView::sectionClicked, this, [this](int section) {
        const bool again = model_->sortKey() == model_->shownColumns()[section];
        const bool ascending = again && model_->sortOrder() == Qt::DescendingOrder;
        model_->sort(section, ascending ? Qt::AscendingOrder : Qt::DescendingOrder);
        horizontalHeader()->viewport()->update();
        pinned_->horizontalHeader()->viewport()->update();
    });
    connect(header, &QWidget::customContextMenuRequested, this, [this, header](const QPoint& position) {
        const int section = header->logicalIndexAt(position);
        if (section >= 0)
            emit columnMenuRequested(QString::fromStdString(model_->shownColumns()[section]),
                                     header->mapToGlobal(position));
    });
    connect(view, &QTableView::clicked, this,
            [this](const QModelIndex& index) { model_->toggleGroup(index.row()); });
    if (view != this) {
        view->setContextMenuPolicy(Qt::CustomContextMenu);
        connect(view, &QWidget::customContextMenuRequested, this, &QWidget::customContextMenuRequested);
        connect(view, &QAbstractItemView::doubleClicked, this, &QAbstractItemView::doubleClicked);
    }
}

int RunTableView::pinnedWidth() const {
    int width = 0;
    for (int column = 0; column < model_->pinnedCount(); ++column)
        width += columnWidth(column);
    return std::min(width, std::max(0, viewport()->width() - 80));
}

void RunTableView::placePinned() {
    const int width = pinnedWidth();
    pinned_->setVisible(width > 0);
    pinned_->setGeometry(frameWidth(), frameWidth(), width,
                         viewport()->height() + horizontalHeader()->height());
    pinned_->setStyleSheet(QString("QTableView#runTablePinned { border: none; border-right: 1px solid %1; "
                                   "border-radius: 0; }")
                               .arg(palette().color(QPalette::Mid).name()));
}

void RunTableView::setWidths() {
    const auto& columns = model_->shownColumns();
    for (int column = 0; column < int(columns.size()); ++column) {
        const std::string& key = columns[column];
        const int titled =
            key.starts_with("metrics.")
                ? std::clamp(horizontalHeader()->sectionSizeHint(column), kColumnWidth, kMetricWidth)
                : kColumnWidth;
        const int standard = key == "name" ? 230 : key == "created" ? 150 : titled;
        const int width = widths_.value(QString::fromStdString(key), standard);
        if (columnWidth(column) != width)
            setColumnWidth(column, width);
        if (column < model_->pinnedCount() && pinned_->columnWidth(column) != width)
            pinned_->setColumnWidth(column, width);
    }
    placePinned();
}

void RunTableView::resizeEvent(QResizeEvent* event) {
    QTableView::resizeEvent(event);
    placePinned();
}

void RunTableView::changeEvent(QEvent* event) {
    QTableView::changeEvent(event);
    if (event->type() == QEvent::PaletteChange && pinned_)
        placePinned();
}

void RunTableView::keyPressEvent(QKeyEvent* event) {
    const bool fold = event->key() == Qt::Key_Space || event->key() == Qt::Key_Return;
    if (fold && model_->isGroup(currentIndex().row())) {
        model_->toggleGroup(currentIndex().row());
        return;
    }
    QTableView::keyPressEvent(event);
}

QModelIndex RunTableView::moveCursor(CursorAction action, Qt::KeyboardModifiers modifiers) {
    const QModelIndex next = QTableView::moveCursor(action, modifiers);
    // A cell that came to lie behind the pinned columns is scrolled out from under them.
    if (action == MoveLeft && next.column() >= model_->pinnedCount() &&
        visualRect(next).left() < pinnedWidth())
        horizontalScrollBar()->setValue(horizontalScrollBar()->value() + visualRect(next).left() -
                                        pinnedWidth());
    return next;
}

void RunTableView::scrollTo(const QModelIndex& index, ScrollHint hint) {
    if (index.column() >= model_->pinnedCount()) {
        QTableView::scrollTo(index, hint);
        return;
    }
    // Pinned columns are always in sight: only the row matters.
    const int horizontal = horizontalScrollBar()->value();
    QTableView::scrollTo(index, hint);
    horizontalScrollBar()->setValue(horizontal);
}

std::vector<Run> RunTableView::selectedRuns() const {
    std::vector<int> rows;
    for (const QItemSelectionRange& range : selectionModel()->selection())
        for (int row = range.top(); row <= range.bottom(); ++row)
            rows.push_back(row);
    std::sort(rows.begin(), rows.end());
    rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
    const auto current = std::find(rows.begin(), rows.end(), currentIndex().row());
    if (current != rows.end())
        std::rotate(rows.begin(), current, current + 1);
    std::vector<Run> out;
    for (const int row : rows)
        if (const Run* run = model_->runAt(row))
            out.push_back(*run);
    return out;
}

void RunTableView::selectRuns(const std::vector<int64_t>& numbers) {
    QItemSelection selection;
    QModelIndex first;
    for (const int64_t number : numbers)
        if (const int row = model_->rowOf(number); row >= 0) {
            selection.select(model_->index(row, 0), model_->index(row, model_->columnCount() - 1));
            if (!first.isValid())
                first = model_->index(row, 0);
        }
    if (first.isValid())
        selectionModel()->setCurrentIndex(first, QItemSelectionModel::NoUpdate);
    selectionModel()->select(selection, QItemSelectionModel::ClearAndSelect);
}

void RunTableView::rememberSelection() {
    remembered_.clear();
    for (const Run& run : selectedRuns())
        remembered_.push_back(run.number);
    const Run* current = model_->runAt(currentIndex().row());
    rememberedCurrent_ = current ? current->number : 0;
    rememberedScroll_ = verticalScrollBar()->value();
    rememberedColumnScroll_ = horizontalScrollBar()->value();
    restoring_ = true;
}

void RunTableView::restoreSelection() {
    setWidths();
    selectRuns(remembered_);
    restoring_ = false;
    verticalScrollBar()->setValue(rememberedScroll_);
    horizontalScrollBar()->setValue(rememberedColumnScroll_);
    if (selectedRuns().size() != remembered_.size())
        emit selectionEdited();
}

}  // namespace vitrine
