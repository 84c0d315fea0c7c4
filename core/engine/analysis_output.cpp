#include "core/engine/analysis_output.h"

#include "core/commands/text_table.h"

#include <algorithm>
#include <filesystem>
#include <numeric>

namespace vitrine {
namespace {

constexpr size_t kListedSkips = 10;

std::string fileName(const std::string& path) {
    return std::filesystem::path(path).filename().string();
}

std::string pictures(int64_t count) {
    return count == 1 ? "1 picture" : groupedNumber(count) + " pictures";
}

void addSkipped(CommandOutput& output, const std::vector<SkippedPicture>& skipped) {
    output.data["skipped"] = Json::array();
    for (const SkippedPicture& picture : skipped)
        output.data["skipped"].push_back({{"picture", picture.path}, {"reason", picture.reason}});
    if (skipped.empty())
        return;
    output.text += fmt::format("\n{} could not be read:\n", pictures(int64_t(skipped.size())));
    for (size_t index = 0; index < std::min(kListedSkips, skipped.size()); ++index)
        output.text += fmt::format("  {}: {}\n", skipped[index].path, skipped[index].reason);
    if (skipped.size() > kListedSkips)
        output.text += fmt::format("  … and {} more (--json lists all)\n", skipped.size() - kListedSkips);
}

std::string optionalNumber(const std::optional<double>& value) {
    return value ? fmt::format("{:.1f}", *value) : "-";
}

// Indices by falling value.
std::vector<size_t> ranked(const std::vector<double>& values) {
    std::vector<size_t> order(values.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] > values[b]; });
    return order;
}

}  // namespace

CommandOutput outputOf(const LayerComparison& result, const std::string& first, const std::string& second) {
    CommandOutput output;
    Json matrix = Json::array();
    TextTable table;
    table.header = {"layer"};
    table.header.insert(table.header.end(), result.columns.begin(), result.columns.end());
    table.rightAligned.assign(table.header.size(), true);
    for (size_t row = 0; row < result.rows.size(); ++row) {
        auto& cells = table.rows.emplace_back(std::vector<std::string>{result.rows[row]});
        Json values = Json::array();
        for (size_t column = 0; column < result.columns.size(); ++column) {
            cells.push_back(fmt::format("{:.2f}", result.at(row, column)));
            values.push_back(result.at(row, column));
        }
        matrix.push_back(std::move(values));
    }
    output.data = {{"rows", result.rows},
                   {"columns", result.columns},
                   {"cka", std::move(matrix)},
                   {"rankMe", {{"model", result.rankMe}, {"other", result.otherRankMe}}},
                   {"pictures", result.pictureCount},
                   {"samples", result.sampleCount}};
    output.text = fmt::format(
        "Linear CKA, {} samples of {}. Rows: layers of {}, columns: layers of {}\n\n{}\n"
        "RankMe of the final features: {} {:.1f}, {} {:.1f}\n",
        groupedNumber(result.sampleCount), pictures(result.pictureCount), first, second, table.text(), first,
        result.rankMe, second, result.otherRankMe);
    addSkipped(output, result.skipped);
    return output;
}

CommandOutput outputOf(const LayerRanks& result) {
    CommandOutput output;
    TextTable table;
    table.header = {"layer", "width", "samples", "RankMe", "effective rank", "LiDAR"};
    table.rightAligned.assign(table.header.size(), true);
    output.data = {{"pictures", result.pictureCount}, {"views", result.viewCount}, {"layers", Json::array()}};
    for (const LayerRank& layer : result.layers) {
        table.rows.push_back({layer.layer, std::to_string(layer.width), groupedNumber(layer.samples),
                              fmt::format("{:.1f}", layer.rankMe), fmt::format("{:.1f}", layer.effectiveRank),
                              optionalNumber(layer.lidar)});
        output.data["layers"].push_back({{"layer", layer.layer},
                                         {"width", layer.width},
                                         {"samples", layer.samples},
                                         {"rankMe", layer.rankMe},
                                         {"effectiveRank", layer.effectiveRank},
                                         {"lidar", layer.lidar ? Json(*layer.lidar) : Json(nullptr)}});
    }
    output.text = table.text() + "\n" + pictures(result.pictureCount);
    output.text += result.viewCount > 0
                       ? fmt::format("; LiDAR over {} augmented views of each\n", result.viewCount)
                       : std::string("; without LiDAR, which takes two pictures and --views\n");
    addSkipped(output, result.skipped);
    return output;
}

