#include "widgets/compress/incremental_view.h"

#include "widgets/compress/titled.h"

#include <QGridLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QSignalBlocker>
#include <QSlider>
#include <algorithm>
#include <cmath>
#include <numeric>

namespace vitrine {
namespace {

constexpr double kCarries = 0.1;  // of the largest channel
constexpr double kBarWidth = 0.4;
const QColor kOthers(150, 150, 150);

std::vector<ChartSeries> accuracySeries(const IncrementalResults& results) {
    ChartSeries own;
    own.name = IncrementalView::tr("this run");
    own.points = true;
    for (size_t chunk = 0; chunk < results.chunks.size(); ++chunk) {
        own.x.append(double(chunk));
        own.y.append(100 * results.chunks[chunk].accuracy);
    }
    std::vector<ChartSeries> series{own};
    for (const IncrementalRival& other : results.others) {
        ChartSeries one;
        one.name = other.name;
        one.dashed = true;
        for (qsizetype chunk = 0; chunk < other.accuracy.size(); ++chunk) {
            one.x.append(double(chunk));
            one.y.append(100 * other.accuracy[chunk]);
        }
        series.push_back(std::move(one));
    }
    return series;
}

// The chosen chunk's values over `x`, and those of all others in grey.
std::vector<ChartSeries> amongOthers(const IncrementalResults& results, size_t chosen,
                                     std::vector<double> IncrementalChunk::*values, bool inParts) {
    ChartSeries others, own;
    others.name = IncrementalView::tr("other chunks");
    others.color = kOthers;
    others.curve = true;  // one after another, with gaps
    own.name = IncrementalView::tr("chunk %1").arg(chosen);
    own.points = true;
    for (size_t chunk = 0; chunk < results.chunks.size(); ++chunk) {
        const std::vector<double>& list = results.chunks[chunk].*values;
        ChartSeries& into = chunk == chosen ? own : others;
        for (size_t place = 0; place < list.size(); ++place) {
            into.x.append(inParts ? double(place) / double(std::max<size_t>(1, list.size() - 1))
                                  : double(place));
            into.y.append(list[place]);
        }
        if (chunk != chosen && !list.empty()) {
            others.x.append(others.x.back());
            others.y.append(std::numeric_limits<double>::quiet_NaN());
        }
    }
    std::vector<ChartSeries> series;
    for (ChartSeries* each : {&others, &own})
        if (!each->x.isEmpty())
            series.push_back(std::move(*each));
    return series;
}

// Channels by falling use before the chunk, with their use behind it beside.
std::vector<ChartSeries> channelSeries(const std::vector<double>& before, const std::vector<double>& after) {
    if (after.empty())
        return {};
    const bool first = before.size() != after.size();
    std::vector<size_t> order(after.size());
    std::iota(order.begin(), order.end(), size_t(0));
    const std::vector<double>& by = first ? after : before;
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return by[a] > by[b]; });
    ChartSeries was, is;
    was.name = IncrementalView::tr("before");
    was.color = kOthers;
    is.name = IncrementalView::tr("after");
    is.color = chartColor(0);
    was.barWidth = is.barWidth = first ? 2 * kBarWidth : kBarWidth;
    for (size_t place = 0; place < order.size(); ++place) {
        if (!first) {
            was.x.append(double(place) - kBarWidth / 2);
            was.y.append(before[order[place]]);
        }
        is.x.append(double(place) + (first ? 0 : kBarWidth / 2));
        is.y.append(after[order[place]]);
    }
    return first ? std::vector<ChartSeries>{is} : std::vector<ChartSeries>{was, is};
}

}  // namespace

HeatMap forgettingMap(const IncrementalResults& results) {
    HeatMap map;
    map.rows = map.columns = int(results.chunks.size());
    map.low = 100;
    map.high = 0;
    for (int part = 0; part < map.rows; ++part)
        for (int learnt = 0; learnt < map.columns; ++learnt) {
            const std::vector<double>& known = results.chunks[size_t(learnt)].heldOut;
            const double right = size_t(part) < known.size() ? 100 * known[size_t(part)]
                                                             : std::numeric_limits<double>::quiet_NaN();
            map.values.push_back(right);
            if (std::isfinite(right)) {
                map.low = std::min(map.low, right);
                map.high = std::max(map.high, right);
            }
        }
    map.high = std::max(map.high, map.low + 1);
    map.title = IncrementalView::tr("Right of the held-out part of each chunk");
    map.rowTitle = IncrementalView::tr("part of chunk");
    map.columnTitle = IncrementalView::tr("learnt up to chunk");
    map.valueTitle = IncrementalView::tr("right (%)");
    return map;
}

