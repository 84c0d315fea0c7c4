#include "app/desktop/distill/distill_recipe.h"

#include "app/desktop/teachers/collect_settings.h"
#include "core/base/paths.h"
#include "core/engine/distill_schema.h"
#include "core/runs/recipe.h"

#include <QDir>
#include <QFileInfo>
#include <algorithm>
#include <filesystem>

namespace vitrine {
namespace {

constexpr int kFoldersSearched = 200;  // a folder of models has fewer

Json& settingsOf(Json& recipe) {
    if (!recipe.is_object())
        recipe = Json::object();
    if (!recipe.contains("settings") || !recipe["settings"].is_object())
        recipe["settings"] = Json::object();
    return recipe["settings"];
}

Json& listOf(Json& settings, const char* key) {
    if (!settings.contains(key) || !settings[key].is_array())
        settings[key] = Json::array();
    return settings[key];
}

std::string textOf(const Json& object, const char* key) {
    return object.is_object() && object.contains(key) && object[key].is_string()
               ? object[key].get<std::string>()
               : std::string();
}

// "vit_cifar10" of ".../vit_cifar10" and ".../vit_cifar10/model.safetensors", "resnet20" of
// ".../resnet_cifar10/resnet20.safetensors"; without dots and slashes, not yet among `teachers`.
std::string freshName(const Json& teachers, const QString& model) {
    static const QStringList weights{"safetensors", "pth", "pt", "bin"};
    const QFileInfo info(model);
    std::string base = info.fileName().toStdString();
    if (weights.contains(info.suffix()))
        base = (info.completeBaseName() == "model" ? info.dir().dirName() : info.completeBaseName())
                   .toStdString();
    std::replace_if(
        base.begin(), base.end(), [](char c) { return c == '.' || c == '/'; }, '-');
    if (base.empty())
        base = "teacher";
    std::string name = base;
    const auto taken = [&] {
        return std::any_of(teachers.begin(), teachers.end(),
                           [&](const Json& each) { return textOf(each, "name") == name; });
    };
    for (int number = 2; taken(); ++number)
        name = fmt::format("{}-{}", base, number);
    return name;
}

// A partition that names exactly one teacher: PHI-S gives each teacher a batch of its own.
bool isOfOneTeacher(const Json& partition) {
    return partition.is_object() && partition.contains("teachers") && partition["teachers"].is_array() &&
           partition["teachers"].size() == 1;
}

void dropFromPartitions(Json& settings, const std::string& name) {
    Json kept = Json::array();
    for (Json& partition : listOf(settings, "partitions")) {
        const bool alone = isOfOneTeacher(partition);
        if (partition.is_object() && partition.contains("teachers") && partition["teachers"].is_array())
            for (auto at = partition["teachers"].begin(); at != partition["teachers"].end();)
                at = *at == name ? partition["teachers"].erase(at) : std::next(at);
        if (!alone || !partition["teachers"].empty())
            kept.push_back(std::move(partition));
    }
    if (kept.empty())
        settings.erase("partitions");
    else
        settings["partitions"] = std::move(kept);
}

void addToPartitions(Json& settings, const std::string& name) {
    Json& partitions = listOf(settings, "partitions");
    if (partitions.empty()) {
        settings.erase("partitions");
        return;
    }
    if (!std::all_of(partitions.begin(), partitions.end(), isOfOneTeacher))
        return;
    Json more = partitions.back();
    more["teachers"] = Json::array({name});
    partitions.push_back(std::move(more));
}

QStringList textsOf(const Json& recipe, const char* key, const char* inner) {
    QStringList out;
    if (!recipe.is_object() || !recipe.contains("settings") || !recipe["settings"].is_object() ||
        !recipe["settings"].contains(key) || !recipe["settings"][key].is_array())
        return out;
    for (const Json& each : recipe["settings"][key])
        out.append(QString::fromStdString(inner              ? textOf(each, inner)
                                          : each.is_string() ? each.get<std::string>()
                                                             : std::string()));
    return out;
}

}  // namespace

Json distillRecipeSchema() {
    JobKind kind;
    kind.name = "distill";
    kind.settingsSchema = distillSettingsSchema();
    return recipeSchema(kind);
}

std::vector<DistillPreset> distillPresets() {
    std::vector<DistillPreset> out;
    std::error_code ignored;
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(resourcesFolder() / "recipes", ignored))
        if (entry.path().extension() == ".json")
            files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    for (const auto& file : files) {
        const auto recipe = readJsonFile(file, 1 << 20);
        if (!recipe || !recipe->is_object() || textOf(*recipe, "kind") != "distill")
            continue;
        const std::string name = file.stem().string();
        out.push_back(
            {QString::fromStdString(name), QString::fromStdString(recipe->value("name", name)), *recipe});
        // Whatever the run is called later, it is found by what it started from.
        out.back().recipe["tags"] = Json::array({name});
    }
    return out;
}