CommandOutput outputOf(const NeighborLists& result, bool withLists) {
    CommandOutput output;
    output.data = {{"pictures", result.pictureCount}, {"queries", Json::array()}};
    TextTable table;
    table.header = {"query", "nearest", "cosine", "label"};
    table.rightAligned = {false, false, true, false};
    for (const NeighborLists::Row& row : result.rows) {
        Json nearest = Json::array();
        for (const Neighbor& neighbor : row.nearest) {
            table.rows.push_back({nearest.empty() ? fileName(row.query) : "", fileName(neighbor.path),
                                  fmt::format("{:.3f}", neighbor.cosine), neighbor.label});
            nearest.push_back(
                {{"picture", neighbor.path}, {"cosine", neighbor.cosine}, {"label", neighbor.label}});
        }
        output.data["queries"].push_back({{"query", row.query}, {"nearest", std::move(nearest)}});
    }
    if (withLists)
        output.text = table.text() + "\n";
    output.text +=
        fmt::format("{}{}\n", pictures(result.pictureCount),
                    result.averaged ? "; the model has no summary: means of its features were compared" : "");
    if (result.accuracy) {
        const NeighborLists::Accuracy& accuracy = *result.accuracy;
        output.data["knn"] = {{"accuracy", accuracy.share()}, {"right", accuracy.right},
                              {"total", accuracy.total},      {"classes", accuracy.classCount},
                              {"voters", accuracy.voters},    {"largestClass", accuracy.chance}};
        output.text += fmt::format(
            "Weighted kNN, {} voters, leave one out: {} of {} right ({:.1f} %), {} classes; always "
            "naming the largest gives {:.1f} %\n",
            accuracy.voters, groupedNumber(accuracy.right), groupedNumber(accuracy.total),
            100 * accuracy.share(), accuracy.classCount, 100 * accuracy.chance);
    }
    addSkipped(output, result.skipped);
    return output;
}

CommandOutput outputOf(const ZeroShotTable& result, int64_t top) {
    CommandOutput output;
    output.data = {{"classes", result.classes},
                   {"form", result.sigmoid ? "sigmoid" : "softmax"},
                   {"pictures", Json::array()}};
    TextTable table;
    table.header = {"picture", "class", "probability"};
    table.rightAligned = {false, false, true};
    for (const ZeroShotTable::Row& row : result.rows) {
        const std::vector<size_t> order = ranked(row.probabilities);
        for (size_t place = 0; place < std::min(order.size(), size_t(top)); ++place)
            table.rows.push_back({place == 0 ? fileName(row.path) : "", result.classes[order[place]],
                                  fmt::format("{:.4f}", row.probabilities[order[place]])});
        output.data["pictures"].push_back({{"picture", row.path},
                                           {"best", result.classes[order.front()]},
                                           {"probabilities", row.probabilities}});
    }
    output.text = table.text() +
                  (result.sigmoid ? "\nsigmoid: each class on its own\n" : "\nsoftmax over the classes\n");
    addSkipped(output, result.skipped);
    return output;
}

CommandOutput outputOf(const FixedPatternResult& result) {
    CommandOutput output;
    const int64_t most = *std::max_element(result.outlierCounts.begin(), result.outlierCounts.end());
    const auto with = std::count_if(result.outlierCounts.begin(), result.outlierCounts.end(),
                                    [](int64_t count) { return count > 0; });
    output.data = {
        {"pictures", result.paths.size()},
        {"grid", {result.height, result.width}},
        {"channels", result.channels},
        {"share", result.share},
        {"chance", result.chance},
        {"corrected", result.corrected},
        {"borderEnergy", result.borderEnergy},
        {"innerEnergy", result.innerEnergy},
        {"rings", result.rings},
        {"outliers", {{"mean", result.meanOutliers()}, {"most", most}, {"picturesWithAny", with}}}};
    TextTable table;
    table.header = {"ring", "mean energy"};
    table.rightAligned = {true, true};
    for (size_t ring = 0; ring < result.rings.size(); ++ring)
        table.rows.push_back(
            {ring == 0 ? "border" : std::to_string(ring), fmt::format("{:.4g}", result.rings[ring])});
    output.text = fmt::format(
        "{}, {} x {} patches, {} channels\n"
        "energy share of the fixed pattern: {:.2f} % (unrelated pictures alone: {:.2f} %; corrected: {:.2f} "
        "%)\n"
        "outlier tokens: {:.2f} of {} per picture, at most {}, in {} of {}\n\n{}",
        pictures(int64_t(result.paths.size())), result.height, result.width, result.channels,
        100 * result.share, 100 * result.chance, 100 * result.corrected, result.meanOutliers(),
        result.width * result.height, most, with, pictures(int64_t(result.paths.size())), table.text());
    addSkipped(output, result.skipped);
    return output;
}

HeatMapPicture heatMapOf(const LayerComparison& result, const std::string& first, const std::string& second) {
    HeatMapPicture picture;
    picture.values = result.cka;
    picture.rows = result.rows.size();
    picture.columns = result.columns.size();
    picture.rowLabels = result.rows;
    picture.columnLabels = result.columns;
    picture.title = "Linear CKA";
    picture.rowTitle = "layer of " + first;
    picture.columnTitle = "layer of " + second;
    picture.rowsUpwards = true;
    return picture;
}

HeatMapPicture heatMapOf(const FixedPatternResult& result, const std::string& model) {
    HeatMapPicture picture;
    picture.values.assign(result.energy.begin(), result.energy.end());
    picture.rows = size_t(result.height);
    picture.columns = size_t(result.width);
    picture.low = 0;
    picture.high = *std::max_element(result.energy.begin(), result.energy.end());
    picture.colors = ColorMap::Magma;
    picture.title = fmt::format("Fixed pattern of {}: {:.1f} % of the energy", model, 100 * result.corrected);
    return picture;
}

}  // namespace vitrine
