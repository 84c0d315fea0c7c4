#include "widgets/teachers/statistics_view.h"

#include "core/base/file.h"
#include "widgets/teachers/statistics_charts.h"

#include <QComboBox>
#include <QGridLayout>
#include <QLabel>
#include <QSplitter>
#include <QVBoxLayout>
#include <array>
#include <cmath>

namespace vitrine {
namespace {

constexpr int kRemarksShown = 3;
constexpr std::array<const char*, 5> kPartNames{"table", "spectrum", "variances", "balance", "histogram"};

QString remarksOf(const TeacherStatisticsList& list) {
    const QStringList names = statisticsNames(list);
    QStringList lines;
    for (size_t index = 0; index < list.size(); ++index)
        for (const QString& remark : list[index].remarks)
            lines.append(QStringLiteral("%1: %2").arg(names[qsizetype(index)], remark));
    const qsizetype more = lines.size() - kRemarksShown;
    if (more > 0)
        lines = lines.mid(0, kRemarksShown) << StatisticsView::tr("%1 more in the column remarks").arg(more);
    return lines.join('\n');
}

}  // namespace

const char* statisticsPartName(StatisticsPart part) {
    return kPartNames[size_t(part)];
}

std::optional<StatisticsPart> statisticsPartFromName(const std::string& name) {
    for (size_t index = 0; index < kPartNames.size(); ++index)
        if (name == kPartNames[index])
            return StatisticsPart(index);
    return std::nullopt;
}

StatisticsView::StatisticsView(QWidget* parent)
    : QWidget(parent),
      remarks_(new QLabel),
      balanceText_(new QLabel),
      histogramOf_(new QComboBox),
      table_(new DataTable) {
    setObjectName("statisticsView");
    setAttribute(Qt::WA_StyledBackground);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(8, 6, 8, 6);
    layout->setSpacing(6);
    buildControls();
    table_->setObjectName("statisticsTable");
    table_->setContextMenuPolicy(Qt::CustomContextMenu);
    connect(table_, &QWidget::customContextMenuRequested, this, [this](QPoint at) {
        emit menuRequested(StatisticsPart::Table, table_->viewport()->mapToGlobal(at));
    });
    auto* cards = new QWidget;
    auto* grid = new QGridLayout(cards);
    grid->setContentsMargins(0, 0, 0, 0);
    grid->setSpacing(8);
    addCard(grid, 0, 0, StatisticsPart::Spectrum, tr("Spectrum of the covariance"), nullptr);
    addCard(grid, 0, 1, StatisticsPart::Variances, tr("Variance of the channels"), nullptr);
    addCard(grid, 1, 0, StatisticsPart::Balance, tr("Balance between teachers"), balanceText_);
    addCard(grid, 1, 1, StatisticsPart::Histogram, tr("Histogram"), histogramOf_);
    chart(StatisticsPart::Spectrum)->setAxes(tr("direction, the largest first"), tr("share of the variance"));
    chart(StatisticsPart::Spectrum)->setLogarithmic(true, true);
    chart(StatisticsPart::Variances)->setAxes(tr("channel, the largest first"), tr("variance"));
    chart(StatisticsPart::Variances)->setLogarithmic(true, true);
    chart(StatisticsPart::Histogram)->setLogarithmic(false, true);
    chart(StatisticsPart::Balance)->setAxes({}, tr("deviation of the channels, φ"));

    auto* upper = new QWidget;
    auto* upperLayout = new QVBoxLayout(upper);
    upperLayout->setContentsMargins(0, 0, 0, 0);
    upperLayout->addWidget(table_, 1);
    upperLayout->addWidget(remarks_);
    auto* splitter = new QSplitter(Qt::Vertical);
    splitter->addWidget(upper);
    splitter->addWidget(cards);
    splitter->setStretchFactor(1, 1);
    splitter->setSizes({190, 600});
    splitter->setChildrenCollapsible(false);
    layout->addWidget(splitter, 1);
}

void StatisticsView::buildControls() {
    remarks_->setObjectName("statisticsRemarks");
    remarks_->setProperty("role", "secondary");
    remarks_->setWordWrap(true);
    remarks_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    balanceText_->setObjectName("statisticsBalanceText");
    balanceText_->setProperty("role", "secondary");
    histogramOf_->setObjectName("statisticsHistogramOf");
    histogramOf_->addItems({tr("Values"), tr("Norms of the vectors")});
    histogramOf_->setToolTip(tr("All values of the feature vectors, or their L2 norms"));
    connect(histogramOf_, &QComboBox::activated, this,
            [this] { emit normsChosen(histogramOf_->currentIndex() == 1); });
}

void StatisticsView::addCard(QGridLayout* grid, int row, int column, StatisticsPart part,
                             const QString& title, QWidget* control) {
    auto* card = new QWidget;
    auto* layout = new QVBoxLayout(card);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(3);
    auto* header = new QHBoxLayout;
    header->addWidget(new QLabel(title));
    header->addStretch(1);
    if (control)
        header->addWidget(control);
    layout->addLayout(header);
    auto* chart = new Chart;
    const QString name = QString::fromLatin1(statisticsPartName(part));
    chart->setObjectName("statistics" + name.left(1).toUpper() + name.mid(1));
    chart->setTitle(title);
    chart->setMinimumSize(220, 130);
    chart->setContextMenuPolicy(Qt::CustomContextMenu);
    connect(chart, &QWidget::customContextMenuRequested, this,
            [this, chart, part](QPoint at) { emit menuRequested(part, chart->mapToGlobal(at)); });
    layout->addWidget(chart, 1);
    grid->addWidget(card, row, column);
    grid->setRowStretch(row, 1);
    grid->setColumnStretch(column, 1);
    charts_[size_t(part) - 1] = chart;
}

Chart* StatisticsView::chart(StatisticsPart part) const {
    return charts_[size_t(part) - 1];
}

void StatisticsView::setStatistics(TeacherStatisticsList list, const QString& normalizer) {
    list_ = std::move(list);
    normalizer_ = normalizer;
    table_->setContent(statisticsTable(list_));
    table_->setAccessibleName(tr("Statistics of teachers"));
    table_->setAccessibleDescription(table_->toCsv());
    const QString remarks = remarksOf(list_);
    remarks_->setText(remarks);
    remarks_->setVisible(!remarks.isEmpty());
    chart(StatisticsPart::Spectrum)->setSeries(spectrumSeries(list_));
    refreshNormalized();
    refreshHistogram();
}

void StatisticsView::setNormalizer(const QString& name) {
    normalizer_ = name;
    refreshNormalized();
}

void StatisticsView::setShowNorms(bool norms) {
    norms_ = norms;
    refreshHistogram();
}

void StatisticsView::refreshNormalized() {
    Chart* variances = chart(StatisticsPart::Variances);
    variances->setSeries(varianceSeries(list_, normalizer_));
    variances->setAccessibleName(tr("Variance of the channels before and after %1").arg(normalizer_));
    Chart* balance = chart(StatisticsPart::Balance);
    balance->setXNames(statisticsNames(list_));
    balance->setSeries(balanceSeries(list_, normalizer_));
    balance->setAccessibleName(tr("Balance between teachers"));
    balance->setAccessibleDescription(balance->toCsv());
    balanceText_->setText(balanceText(list_, normalizer_));
}

void StatisticsView::refreshHistogram() {
    histogramOf_->setCurrentIndex(norms_ ? 1 : 0);
    Chart* histogram = chart(StatisticsPart::Histogram);
    histogram->setAxes(norms_ ? tr("L2 norm of a feature vector") : tr("value of a feature"), tr("density"));
    histogram->setSeries(histogramSeries(list_, norms_));
    histogram->setAccessibleName(norms_ ? tr("Histogram of the norms") : tr("Histogram of the values"));
}

QString StatisticsView::toCsv(StatisticsPart part) const {
    return part == StatisticsPart::Table ? table_->toCsv() : chart(part)->toCsv();
}

QImage StatisticsView::toImage(StatisticsPart part) const {
    return part == StatisticsPart::Table ? QImage() : chart(part)->toPixmap(1200, 800).toImage();
}

Result<void> StatisticsView::save(StatisticsPart part, const std::filesystem::path& file) const {
    if (part != StatisticsPart::Table)
        return chart(part)->save(file);
    if (file.extension() != ".csv")
        return fail(ErrorCode::InvalidArgument, "the table is saved as .csv", file.string());
    return writeFileAtomically(file, toCsv(part).toStdString());
}

}  // namespace vitrine
