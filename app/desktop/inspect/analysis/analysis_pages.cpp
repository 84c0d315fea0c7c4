#include "app/desktop/inspect/analysis/analysis_pages.h"

#include <QCoreApplication>
#include <QFileInfo>
#include <algorithm>
#include <limits>

namespace vitrine {
namespace {

QString tr(const char* text) {
    return QCoreApplication::translate("AnalysisDock", text);
}

QString pictures(int64_t count) {
    return count == 1 ? tr("1 picture") : tr("%1 pictures").arg(count);
}

QStringList textsOf(const std::vector<std::string>& texts) {
    QStringList list;
    for (const std::string& text : texts)
        list.append(QString::fromStdString(text));
    return list;
}

QString fixed(double value, int decimals = 1) {
    return QString::number(value, 'f', decimals);
}

QString captionOf(const LayerComparison& result, const AnalysisOutcome& outcome) {
    return tr("%1 samples of %2 · RankMe of the final features: %3 %4, %5 %6")
        .arg(result.sampleCount)
        .arg(pictures(result.pictureCount), outcome.model, fixed(result.rankMe), outcome.other,
             fixed(result.otherRankMe));
}

QString captionOf(const LayerRanks& result, const AnalysisOutcome&) {
    return result.viewCount > 0 ? tr("%1 · LiDAR over %2 augmented views of each")
                                      .arg(pictures(result.pictureCount))
                                      .arg(result.viewCount)
                                : tr("%1 · without LiDAR, which takes two pictures and views of them")
                                      .arg(pictures(result.pictureCount));
}

QString captionOf(const NeighborLists& result, const AnalysisOutcome& outcome) {
    QString text = tr("nearest of %1 by %2").arg(pictures(result.pictureCount), outcome.model);
    if (result.averaged)
        text += tr(" · the model has no summary: means of its features were compared");
    return text;
}

QString captionOf(const LabelVotes& votes, const AnalysisOutcome& outcome) {
    const qlonglong total = qlonglong(votes.pictures.size()), right = votes.rightCount();
    QString text =
        tr("weighted kNN by %1, %2 voters, leave one out: %3 of %4 right (%5 %) · %6 classes · always "
           "naming the largest: %7 %")
            .arg(outcome.model)
            .arg(votes.voters)
            .arg(right)
            .arg(total)
            .arg(fixed(100 * double(right) / double(total)))
            .arg(votes.classes.size())
            .arg(fixed(100 * votes.largestShare()));
    if (votes.averaged)
        text += tr(" · the model has no summary: means of its features were compared");
    return text;
}

QString captionOf(const ZeroShotTable& result, const AnalysisOutcome& outcome) {
    return tr("%1 by %2 · %3")
        .arg(pictures(int64_t(result.rows.size())), outcome.model,
             result.sigmoid ? tr("sigmoid: each class on its own") : tr("softmax over the classes"));
}

QString captionOf(const FixedPatternResult& result, const AnalysisOutcome&) {
    return tr("%1 · fixed pattern: %2 % of the energy (unrelated pictures alone: %3 %, corrected: %4 %) · "
              "%5 outlier tokens per picture · border %6, inside %7")
        .arg(pictures(int64_t(result.paths.size())), fixed(100 * result.share, 2),
             fixed(100 * result.chance, 2), fixed(100 * result.corrected, 2), fixed(result.meanOutliers(), 2),
             QString::number(result.borderEnergy, 'g', 3), QString::number(result.innerEnergy, 'g', 3));
}

}  // namespace

HeatMap heatMapOf(const LayerComparison& result, const QString& model, const QString& other) {
    HeatMap map;
    map.values = result.cka;
    map.rows = int(result.rows.size());
    map.columns = int(result.columns.size());
    map.rowLabels = textsOf(result.rows);
    map.columnLabels = textsOf(result.columns);
    map.title = tr("Linear CKA");
    map.rowTitle = tr("layer of %1").arg(model);
    map.columnTitle = tr("layer of %1").arg(other);
    map.valueTitle = "CKA";
    map.rowsUpwards = true;
    return map;
}

HeatMap heatMapOf(const FixedPatternResult& result, const QString& model, bool outliers) {
    const std::vector<float>& values = outliers ? result.outlierRate : result.energy;
    HeatMap map;
    map.values.assign(values.begin(), values.end());
    map.rows = int(result.height);
    map.columns = int(result.width);
    const double most = values.empty() ? 0 : double(*std::max_element(values.begin(), values.end()));
    map.high = most > 0 ? most : 1;
    map.colors = ColorMap::Magma;
    map.title = outliers ? tr("Outlier tokens of %1").arg(model) : tr("Fixed pattern of %1").arg(model);
    map.valueTitle = outliers ? tr("share of pictures") : tr("energy");
    return map;
}

std::vector<ChartSeries> chartOf(const LayerRanks& result) {
    ChartSeries rankMe, effective, lidar;
    rankMe.name = "RankMe";
    effective.name = tr("effective rank");
    lidar.name = "LiDAR";
    for (size_t layer = 0; layer < result.layers.size(); ++layer) {
        const LayerRank& each = result.layers[layer];
        for (ChartSeries* series : {&rankMe, &effective})
            series->x.append(double(layer));
        rankMe.y.append(each.rankMe);
        effective.y.append(each.effectiveRank);
        if (each.lidar) {
            lidar.x.append(double(layer));
            lidar.y.append(*each.lidar);
        }
    }
    std::vector<ChartSeries> all{rankMe, effective};
    if (!lidar.x.isEmpty())
        all.push_back(lidar);
    for (ChartSeries& series : all)
        series.points = true;
    return all;
}

QStringList layerNamesOf(const LayerRanks& result) {
    QStringList names;
    for (const LayerRank& layer : result.layers)
        names.append(QString::fromStdString(layer.layer));
    return names;
}

TableContent tableOf(const LayerRanks& result) {
    TableContent table;
    table.header = {tr("layer"), "RankMe", tr("effective rank"), "LiDAR", tr("width"), tr("samples")};
    table.decimals = 2;
    for (const LayerRank& layer : result.layers)
        table.rows.push_back({QString::fromStdString(layer.layer), layer.rankMe, layer.effectiveRank,
                              layer.lidar ? QVariant(*layer.lidar) : QVariant(), qlonglong(layer.width),
                              qlonglong(layer.samples)});
    return table;
}

TableContent tableOf(const ZeroShotTable& result) {
    TableContent table;
    table.header = {tr("picture"), tr("best class")};
    table.header += textsOf(result.classes);
    table.firstShaded = 2;
    for (const ZeroShotTable::Row& row : result.rows) {
        const auto best = std::max_element(row.probabilities.begin(), row.probabilities.end());
        QVariantList cells{QFileInfo(QString::fromStdString(row.path)).fileName(),
                           QString::fromStdString(result.classes[size_t(best - row.probabilities.begin())])};
        for (const double probability : row.probabilities)
            cells.append(probability);
        table.rows.push_back(cells);
    }
    return table;
}

HeatMap heatMapOf(const LabelVotes& votes, const QString& model) {
    HeatMap map;
    map.rows = map.columns = int(votes.classes.size());
    map.values.reserve(votes.confusion.size());
    for (size_t label = 0; label < votes.classes.size(); ++label) {
        int64_t total = 0;
        for (size_t chosen = 0; chosen < votes.classes.size(); ++chosen)
            total += votes.at(label, chosen);
        for (size_t chosen = 0; chosen < votes.classes.size(); ++chosen)
            map.values.push_back(total > 0 ? double(votes.at(label, chosen)) / double(total)
                                           : std::numeric_limits<double>::quiet_NaN());
    }
    map.rowLabels = map.columnLabels = textsOf(votes.classes);
    map.title = tr("kNN classes by %1").arg(model);
    map.rowTitle = tr("own class");
    map.columnTitle = tr("named by the neighbours");
    map.valueTitle = tr("share");
    return map;
}

std::vector<size_t> shownVotes(const LabelVotes& votes, std::optional<QPoint> cell) {
    std::vector<size_t> shown;
    for (const bool right : {false, true})
        for (size_t index = 0; index < votes.pictures.size(); ++index) {
            const LabelVotes::Picture& picture = votes.pictures[index];
            const bool inCell = !cell || (picture.label == votes.classes[size_t(cell->y())] &&
                                          picture.chosen == votes.classes[size_t(cell->x())]);
            if (picture.isRight() == right && inCell)
                shown.push_back(index);
        }
    return shown;
}

TableContent tableOf(const LabelVotes& votes, const std::vector<size_t>& shown) {
    TableContent table;
    table.header = {tr("picture"), tr("own class"), tr("named"), tr("votes"), tr("nearest")};
    table.headerTips = {tr("Click: show it"), tr("Folder or label"), tr("The class that got most votes"),
                        tr("Share of the votes for the named class"), tr("The nearest picture")};
    table.decimals = 2;
    for (const size_t index : shown) {
        const LabelVotes::Picture& picture = votes.pictures[index];
        table.rows.push_back({QFileInfo(QString::fromStdString(picture.path)).fileName(),
                              QString::fromStdString(picture.label), QString::fromStdString(picture.chosen),
                              picture.share, QFileInfo(QString::fromStdString(picture.nearest)).fileName()});
    }
    return table;
}

std::vector<StripPicture> stripOf(const NeighborLists& result) {
    std::vector<StripPicture> strip;
    if (result.rows.empty())
        return strip;
    strip.push_back({QString::fromStdString(result.rows.front().query), tr("the chosen picture")});
    for (const Neighbor& neighbor : result.rows.front().nearest)
        strip.push_back(
            {QString::fromStdString(neighbor.path), tr("cosine %1").arg(fixed(neighbor.cosine, 3))});
    return strip;
}

QString captionOf(const AnalysisOutcome& outcome) {
    QString text = std::visit([&](const auto& result) { return captionOf(result, outcome); }, outcome.result);
    text += tr(" · %1 s").arg(fixed(outcome.seconds, outcome.seconds < 10 ? 1 : 0));
    if (const size_t count = outcome.skipped().size(); count > 0)
        text += tr(" · left out: %1 that cannot be read").arg(pictures(int64_t(count)));
    return text;
}

}  // namespace vitrine
