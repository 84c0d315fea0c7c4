#include "app/desktop/inspect/analysis/analysis_settings.h"

#include <algorithm>
#include <sstream>

namespace vitrine {
namespace {

int64_t integer(const Json& json, const char* key, int64_t fallback, int64_t low, int64_t high) {
    return json.contains(key) && json[key].is_number_integer()
               ? std::clamp<int64_t>(json[key].get<int64_t>(), low, high)
               : fallback;
}

std::string text(const Json& json, const char* key, const std::string& fallback = {}) {
    return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : fallback;
}

}  // namespace

const std::vector<AnalysisKindName>& analysisKinds() {
    static const std::vector<AnalysisKindName> kinds{
        {AnalysisKind::Compare, "compare", "Layers of two models (CKA)",
         "Linear CKA of every pair of layers: 1 is equal up to rotation and scale, 0 is unrelated",
         "inspect.compareLayers", "Compare the layers of two models (CKA)"},
        {AnalysisKind::Rank, "rank", "Rank of each layer",
         "RankMe, effective rank and LiDAR: how many directions the features of a layer use",
         "inspect.rankLayers", "Measure the rank of each layer (RankMe, LiDAR)"},
        {AnalysisKind::Neighbors, "neighbors", "Nearest pictures",
         "Pictures of the gallery whose summaries point the same way as the chosen one's",
         "inspect.nearestPictures", "Find the pictures nearest to the chosen one"},
        {AnalysisKind::Knn, "knn", "kNN accuracy",
         "How often the nearest pictures name a picture's own class: weighted kNN, leave one out",
         "inspect.knnAccuracy", "Measure the kNN accuracy over the pictures' folders"},
        {AnalysisKind::ZeroShot, "zeroshot", "Zero-shot classes",
         "Probability of each class named in words; needs a model with a text side (CLIP, SigLIP)",
         "inspect.zeroShot", "Classify the pictures by words (zero-shot)"},
        {AnalysisKind::Pattern, "pattern", "Fixed pattern",
         "What the model puts at fixed places whatever the picture, and where its outlier tokens lie",
         "inspect.fixedPattern", "Measure the model's fixed pattern"}};
    return kinds;
}

const AnalysisKindName& analysisKindName(AnalysisKind kind) {
    for (const AnalysisKindName& each : analysisKinds())
        if (each.kind == kind)
            return each;
    return analysisKinds().front();
}

Json AnalysisSettings::toJson() const {
    return {{"kind", analysisKindName(kind).name},
            {"model", modelPath},
            {"other", otherPath},
            {"samples", places ? "places" : "pictures"},
            {"views", views},
            {"count", count},
            {"labels", labels},
            {"voters", voters},
            {"classes", classes},
            {"template", sentence},
            {"layer", layer}};
}

AnalysisSettings AnalysisSettings::fromJson(const Json& json) {
    AnalysisSettings settings;
    if (!json.is_object())
        return settings;
    for (const AnalysisKindName& each : analysisKinds())
        if (text(json, "kind") == each.name)
            settings.kind = each.kind;
    settings.modelPath = text(json, "model");
    settings.otherPath = text(json, "other");
    settings.places = text(json, "samples") != "pictures";
    settings.views = integer(json, "views", settings.views, 0, 16);
    settings.count = integer(json, "count", settings.count, 1, 30);
    settings.labels = text(json, "labels", settings.labels);
    settings.voters = integer(json, "voters", settings.voters, 1, 1000);
    settings.classes = text(json, "classes");
    settings.sentence = text(json, "template", settings.sentence);
    settings.layer = integer(json, "layer", settings.layer, -1, 1 << 20);
    return settings;
}

std::vector<std::string> AnalysisSettings::classNames() const {
    std::vector<std::string> names;
    std::istringstream pieces(classes);
    for (std::string piece; std::getline(pieces, piece, ',');) {
        const size_t first = piece.find_first_not_of(" \t"), last = piece.find_last_not_of(" \t");
        if (first != std::string::npos)
            names.push_back(piece.substr(first, last - first + 1));
    }
    return names;
}

}  // namespace vitrine
