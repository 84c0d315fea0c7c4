#include "app/desktop/teachers/collect_settings.h"

#include "core/io/language_files.h"

#include <QDir>
#include <QFileInfo>
#include <QRegularExpression>
#include <algorithm>

namespace vitrine {
namespace {

Json inputsToJson(const std::vector<CollectInput>& inputs) {
    Json list = Json::array();
    for (const CollectInput& input : inputs)
        list.push_back({{"path", input.path.toStdString()}, {"chosen", input.chosen}});
    return list;
}

std::vector<CollectInput> inputsFromJson(const Json& json, const char* key) {
    std::vector<CollectInput> inputs;
    if (!json.contains(key) || !json[key].is_array())
        return inputs;
    for (const Json& entry : json[key])
        if (entry.is_object() && entry.contains("path") && entry["path"].is_string())
            inputs.push_back({QString::fromStdString(entry["path"].get<std::string>()),
                              !entry.contains("chosen") || entry["chosen"] != false});
    return inputs;
}

template <typename T>
void read(const Json& json, const char* key, T& value, T low, T high) {
    if (json.contains(key) && json[key].is_number_integer())
        value = std::clamp(json[key].get<T>(), low, high);
}

void read(const Json& json, const char* key, QString& value) {
    if (json.contains(key) && json[key].is_string())
        value = QString::fromStdString(json[key].get<std::string>());
}

void read(const Json& json, const char* key, bool& value) {
    if (json.contains(key) && json[key].is_boolean())
        value = json[key];
}

Json chosenPaths(const std::vector<CollectInput>& inputs) {
    Json paths = Json::array();
    for (const CollectInput& input : inputs)
        if (input.chosen)
            paths.push_back(input.path.toStdString());
    return paths;
}

QStringList pieces(const QString& text) {
    static const QRegularExpression separators(R"([\s,;]+)");
    return text.split(separators, Qt::SkipEmptyParts);
}

}  // namespace

void CollectSettings::add(const QString& path, bool model) {
    auto& list = model ? models : pictures;
    const auto known =
        std::find_if(list.begin(), list.end(), [&](const auto& input) { return input.path == path; });
    if (known != list.end())
        known->chosen = true;
    else
        list.push_back({path, true});
}

Json CollectSettings::toJson() const {
    return {{"models", inputsToJson(models)},
            {"pictures", inputsToJson(pictures)},
            {"layers", layers.toStdString()},
            {"adaptors", adaptors.toStdString()},
            {"resolution", resolution},
            {"limit", limit},
            {"batch", batch},
            {"recursive", recursive},
            {"exact", exact}};
}

CollectSettings CollectSettings::fromJson(const Json& json) {
    CollectSettings settings;
    if (!json.is_object())
        return settings;
    settings.models = inputsFromJson(json, "models");
    settings.pictures = inputsFromJson(json, "pictures");
    read(json, "layers", settings.layers);
    read(json, "adaptors", settings.adaptors);
    read<int64_t>(json, "resolution", settings.resolution, 0, 8192);
    read<int64_t>(json, "limit", settings.limit, 0, int64_t(1) << 40);
    read<int64_t>(json, "batch", settings.batch, 1, 1024);
    read(json, "recursive", settings.recursive);
    read(json, "exact", settings.exact);
    return settings;
}

Result<Json> CollectSettings::recipe() const {
    const Json teachers = chosenPaths(models), images = chosenPaths(pictures);
    if (teachers.empty())
        return fail(ErrorCode::InvalidArgument, "no model is chosen", "teachers",
                    "Add a model folder, or open one in Inspect, and tick it");
    if (images.empty())
        return fail(ErrorCode::InvalidArgument, "no pictures are chosen", "pictures",
                    "Add a folder of pictures, or open one in Inspect, and tick it");
    Json layerList = Json::array(), adaptorList = Json::array();
    for (const QString& piece : pieces(layers)) {
        bool good = false;
        const qlonglong layer = piece == "final" ? (good = true, -1) : piece.toLongLong(&good);
        if (!good || layer < -1)
            return fail(
                ErrorCode::InvalidArgument, fmt::format("\"{}\" is not a layer", piece.toStdString()),
                "layers",
                "Give numbers of hidden states separated by commas; -1 stands for the final features");
        layerList.push_back(layer);
    }
    for (const QString& piece : pieces(adaptors))
        adaptorList.push_back(piece.toStdString());
    if (layerList.empty() && adaptorList.empty())
        return fail(ErrorCode::InvalidArgument, "no layer and no adaptor is named", "layers",
                    "-1 stands for the final features");
    return Json{{"kind", "teacher-statistics"},
                {"name", "statistics of teachers"},
                {"device", "cpu"},
                {"settings",
                 {{"models", teachers},
                  {"images", images},
                  {"recursive", recursive},
                  {"limit", limit},
                  {"layers", layerList},
                  {"adaptors", adaptorList},
                  {"resolution", resolution},
                  {"batch", batch},
                  {"precision", exact ? "float64" : "float32"}}}};
}

bool looksLikeModel(const QString& path) {
    if (isLanguageModelPath(path.toStdString()))
        return false;  // no encoder: of the Compress workspace
    static const QStringList weights{"*.safetensors", "*.pth", "*.pt"};
    const QFileInfo info(path);
    if (info.isDir())
        return QFileInfo::exists(path + "/config.json") ||
               !QDir(path).entryList(weights, QDir::Files).isEmpty();
    return QDir::match(weights, info.fileName());
}

}  // namespace vitrine