ChannelTurnover channelTurnover(const std::vector<double>& before, const std::vector<double>& after) {
    const auto carries = [](const std::vector<double>& use, size_t channel) {
        return channel < use.size() && use[channel] > 0 &&
               use[channel] >= kCarries * *std::max_element(use.begin(), use.end());
    };
    ChannelTurnover turnover;
    for (size_t channel = 0; channel < after.size(); ++channel) {
        const bool was = carries(before, channel), is = carries(after, channel);
        turnover.carry += is;
        turnover.freed += was && !is;
        turnover.taken += is && !was && !before.empty();
    }
    return turnover;
}

std::vector<ChartSeries> weightBars(const IncrementalChunk& chunk) {
    double all = 0;
    size_t used = 0;  // bins up to the last one with a picture in it
    for (const std::vector<double>* counts : {&chunk.weightsRight, &chunk.weightsWrong})
        for (size_t bin = 0; bin < counts->size(); ++bin) {
            all += (*counts)[bin];
            if ((*counts)[bin] > 0)
                used = std::max(used, bin + 1);
        }
    if (all <= 0)
        return {};
    ChartSeries right, wrong;
    right.name = IncrementalView::tr("it is right");
    wrong.name = IncrementalView::tr("it is wrong");
    wrong.color = chartColor(4);
    for (ChartSeries* series : {&right, &wrong}) {
        const std::vector<double>& counts = series == &right ? chunk.weightsRight : chunk.weightsWrong;
        series->barWidth = kBarWidth * chunk.weightWidth;
        const double shift = (series == &right ? -0.5 : 0.5) * series->barWidth;
        for (size_t bin = 0; bin < std::min(used, counts.size()); ++bin) {
            series->x.append((double(bin) + 0.5) * chunk.weightWidth + shift);
            series->y.append(100 * counts[bin] / all);
        }
    }
    return {right, wrong};
}

IncrementalView::IncrementalView(QWidget* parent)
    : QWidget(parent),
      slider_(new QSlider(Qt::Horizontal)),
      facts_(new QLabel),
      chosenText_(new QLabel),
      forgetting_(new HeatMapView),
      accuracy_(new Chart),
      channels_(new Chart),
      line_(new Chart),
      similarity_(new Chart),
      weights_(new Chart),
      spread_(new Chart) {
    setObjectName("incrementalView");
    facts_->setObjectName("incrementalFacts");
    facts_->setWordWrap(true);
    chosenText_->setObjectName("incrementalChosen");
    slider_->setObjectName("incrementalChunk");
    slider_->setToolTip(tr("The chunk that is shown"));
    slider_->setPageStep(1);
    slider_->setTickPosition(QSlider::TicksBelow);
    forgetting_->setObjectName("incrementalForgetting");
    accuracy_->setObjectName("incrementalAccuracy");
    accuracy_->setAxes(tr("chunk"), tr("right (%)"));
    channels_->setObjectName("incrementalChannels");
    channels_->setAxes(tr("channel, by its use before"), tr("mean size"));
    line_->setObjectName("incrementalLine");
    line_->setAxes(tr("from the network before (0) to this one (1)"), tr("cross-entropy (nats)"));
    similarity_->setObjectName("incrementalSimilarity");
    similarity_->setAxes(tr("block"), tr("CKA before and after"));
    weights_->setObjectName("incrementalWeights");
    weights_->setAxes(tr("step"), tr("mean weight"));
    spread_->setObjectName("incrementalSpread");
    spread_->setAxes(tr("weight of a picture"), tr("of the pictures (%)"));
    auto* row = new QHBoxLayout;
    row->addWidget(new QLabel(tr("Chunk")));
    row->addWidget(slider_, 1);
    row->addWidget(chosenText_);
    auto* grid = new QGridLayout(this);
    grid->setContentsMargins(0, 0, 0, 0);
    grid->addWidget(facts_, 0, 0, 1, 12);
    grid->addLayout(row, 1, 0, 1, 12);
    grid->addWidget(titled(tr("Test pictures after each chunk"), accuracy_), 2, 0, 1, 4);
    grid->addWidget(forgetting_, 2, 4, 1, 4);
    grid->addWidget(titled(tr("Use of the pooled channels"), channels_), 2, 8, 1, 4);
    grid->addWidget(titled(tr("Loss on the way from the network before"), line_), 3, 0, 1, 3);
    grid->addWidget(titled(tr("How alike each block stayed"), similarity_), 3, 3, 1, 3);
    grid->addWidget(titled(tr("Weight of what the old network says"), weights_), 3, 6, 1, 3);
    grid->addWidget(titled(tr("Pictures of the chunk by that weight"), spread_), 3, 9, 1, 3);
    for (int index = 0; index < 12; ++index)
        grid->setColumnStretch(index, 1);
    grid->setRowStretch(2, 1);
    grid->setRowStretch(3, 1);
    connect(slider_, &QSlider::valueChanged, this, &IncrementalView::chunkChosen);
    connect(forgetting_, &HeatMapView::cellClicked, this,
            [this](int, int learnt) { emit chunkChosen(learnt); });
}

