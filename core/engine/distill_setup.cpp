#include "core/engine/distill_setup.h"

#include "core/commands/runs_commands_support.h"
#include "core/engine/engine_plugins.h"
#include "core/engine/folder_picture_source.h"
#include "core/engine/picture_list.h"
#include "core/engine/run_teacher_cache.h"

#include <algorithm>

namespace vitrine {
namespace fs = std::filesystem;

Result<DistillOptions> distillOptionsOf(const Json& settings, uint64_t seed, const std::string& device) {
    VITRINE_TRY(DistillOptions options, distillOptionsFrom(settings));
    options.seed = seed;
    VITRINE_TRY(options.device, deviceFromName(device));
    return options;
}

Result<void> DistillSetup::open(const Json& settings, uint64_t seed, const std::string& device,
                                JobContext& job) {
    VITRINE_TRY(options_, distillOptionsOf(settings, seed, device));
    VITRINE_TRY_VOID(loadTeachers(settings, device, job));
    return openPictures(settings, job);
}

Result<std::unique_ptr<Distiller>> DistillSetup::makeDistiller() const {
    std::vector<const Teacher*> teachers;
    for (const auto& teacher : teachers_)
        teachers.push_back(teacher.get());
    return Distiller::create(options_, teachers, *pictures_);
}

Result<void> DistillSetup::loadTeachers(const Json& settings, const std::string& device, JobContext& job) {
    job.beginStage("loading teachers", int64_t(settings["teachers"].size()));
    for (const Json& each : settings["teachers"]) {
        const std::string name = each["name"], path = each["model"];
        VITRINE_TRY(const StoredModel* stored, store_.load(path, device, "float32"));
        inputs_.push_back({"model", stored->description.identity, path});
        EncoderTeacherOptions options;
        options.name = name;
        options.identity = stored->description.identity;
        options.adaptor = each["adaptor"];
        options.layer = each["layer"];
        options.useSummary = each["summary"];
        if (!stored->description.info.normalizesItself && stored->preprocess.normalize) {
            options.mean.assign(stored->preprocess.mean.begin(), stored->preprocess.mean.end());
            options.std.assign(stored->preprocess.std.begin(), stored->preprocess.std.end());
        }
        // The store owns the model for as long as this object lasts.
        std::shared_ptr<SharedPasses>& passes = passes_[stored];
        if (!passes)
            passes = std::make_shared<SharedPasses>(
                std::shared_ptr<const Model>(stored->model.get(), [](const Model*) {}));
        VITRINE_TRY(std::unique_ptr<Teacher> teacher, makeEncoderTeacher(passes, options));
        notes_.push_back(fmt::format("teacher {}: summary {}, features {} per cell of {} pixels", name,
                                     teacher->summaryWidth(), teacher->featureWidth(),
                                     teacher->cellPixels()));
        teachers_.push_back(std::move(teacher));
        job.advance();
    }
    const std::string start = settings["student"]["start_from"];
    if (start.empty())
        return {};
    VITRINE_TRY(const ModelFolder folder, openModelFolder(start));
    VITRINE_TRY(const std::string identity, folder.identity());
    inputs_.push_back({"model", identity, start});
    return {};
}

Result<void> DistillSetup::openPictures(const Json& settings, JobContext& job) {
    VITRINE_TRY(std::vector<fs::path> files, listPictures(settings["images"].get<std::vector<std::string>>(),
                                                          {settings["recursive"], settings["limit"]}, &job));
    FolderPictureOptions folder;
    folder.smallestCrop = settings["smallest_crop"];
    folder.largestSide = options_.student.preferredSide;
    firstFiles_.assign(files.begin(),
                       files.begin() + std::min<std::ptrdiff_t>(4, std::ptrdiff_t(files.size())));
    notes_.push_back(fmt::format("{} pictures", files.size()));
    VITRINE_TRY(pictures_, openFolderPictures(std::move(files), folder));
    inputs_.push_back({"dataset", pictures_->fingerprint(), settings["images"].dump()});
    return {};
}

Result<Json> estimateDistillation(const Json& recipe, const fs::path& project, JobContext& job) {
    loadEnginePlugins();
    const Json& settings = recipe["settings"];
    const uint64_t seed = recipe.contains("seed") ? recipe["seed"].get<uint64_t>() : 0;
    DistillSetup setup;
    VITRINE_TRY_VOID(setup.open(settings, seed, recipe.value("device", "cpu"), job));
    VITRINE_TRY(const auto distiller, setup.makeDistiller());
    job.beginStage("measuring a step", 0);
    VITRINE_TRY(const TeacherCacheEstimate estimate, distiller->estimateCache(true));
    const DistillOptions& options = setup.options();
    const auto decision = estimate.decide(
        options.teacherCache, TeacherCache::room(teacherCacheFolder(project), cacheOptions(options)));
    const double step = estimate.stepSeconds(), steps = double(options.steps);
    const double seconds = step * steps / (decision.use ? estimate.gain() : 1);
    return Json{
        {"seconds", seconds},
        {"teacher_cache", cacheReport(estimate, decision)},
        {"text", fmt::format("about {} a step, {} for {} steps\nteacher cache: {}\nteacher cache: {} ({})",
                             durationText(step), durationText(seconds), options.steps, estimate.text(),
                             decision.use ? "used" : "not used", decision.reason)}};
}

}  // namespace vitrine
