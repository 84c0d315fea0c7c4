#include "widgets/compress/puzzle_view.h"

#include "widgets/base/theme.h"

#include <QGridLayout>
#include <QLabel>
#include <QPainter>
#include <algorithm>
#include <cmath>

namespace vitrine {

// Two bars for each layer, as wide as their part of the parent's parameters, with the name of the variant.
class ArchitectureDrawing : public QWidget {
  public:
    void show(const PuzzleResults& results, const PuzzleArchitecture* architecture) {
        rows_.clear();
        QStringList text;
        for (size_t layer = 0;
             architecture && layer < architecture->choice.size() && layer < results.layers.size(); ++layer) {
            const auto [attention, feedForward] = architecture->choice[layer];
            const PuzzleLayer& variants = results.layers[layer];
            if (size_t(attention) >= variants.attention.size() ||
                size_t(feedForward) >= variants.feedForward.size())
                continue;
            rows_.push_back(
                {variants.attention[size_t(attention)], variants.feedForward[size_t(feedForward)]});
            text.append(QStringLiteral("%1: %2 | %3")
                            .arg(layer)
                            .arg(rows_.back().first.name, rows_.back().second.name));
        }
        setAccessibleName(tr("Architecture"));
        setAccessibleDescription(text.join("; "));
        update();
    }

  protected:
    void paintEvent(QPaintEvent*) override {
        QPainter painter(this);
        const ThemeColors& colors = Theme::instance().colors();
        painter.fillRect(rect(), colors.panel);
        QFont font = this->font();
        font.setPixelSize(11);
        painter.setFont(font);
        const double height =
            rows_.empty() ? 0 : std::min(30.0, double(this->height()) / double(rows_.size()));
        const double half = (double(width()) - 34) / 2;
        for (size_t row = 0; row < rows_.size(); ++row) {
            const double y = double(row) * height;
            painter.setPen(colors.secondaryText);
            painter.drawText(QRectF(0, y, 24, height), Qt::AlignRight | Qt::AlignVCenter,
                             QString::number(row));
            for (int part = 0; part < 2; ++part) {
                const PuzzleVariant& variant = part == 0 ? rows_[row].first : rows_[row].second;
                const QRectF whole(30 + part * (half + 4), y + 1, half, height - 2);
                painter.fillRect(whole, colors.raised);
                QRectF bar = whole;
                bar.setWidth(whole.width() * std::clamp(variant.share, 0.0, 1.0));
                QColor fill = chartColor(part == 0 ? 0 : 1);
                fill.setAlpha(150);
                painter.fillRect(bar, fill);
                painter.setPen(colors.text);
                painter.drawText(whole.adjusted(4, 0, -4, 0), Qt::AlignLeft | Qt::AlignVCenter, variant.name);
            }
        }
    }