QString StudentSize::text() const {
    return QStringLiteral("%1: %2 channels, %3 blocks, %4 heads")
        .arg(name)
        .arg(settings["width"].get<int>())
        .arg(settings["depth"].get<int>())
        .arg(settings["heads"].get<int>());
}

// As the published ViTs, from one that learns on a laptop upwards.
const std::vector<StudentSize>& studentSizes() {
    static const std::vector<StudentSize> sizes{{"tiny", {{"width", 96}, {"depth", 4}, {"heads", 3}}},
                                                {"small", {{"width", 192}, {"depth", 6}, {"heads", 3}}},
                                                {"ViT-T", {{"width", 192}, {"depth", 12}, {"heads", 3}}},
                                                {"ViT-S", {{"width", 384}, {"depth", 12}, {"heads", 6}}},
                                                {"ViT-B", {{"width", 768}, {"depth", 12}, {"heads", 12}}},
                                                {"ViT-L", {{"width", 1024}, {"depth", 24}, {"heads", 16}}}};
    return sizes;
}

QStringList teacherModels(const Json& recipe) {
    return textsOf(recipe, "teachers", "model");
}

QStringList pictureFolders(const Json& recipe) {
    return textsOf(recipe, "images", nullptr);
}

void chooseTeacher(Json& recipe, const QString& model, bool chosen) {
    Json& settings = settingsOf(recipe);
    Json& teachers = listOf(settings, "teachers");
    const std::string path = model.toStdString();
    const auto known = std::find_if(teachers.begin(), teachers.end(),
                                    [&](const Json& each) { return textOf(each, "model") == path; });
    if (chosen == (known != teachers.end()))
        return;
    if (!chosen) {
        const std::string name = textOf(*known, "name");
        teachers.erase(known);
        dropFromPartitions(settings, name);
        return;
    }
    Json fresh = teachers.empty() || !teachers.back().is_object() ? Json::object() : teachers.back();
    fresh["name"] = freshName(teachers, model);
    fresh["model"] = path;
    fresh.erase("adaptor");
    addToPartitions(settings, fresh["name"]);
    listOf(settings, "teachers").push_back(std::move(fresh));
}

void chooseStudent(Json& recipe, const StudentSize& size) {
    Json& settings = settingsOf(recipe);
    if (!settings.contains("student") || !settings["student"].is_object())
        settings["student"] = Json::object();
    settings["student"].update(size.settings);
}

void choosePictures(Json& recipe, const QString& folder, bool chosen) {
    Json& images = listOf(settingsOf(recipe), "images");
    const auto known = std::find(images.begin(), images.end(), folder.toStdString());
    if (chosen && known == images.end())
        images.push_back(folder.toStdString());
    else if (!chosen && known != images.end())
        images.erase(known);
}

Json withPreset(const Json& preset, const Json& recipe) {
    Json out = preset;
    Json& settings = settingsOf(out);
    // What every teacher of the preset has ("normalizer": "none") goes for the chosen ones.
    Json model = listOf(settings, "teachers").empty() ? Json::object() : settings["teachers"][0];
    const Json partition = settings.contains("partitions") && isOfOneTeacher(settings["partitions"][0])
                               ? settings["partitions"][0]
                               : Json();
    Json teachers = Json::array(), partitions = Json::array();
    Json before = recipe;
    for (const Json& each : listOf(settingsOf(before), "teachers")) {
        Json teacher = each.is_object() ? each : Json::object();
        teacher["normalizer"] = model.value("normalizer", std::string("phi-s"));
        teachers.push_back(teacher);
        if (partition.is_object()) {
            partitions.push_back(partition);
            partitions.back()["teachers"] = Json::array({textOf(teacher, "name")});
        }
    }
    if (!partitions.empty())
        settings["partitions"] = std::move(partitions);
    else if (partition.is_object())
        settings.erase("partitions");
    settings["teachers"] = std::move(teachers);
    settings["images"] = listOf(settingsOf(before), "images");
    for (const char* key :
         {"student", "recursive", "limit", "checkpoint_every", "probe_every", "probe_images"})
        // A preset that describes its student is about that one.
        if (settingsOf(before).contains(key) &&
            !(std::string_view(key) == "student" && settings.contains(key)))
            settings[key] = settingsOf(before)[key];
    for (const char* key : {"seed", "device"})
        if (before.contains(key))
            out[key] = before[key];
    return out;
}

QStringList modelsBelow(const QString& path) {
    if (looksLikeModel(path))
        return {path};
    QStringList found;
    int looked = 0;
    for (const QString& inner : QDir(path).entryList(QDir::Dirs | QDir::NoDotAndDotDot, QDir::Name)) {
        if (++looked > kFoldersSearched)
            break;
        const QString folder = path + "/" + inner;
        if (looksLikeModel(folder)) {
            found.append(folder);
            continue;
        }
        for (const QString& deeper : QDir(folder).entryList(QDir::Dirs | QDir::NoDotAndDotDot, QDir::Name))
            if (looksLikeModel(folder + "/" + deeper))
                found.append(folder + "/" + deeper);
    }
    return found;
}

}  // namespace vitrine
