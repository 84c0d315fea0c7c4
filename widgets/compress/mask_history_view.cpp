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
constexpr std::array<Group, 4> kGroups{
    {{"historyFlips",
      "Flips and changes",
      "part",
      {"flip rate", "changed from the beginning", "exchanged part", "overlap with", "ever in use",
       "survival"}},
     {"historyEntropy",
      "Certainty; exchanges",
      "nats; probability; weights",
      {"entropy (nats)", "largest probability", "entered", "left", "reactivated", ""}},
     {"historySchedule", "Temperature and scale", "κ, τ", {"kappa", "tau", "logit deviation", "", "", ""}},
     {"historyLoss",
      "Loss, density, accuracy",
      "nats; part",
      {"loss", "density", "held out", "accuracy", "", ""}}}};

}  // namespace

MaskHistoryView::MaskHistoryView(QWidget* parent)
    : QWidget(parent), text_(new QLabel), frames_(new QSlider(Qt::Horizontal)) {
    setObjectName("maskHistory");
    text_->setObjectName("historyText");
    frames_->setObjectName("historyFrames");
    frames_->setToolTip(tr("The masks at a step, shown in Masks against the frame before"));
    auto* grid = new QGridLayout;
    for (size_t index = 0; index < kGroups.size(); ++index) {
        auto* chart = new Chart;
        chart->setObjectName(kGroups[index].name);
        chart->setAxes(tr("step"), tr(kGroups[index].unit));
        chart->setTitle(tr(kGroups[index].title));
        auto* title = new QLabel(tr(kGroups[index].title));
        title->setProperty("role", "secondary");
        const int row = 2 * int(index / 2), column = int(index % 2);
        grid->addWidget(title, row, column);
        grid->addWidget(chart, row + 1, column);
        grid->setRowStretch(row + 1, 1);
        charts_.push_back(chart);
    }
    auto* movie = new QHBoxLayout;
    movie->addWidget(text_);
    movie->addWidget(frames_, 1);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addLayout(movie);
    layout->addLayout(grid, 1);
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
                if (*metric && curve.name.section('/', -1).startsWith(QLatin1String(metric))) {
                    ChartSeries own = curve;
                    own.color = QColor();
                    own.name = curve.name.startsWith("masks/") ? curve.name.mid(6) : curve.name;
                    series.push_back(std::move(own));
                }
        charts_[index]->setSeries(std::move(series));
        charts_[index]->setAccessibleName(tr(kGroups[index].title));
    }
    const QSignalBlocker blocked(frames_);
    frames_->setRange(0, std::max(0, int(history_.frames.size()) - 1));
    if (other)
        frames_->setValue(frames_->maximum());
    frames_->setEnabled(history_.frames.size() > 1);
    text_->setText(history_.frames.empty() ? tr("no masks were kept on the way")
                                           : tr("%1 frames of the masks").arg(history_.frames.size()));
}

void MaskHistoryView::setStep(qint64 step) {
    const auto after = std::upper_bound(history_.frames.begin(), history_.frames.end(), step);
    frames_->setValue(int(after - history_.frames.begin()) - 1);
}

}  // namespace vitrine