void IncrementalView::setResults(IncrementalResults results) {
    const bool follows = results.run != results_.run || chosen_ + 1 >= results_.chunks.size();
    results_ = std::move(results);
    if (follows || chosen_ >= results_.chunks.size())
        chosen_ = results_.chunks.empty() ? 0 : results_.chunks.size() - 1;
    refresh();
}

Result<void> IncrementalView::choose(int chunk) {
    if (chunk < 0 || size_t(chunk) >= results_.chunks.size())
        return fail(ErrorCode::NotFound, fmt::format("chunk {} is not learnt", chunk), "chunk",
                    results_.chunks.empty() ? std::string("Open a run of train-incremental")
                                            : fmt::format("0 to {} are learnt", results_.chunks.size() - 1));
    chosen_ = size_t(chunk);
    refresh();
    return {};
}

QString IncrementalView::facts() const {
    if (results_.chunks.empty())
        return tr("No chunk is learnt yet");
    const IncrementalChunk& chunk = results_.chunks[chosen_];
    QString text = tr("After chunk %1: %2 % of the test pictures right")
                       .arg(chosen_)
                       .arg(100 * chunk.accuracy, 0, 'f', 2);
    if (std::isfinite(chunk.forgotten))
        text += (chunk.forgotten < 0 ? tr(" · %1 points gained on earlier chunks")
                                     : tr(" · %1 points forgotten of earlier chunks"))
                    .arg(100 * std::abs(chunk.forgotten), 0, 'f', 2);
    if (!chunk.channelUse.empty()) {
        const auto before = chosen_ > 0 ? results_.chunks[chosen_ - 1].channelUse : std::vector<double>();
        const ChannelTurnover turnover = channelTurnover(before, chunk.channelUse);
        text += tr(" · %1 of %2 channels carry").arg(turnover.carry).arg(chunk.channelUse.size());
        if (!before.empty())
            text += tr(" (%1 freed, %2 taken up)").arg(turnover.freed).arg(turnover.taken);
    }
    if (std::isfinite(chunk.barrier))
        text +=
            tr(" · a hill of %1 nats between this network and the one before").arg(chunk.barrier, 0, 'f', 3);
    return text;
}

void IncrementalView::refresh() {
    const QSignalBlocker quiet(slider_);
    const int count = int(results_.chunks.size());
    slider_->setEnabled(count > 1);
    slider_->setRange(0, std::max(0, count - 1));
    slider_->setValue(int(chosen_));
    chosenText_->setText(count > 0 ? QString::number(chosen_) : QString());
    facts_->setText(facts());
    accuracy_->setSeries(accuracySeries(results_));
    forgetting_->setMap(forgettingMap(results_));
    line_->setSeries(amongOthers(results_, chosen_, &IncrementalChunk::line, true));
    similarity_->setXNames(count > 1 ? results_.chunks[1].blocks : QStringList());
    similarity_->setSeries(amongOthers(results_, chosen_, &IncrementalChunk::similarity, false));
    channels_->setSeries(count == 0 ? std::vector<ChartSeries>()
                                    : channelSeries(chosen_ > 0 ? results_.chunks[chosen_ - 1].channelUse
                                                                : std::vector<double>(),
                                                    results_.chunks[chosen_].channelUse));
    std::vector<ChartSeries> weights;
    for (const ChartSeries* each : {&results_.weightRight, &results_.weightWrong})
        if (!each->x.isEmpty())
            weights.push_back(*each);
    weights_->setSeries(std::move(weights));
    spread_->setSeries(count == 0 ? std::vector<ChartSeries>() : weightBars(results_.chunks[chosen_]));
}

}  // namespace vitrine
