#include "app/desktop/distill/distill_recipe.h"

#include "app/desktop/teachers/collect_settings.h"
#include "core/base/paths.h"
#include "core/distill/student_rules.h"
#include "core/distill/student_sizes.h"
#include "core/engine/distill_schema.h"
#include "core/runs/recipe.h"
#include "widgets/forms/form_field.h"

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

// Complete, whatever the recipe holds.
Json studentOf(const Json& recipe) {
    Json student = Json::object();
    if (recipe.is_object() && recipe.contains("settings") && recipe["settings"].is_object() &&
        recipe["settings"].contains("student") && recipe["settings"]["student"].is_object())
        student = recipe["settings"]["student"];
    static const Json schema = distillSettingsSchema()["properties"]["student"];
    return withDefaults(std::move(student), schema);
}

// "0.63 M", "21.9 M".
QString parameterText(int64_t count) {
    const double millions = double(count) / 1e6;
    return QStringLiteral("%1 M").arg(millions, 0, 'f', millions < 10 ? 2 : 1);
}

// Settings that do not count beside the student that was chosen go back to their defaults.
void dropUnused(Json& recipe) {
    static const Json schema = distillRecipeSchema();
    const Json complete = withDefaults(recipe, schema);
    Json& settings = settingsOf(recipe);
    const auto drop = [&](const std::string& place, Json& object) {
        std::vector<std::string> unused;
        for (const auto& [key, value] : object.items())
            if (!reasonNotUsed(schema, complete, place + key).isEmpty())
                unused.push_back(key);
        for (const std::string& key : unused)
            object.erase(key);
    };
    drop("settings.student.", settings["student"]);
    drop("settings.", settings);
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

QString studentSizeText(const StudentSize& size, const Json& recipe) {
    Json student = studentOf(recipe);
    student.update(size.settings);
    QStringList facts;
    // First, so that a narrow list still says it.
    if (const auto count = studentParameters(student, int64_t(teacherModels(recipe).size())))
        facts.append(parameterText(*count));
    const auto levels = [&](int64_t width, const std::vector<int64_t>& depths) {
        QStringList counts;
        for (const int64_t depth : depths)
            counts.append(QString::number(depth));
        facts.append(QStringLiteral("%1 channels").arg(width));
        facts.append(counts.join("+") + QStringLiteral(" blocks"));
    };
    const std::string trunk = textOf(student, "trunk"), variant = textOf(student, "variant");
    if (trunk == "vit") {
        facts += {QStringLiteral("%1 channels").arg(student["width"].get<int>()),
                  QStringLiteral("%1 blocks").arg(student["depth"].get<int>()),
                  QStringLiteral("%1 heads").arg(student["heads"].get<int>())};
    } else if (variant == "own") {
        levels(student["width"], student["depths"].get<std::vector<int64_t>>());
    } else {
        for (const NamedStudentSize& each : namedStudentSizes(trunk))
            if (each.name == variant)
                levels(each.width, each.depths);
    }
    return size.name + ": " + facts.join(", ");
}

QString studentText(const Json& recipe) {
    const Json student = studentOf(recipe);
    const auto count = studentParameters(student, int64_t(teacherModels(recipe).size()));
    if (!count)
        return {};
    const std::string trunk = textOf(student, "trunk");
    return QStringLiteral("%1, %2 parameters")
        .arg(trunk == "eradio"        ? QStringLiteral("E-RADIO")
             : trunk == "mambavision" ? QStringLiteral("MambaVision")
                                      : QStringLiteral("ViT"),
             parameterText(*count));
}

std::vector<SchemaProblem> distillRecipeProblems(const Json& recipe) {
    return studentProblems(recipe["settings"]);
}

// As the published ones, after smaller ones that learn on a laptop.
const std::vector<StudentSize>& studentSizes() {
    static const std::vector<StudentSize> sizes = [] {
        const auto vit = [](const char* name, int width, int depth, int heads) {
            return StudentSize{name,
                               {{"trunk", "vit"}, {"width", width}, {"depth", depth}, {"heads", heads}}};
        };
        const auto own = [](const char* name, const char* trunk, int width, const Json& depths) {
            return StudentSize{name,
                               {{"trunk", trunk}, {"variant", "own"}, {"width", width}, {"depths", depths}}};
        };
        std::vector<StudentSize> list{vit("ViT tiny", 96, 4, 3),
                                      vit("ViT small", 192, 6, 3),
                                      vit("ViT-T", 192, 12, 3),
                                      vit("ViT-S", 384, 12, 6),
                                      vit("ViT-B", 768, 12, 12),
                                      vit("ViT-L", 1024, 24, 16),
                                      own("E-RADIO mini", "eradio", 16, {1, 1, 2, 2})};
        const auto addNamed = [&](const char* trunk, const char* called) {
            for (const NamedStudentSize& each : namedStudentSizes(trunk))
                list.push_back({QStringLiteral("%1 %2").arg(called, QString::fromStdString(each.name)),
                                {{"trunk", trunk}, {"variant", each.name}}});
        };
        addNamed("eradio", "E-RADIO");
        addNamed("mambavision", "MambaVision");
        const auto tiny = std::find_if(list.begin(), list.end(), [](const StudentSize& each) {
            return each.name == "MambaVision tiny";
        });
        list.insert(tiny + 1, own("MambaVision small", "mambavision", 32, {1, 1, 4, 2}));
        return list;
    }();
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
    dropUnused(recipe);
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
    if (settingsOf(out).contains("student") && settingsOf(out)["student"].is_object())
        dropUnused(out);
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