  private:
    std::vector<std::pair<PuzzleVariant, PuzzleVariant>> rows_;
};

HeatMap puzzleScores(const PuzzleResults& results) {
    HeatMap map;
    if (results.layers.empty())
        return map;
    const PuzzleLayer& first = results.layers[0];
    for (size_t i = 1; i < first.attention.size(); ++i)
        map.columnLabels.append(QObject::tr("attn %1").arg(first.attention[i].name));
    for (size_t j = 1; j < first.feedForward.size(); ++j)
        map.columnLabels.append(QObject::tr("ffn %1").arg(first.feedForward[j].name));
    map.columns = int(map.columnLabels.size());
    map.rows = int(results.layers.size());
    const auto scoreAt = [](const PuzzleLayer& layer, size_t i, size_t j) {
        return i < layer.scores.size() && j < layer.scores[i].size()
                   ? layer.scores[i][j]
                   : std::numeric_limits<double>::quiet_NaN();
    };
    double most = 0;
    for (const PuzzleLayer& layer : results.layers) {
        for (size_t i = 1; i < first.attention.size(); ++i)
            map.values.push_back(scoreAt(layer, i, 0));
        for (size_t j = 1; j < first.feedForward.size(); ++j)
            map.values.push_back(scoreAt(layer, 0, j));
    }
    for (const double value : map.values)
        most = std::isfinite(value) ? std::max(most, value) : most;
    map.high = most > 0 ? most : 1;
    map.rowTitle = QObject::tr("layer");
    map.valueTitle = QObject::tr("score (loss added)");
    map.title = QObject::tr("What each variant costs in quality, alone");
    map.colors = ColorMap::Magma;
    return map;
}

PuzzleView::PuzzleView(QWidget* parent)
    : QWidget(parent),
      scores_(new HeatMapView),
      front_(new Chart),
      additivity_(new Chart),
      drawing_(new ArchitectureDrawing),
      facts_(new QLabel) {
    setObjectName("puzzleView");
    scores_->setObjectName("puzzleScores");
    front_->setObjectName("puzzleFront");
    front_->setAxes(tr("MB of weights and cache"), tr("nats per token"));
    front_->setToolTip(tr("Click an architecture to see it layer by layer"));
    additivity_->setObjectName("puzzleAdditivity");
    additivity_->setAxes(tr("sum of scores"), tr("nats per token"));
    additivity_->setToolTip(tr("Random assemblies: what the sum of their scores foretold, and their loss"));
    drawing_->setObjectName("puzzleDrawing");
    facts_->setObjectName("puzzleFacts");
    facts_->setWordWrap(true);
    auto* grid = new QGridLayout(this);
    grid->setContentsMargins(0, 0, 0, 0);
    grid->addWidget(facts_, 0, 0, 1, 2);
    grid->addWidget(scores_, 1, 0);
    grid->addWidget(front_, 1, 1);
    grid->addWidget(drawing_, 2, 0);
    grid->addWidget(additivity_, 2, 1);
    for (int index = 0; index < 2; ++index) {
        grid->setRowStretch(index + 1, 1);
        grid->setColumnStretch(index, 1);
    }
    connect(front_, &Chart::pointClicked, this, [this](int series, int index) {
        if (size_t(series) < points_.size() && size_t(index) < points_[size_t(series)].size())
            (void)choose(results_.architectures[points_[size_t(series)][size_t(index)]].name);
    });
}

void PuzzleView::setResults(PuzzleResults results) {
    results_ = std::move(results);
    scores_->setMap(puzzleScores(results_));
    ChartSeries assemblies;
    assemblies.name = tr("random assemblies");
    assemblies.line = false;
    assemblies.points = true;
    assemblies.x = QVector<double>(results_.sums.begin(), results_.sums.end());
    assemblies.y = QVector<double>(results_.losses.begin(), results_.losses.end());
    additivity_->setSeries(assemblies.x.isEmpty() ? std::vector<ChartSeries>()
                                                  : std::vector<ChartSeries>{assemblies});
    const bool known = std::any_of(results_.architectures.begin(), results_.architectures.end(),
                                   [this](const auto& each) { return each.name == chosen_; });
    if (!known) {
        chosen_.clear();
        for (const PuzzleArchitecture& each : results_.architectures)
            if (chosen_.isEmpty() && each.how == "puzzle")
                chosen_ = each.name;
    }
    refresh();
}

Result<void> PuzzleView::choose(const QString& name) {
    const bool known = std::any_of(results_.architectures.begin(), results_.architectures.end(),
                                   [&](const auto& each) { return each.name == name; });
    if (!known)
        return fail(ErrorCode::NotFound, fmt::format("there is no architecture \"{}\"", name.toStdString()),
                    "architecture", "Click a point of the front");
    chosen_ = name;
    refresh();
    return {};
}

void PuzzleView::refresh() {
    std::vector<ChartSeries> series;
    points_.clear();
    QStringList kinds;
    for (const PuzzleArchitecture& each : results_.architectures)
        if (!kinds.contains(each.how))
            kinds.append(each.how);
    const PuzzleArchitecture* chosen = nullptr;
    for (qsizetype kind = 0; kind < kinds.size(); ++kind) {
        ChartSeries one;
        one.name = kinds[kind];
        one.color = chartColor(size_t(kind));
        one.line = false;
        one.points = true;
        points_.emplace_back();
        for (size_t index = 0; index < results_.architectures.size(); ++index) {
            const PuzzleArchitecture& each = results_.architectures[index];
            if (each.name == chosen_)
                chosen = &each;
            if (each.how != kinds[kind])
                continue;
            one.x.append(each.bytes / 1e6);
            one.y.append(each.nats);
            points_.back().push_back(index);
        }
        series.push_back(std::move(one));
    }
    front_->setSeries(std::move(series));
    front_->setAccessibleName(tr("Architectures by size and loss"));
    front_->setAccessibleDescription(front_->toCsv());
    drawing_->show(results_, chosen);
    facts_->setText(chosen ? tr("%1: %2 M parameters, %3 MB, %4 nats a token%5")
                                 .arg(chosen->name)
                                 .arg(chosen->parameters / 1e6, 0, 'f', 2)
                                 .arg(chosen->bytes / 1e6, 0, 'f', 2)
                                 .arg(chosen->nats, 0, 'f', 4)
                                 .arg(std::isfinite(results_.spearman)
                                          ? tr(" · sums of scores foretell losses with Spearman's ρ %1")
                                                .arg(results_.spearman, 0, 'f', 2)
                                          : QString())
                           : tr("No architecture yet"));
}

}  // namespace vitrine
