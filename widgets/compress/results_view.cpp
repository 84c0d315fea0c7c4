#include "widgets/compress/results_view.h"

#include "core/base/file.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QListView>
#include <QSignalBlocker>
#include <QSplitter>
#include <QTextBrowser>
#include <QVBoxLayout>
#include <algorithm>

namespace vitrine {

ResultsView::ResultsView(QWidget* parent)
    : QWidget(parent),
      keys_(new QComboBox),
      axes_(new QComboBox),
      note_(new QLabel),
      table_(new DataTable),
      plot_(new Chart),
      details_(new QTextBrowser) {
    setObjectName("compressResults");
    keys_->setObjectName("compressKey");
    keys_->setToolTip(
        tr("Text, length and tokenizer that the losses were measured with: only equal ones are "
           "comparable, so only they are shown together"));
    keys_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    keys_->setMinimumContentsLength(30);
    axes_->setObjectName("compressAxis");
    axes_->addItems({tr("Bits per weight"), tr("Bytes"), tr("Operations")});
    axes_->setToolTip(tr("What the plot sets against the loss"));
    note_->setObjectName("compressKeyNote");
    note_->setProperty("role", "secondary");
    table_->setObjectName("compressTable");
    table_->setContextMenuPolicy(Qt::CustomContextMenu);
    table_->setSelectionBehavior(QAbstractItemView::SelectRows);
    plot_->setObjectName("compressPareto");
    plot_->setContextMenuPolicy(Qt::CustomContextMenu);
    plot_->setToolTip(tr("Click a point to see its plan; wheel zooms, double click shows all"));
    details_->setObjectName("compressDetails");
    details_->setOpenLinks(false);
    auto* top = new QHBoxLayout;
    top->addWidget(new QLabel(tr("Measured on")));
    top->addWidget(keys_, 1);
    top->addWidget(note_);
    top->addWidget(axes_);
    auto* lower = new QSplitter(Qt::Horizontal);
    lower->addWidget(plot_);
    lower->addWidget(details_);
    lower->setStretchFactor(0, 3);
    lower->setStretchFactor(1, 2);
    lower->setSizes({560, 400});
    lower->setChildrenCollapsible(false);
    auto* split = new QSplitter(Qt::Vertical);
    split->addWidget(table_);
    split->addWidget(lower);
    split->setStretchFactor(1, 1);
    split->setSizes({310, 380});
    split->setChildrenCollapsible(false);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(8, 6, 8, 6);
    layout->addLayout(top);
    layout->addWidget(split, 1);
    connect(keys_, &QComboBox::activated, this,
            [this](int index) { setKey(keys_->itemData(index).toString()); });
    connect(axes_, &QComboBox::activated, this, [this](int index) { setAxis(CostAxis(index)); });
    connect(table_, &DataTable::rowChosen, this, [this](int row) { pick(int(rows_[size_t(row)])); });
    connect(plot_, &Chart::pointClicked, this, [this](int series, int index) {
        if (size_t(series) < points_.size() && size_t(index) < points_[size_t(series)].size())
            pick(int(points_[size_t(series)][size_t(index)]));
    });
    for (QWidget* each : {static_cast<QWidget*>(table_), static_cast<QWidget*>(plot_)})
        connect(each, &QWidget::customContextMenuRequested, this,
                [this, each](QPoint at) { emit menuRequested(each->mapToGlobal(at)); });
    refresh();
}

void ResultsView::setResults(PlanResults results) {
    results_ = std::move(results);
    pairDifferences(results_);
    const QStringList keys = metricKeys(results_);
    if (!keys.contains(key_))
        key_ = keys.value(0);
    const QSignalBlocker blocked(keys_);
    keys_->clear();
    for (const QString& key : keys)
        keys_->addItem(shortKey(key), key);
    keys_->setCurrentIndex(int(keys.indexOf(key_)));
    refresh();
}

void ResultsView::setKey(const QString& key) {
    key_ = key;
    keys_->setCurrentIndex(keys_->findData(key));
    refresh();
}

void ResultsView::setAxis(CostAxis axis) {
    axis_ = axis;
    axes_->setCurrentIndex(int(axis));
    refreshPlot();
}

const PlanResult* ResultsView::chosen() const {
    const auto found = std::find_if(results_.begin(), results_.end(), [&](const PlanResult& each) {
        return each.runId == chosenRun_ && each.plan == chosenPlan_;
    });
    return found == results_.end() ? nullptr : &*found;
}

Result<void> ResultsView::choose(const QString& runId, const QString& plan) {
    std::vector<std::string> names;
    for (size_t index = 0; index < results_.size(); ++index) {
        const PlanResult& each = results_[index];
        if (each.plan == plan && (runId.isEmpty() || each.runId == runId)) {
            if (each.key != key_)
                setKey(each.key);
            choose(int(index));
            return {};
        }
        names.push_back(each.plan.toStdString());
    }
    return fail(
        ErrorCode::NotFound, fmt::format("there is no plan \"{}\"", plan.toStdString()), "plan",
        names.empty() ? "Queue a sweep or open a run" : fmt::format("One of: {}", fmt::join(names, ", ")));
}

void ResultsView::pick(int index) {
    emit picked();
    choose(index);
}

void ResultsView::choose(int index) {
    const PlanResult& result = results_[size_t(index)];
    if (result.runId == chosenRun_ && result.plan == chosenPlan_)
        return;
    chosenRun_ = result.runId;
    chosenPlan_ = result.plan;
    refreshPlot();
    emit chosenChanged();
}

void ResultsView::setDetails(const QString& html) {
    details_->setHtml(html);
}

void ResultsView::refresh() {
    rows_ = resultsWith(results_, key_);
    // Operations are told of encoders only.
    const bool encoders = isOfEncoders(results_, key_);
    qobject_cast<QListView*>(axes_->view())->setRowHidden(int(CostAxis::Operations), !encoders);
    if (!encoders && axis_ == CostAxis::Operations && !results_.empty())
        setAxis(CostAxis::BitsPerWeight);
    {
        const QSignalBlocker blocked(table_);
        table_->setContent(resultsTable(results_, key_));
    }
    table_->setAccessibleName(tr("Results of plans"));
    table_->setAccessibleDescription(table_->toCsv());
    const auto others = results_.size() - rows_.size();
    note_->setText(others > 0 ? tr("%1 results of another text or length are not shown").arg(others)
                              : QString());
    refreshPlot();
}

void ResultsView::refreshPlot() {
    const PlanResult* now = chosen();
    ParetoPlot plot = paretoPlot(results_, key_, axis_, now ? int(now - results_.data()) : -1);
    points_ = std::move(plot.points);
    plot_->setAxes(costAxisTitle(axis_), lossTitle(results_, key_));
    plot_->setSeries(std::move(plot.series));
    plot_->setAccessibleName(tr("Loss against %1").arg(costAxisTitle(axis_)));
    plot_->setAccessibleDescription(plot_->toCsv());
}

QString ResultsView::toCsv() const {
    return table_->toCsv();
}

QImage ResultsView::plotImage() {
    return plot_->toPixmap(1200, 800).toImage();
}

Result<void> ResultsView::save(const std::filesystem::path& file) {
    if (file.extension() == ".csv")
        return writeFileAtomically(file, toCsv().toStdString());
    return plot_->save(file);
}

}  // namespace vitrine
