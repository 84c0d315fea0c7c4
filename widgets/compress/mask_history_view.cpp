#include "widgets/compress/mask_history_view.h"

#include <QGridLayout>
#include <QLabel>
#include <QSignalBlocker>
#include <QSlider>
#include <QVBoxLayout>
#include <algorithm>
#include <array>

namespace vitrine {
namespace {

struct Group {
    const char *name, *title, *unit;
    std::array<const char*, 6> metrics;
};
// Endings of the metrics of a chart.
constexpr std::array<Group, 6> kGroups{
    {{"historyFlips",
      "Flips and changes",
      "part",
      {"flip rate", "changed from the beginning", "exchanged part", "overlap with", "ever in use",
       "survival"}},
     {"historyEntropy",
      "Certainty",
      "nats; probability",
      {"entropy (nats)", "largest probability", "", "", "", ""}},
     {"historySchedule", "Temperature and scale", "κ, τ", {"kappa", "tau", "logit deviation", "", "", ""}},
     {"historyLoss", "Loss", "nats", {"loss", "held out", "", "", "", ""}},
     {"historyExchanges", "Exchanges", "units", {"entered", "left", "reactivated", "", "", ""}},
     {"historyParts",
      "Density, time, accuracy",
      "part",
      {"density", "predicted latency", "accuracy", "", "", ""}}}};
constexpr size_t kOfMasks = 4;  // of these, shown until there is a curve

// Where most curves of a run come from says nothing beside them.
QString shownName(const QString& curve) {
    for (const QString& origin : {QStringLiteral("masks/"), QStringLiteral("structure/")})
        if (curve.startsWith(origin))
            return curve.mid(origin.size());
    return curve;
}

// Of the parts of a loss none: "loss/accuracy" is that of the phase "accuracy", and the whole has its steps.
QString endingOf(const QString& curve) {
    return curve.startsWith("loss/") ? QString() : curve.section('/', -1);
}

}  // namespace

MaskHistoryView::MaskHistoryView(QWidget* parent)
    : QWidget(parent), grid_(new QGridLayout), text_(new QLabel), frames_(new QSlider(Qt::Horizontal)) {
    setObjectName("maskHistory");
    text_->setObjectName("historyText");
    frames_->setObjectName("historyFrames");
    frames_->setToolTip(tr("The masks at a step, shown in Masks against the frame before"));
    for (size_t index = 0; index < kGroups.size(); ++index) {
        auto* chart = new Chart;
        chart->setObjectName(kGroups[index].name);
        chart->setAxes(tr("step"), tr(kGroups[index].unit));
        chart->setTitle(tr(kGroups[index].title));
        auto* title = new QLabel(tr(kGroups[index].title));
        title->setProperty("role", "secondary");
        charts_.push_back(chart);
        titles_.push_back(title);
    }
    auto* movie = new QHBoxLayout;
    movie->addWidget(text_);
    movie->addWidget(frames_, 1);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addLayout(movie);
    layout->addLayout(grid_, 1);
    placeCharts();
    connect(frames_, &QSlider::valueChanged, this, [this](int frame) {
        if (size_t(frame) >= history_.frames.size())
            return;
        text_->setText(tr("masks at step %1").arg(history_.frames[size_t(frame)]));
        emit frameChosen(frame);
    });
}

void MaskHistoryView::setHistory(MaskHistory history) {
    const bool other = history.run != history_.run;
    history_ = std::move(history);
    for (size_t index = 0; index < kGroups.size(); ++index) {
        std::vector<ChartSeries> series;
        for (const ChartSeries& curve : history_.curves)
            for (const char* metric : kGroups[index].metrics)
                if (*metric && endingOf(curve.name).startsWith(QLatin1String(metric))) {
                    ChartSeries own = curve;
                    own.color = QColor();
                    own.name = shownName(curve.name);
                    series.push_back(std::move(own));
                }
        charts_[index]->setSeries(std::move(series));
        charts_[index]->setAccessibleName(tr(kGroups[index].title));
    }
    placeCharts();
    const QSignalBlocker blocked(frames_);
    frames_->setRange(0, std::max(0, int(history_.frames.size()) - 1));
    if (other)
        frames_->setValue(frames_->maximum());
    frames_->setVisible(history_.frames.size() > 1);
    text_->setText(history_.frames.empty()       ? tr("no masks were kept on the way")
                   : history_.frames.size() == 1 ? tr("one frame of the masks")
                                                 : tr("%1 frames of the masks").arg(history_.frames.size()));
}

// Two beside each other, those that have no curve left out; all where none has one yet.
void MaskHistoryView::placeCharts() {
    const bool none =
        std::all_of(charts_.begin(), charts_.end(), [](Chart* each) { return each->series().empty(); });
    std::vector<size_t> shown;
    for (size_t index = 0; index < charts_.size(); ++index) {
        const bool is = none ? index < kOfMasks : !charts_[index]->series().empty();
        charts_[index]->setVisible(is);
        titles_[index]->setVisible(is);
        grid_->removeWidget(charts_[index]);
        grid_->removeWidget(titles_[index]);
        grid_->setRowStretch(2 * int(index) + 1, 0);
        if (is)
            shown.push_back(index);
    }
    for (size_t place = 0; place < shown.size(); ++place) {
        const int row = 2 * int(place / 2), column = int(place % 2);
        const int span = place + 1 == shown.size() && column == 0 ? 2 : 1;
        grid_->addWidget(titles_[shown[place]], row, column, 1, span);
        grid_->addWidget(charts_[shown[place]], row + 1, column, 1, span);
        grid_->setRowStretch(row + 1, 1);
    }
    for (const int column : {0, 1})
        grid_->setColumnStretch(column, 1);
}

void MaskHistoryView::setStep(qint64 step) {
    const auto after = std::upper_bound(history_.frames.begin(), history_.frames.end(), step);
    frames_->setValue(int(after - history_.frames.begin()) - 1);
}

}  // namespace vitrine
