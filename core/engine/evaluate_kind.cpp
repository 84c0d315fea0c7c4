#include "core/engine/evaluate_kind.h"

#include "core/engine/engine_plugins.h"
#include "core/engine/evaluate_schema.h"
#include "core/engine/evaluation_report.h"
#include "core/engine/evaluation_sets.h"
#include "core/engine/imitation_evaluation.h"
#include "core/media/image_writer.h"
#include "core/runs/run_context.h"

#include <algorithm>
#include <map>

namespace vitrine {
namespace {

class EvaluateJob {
  public:
    explicit EvaluateJob(RunContext& run) : run_(run) {}

    Result<void> execute() {
        VITRINE_TRY(sets_, openEvaluationSets(run_));
        if (run_.savedState())
            restore(*run_.savedState());
        const Json& settings = run_.settings();
        const auto models = settings["models"].get<std::vector<std::string>>();
        const auto resolutions = settings["resolutions"].get<std::vector<int64_t>>();
        for (const std::string& path : models)
            for (const int64_t resolution : resolutions)
                VITRINE_TRY_VOID(evaluate(path, resolution));
        if (unreadable_.size() == models.size())
            return fail(unreadable_.begin()->second);
        VITRINE_TRY_VOID(storeModeSwitch(run_, rows_));
        VITRINE_TRY([[maybe_unused]] const StoredFile json,
                    run_.putArtifact("evaluation.json", state().dump(2) + "\n",
                                     {.kind = "report", .mediaType = "application/json"}));
        VITRINE_TRY([[maybe_unused]] const StoredFile csv,
                    run_.putArtifact("evaluation.csv", evaluationCsv(rows_),
                                     {.kind = "table", .mediaType = "text/csv"}));
        return {};
    }

  private:
    // Scores and what was left out: the checkpoint, and in the end the result.
    Json state() const { return {{"scores", rows_}, {"leftOut", leftOut_}}; }

    void restore(const Json& state) {
        rows_ = state["scores"];
        leftOut_ = state.value("leftOut", leftOut_);
    }

    // Several models and resolutions meet the same pictures: each is told once.
    void list(const std::vector<SkippedPicture>& skipped) {
        for (const SkippedPicture& picture : skipped)
            if (leftOut_.emplace(picture.path, picture.reason).second)
                run_.log(fmt::format("left out: {} ({})", picture.path, picture.reason));
        run_.metric("pictures/left out", 0, double(leftOut_.size()));
    }

    EvaluationSettings settingsAt(int64_t resolution) const {
        const Json& settings = run_.settings();
        EvaluationSettings evaluation;
        evaluation.resolution = resolution;
        evaluation.batch = settings["batch"];
        evaluation.voters = settings["voters"];
        evaluation.temperature = settings["temperature"];
        evaluation.linear.steps = settings["linear_steps"];
        evaluation.segmentation.steps = settings["segmentation_steps"];
        evaluation.segmentation.seed = run_.seed();
        return evaluation;
    }

    bool isDone(const std::string& path, int64_t resolution, const std::string& task) const {
        return std::any_of(rows_.begin(), rows_.end(), [&](const Json& row) {
            return row["path"] == path && row["asked"] == resolution && row["task"] == task;
        });
    }

    Result<void> evaluate(const std::string& path, int64_t resolution) {
        const bool wantsClasses = !sets_.test.paths.empty() && !isDone(path, resolution, "kNN");
        const bool wantsPixels =
            !sets_.segmentation.classes.empty() && !isDone(path, resolution, "segmentation");
        const bool wantsPlaces = !sets_.plain.empty() && !isDone(path, resolution, "correspondence");
        const bool wantsTexts = run_.settings()["zero_shot"].get<bool>() &&
                                !isDone(path, resolution, "zero-shot") && !unreadable_.contains(path);
        const Json& teachers = run_.settings()["teachers"];
        const bool wantsTeachers = std::any_of(teachers.begin(), teachers.end(), [&](const Json& teacher) {
            return !isDone(path, resolution, imitationTask(teacher["name"], teacherView()));
        });
        if (!wantsClasses && !wantsPixels && !wantsPlaces && !wantsTexts && !wantsTeachers)
            return {};
        VITRINE_TRY(const StoredModel* model, load(path));
        if (wantsTeachers)
            VITRINE_TRY_VOID(lookThroughTeachers(
                teacherView() == TeacherView::Student ? squareSide(*model, resolution) : 0));
        const EvaluationSettings settings = settingsAt(resolution);
        if (wantsClasses) {
            VITRINE_TRY_VOID(run_.pausePoint());
            VITRINE_TRY(const ClassificationScores scores,
                        classify(*model, sets_.training, sets_.test, settings, run_.job()));
            list(scores.skipped);
            const Json detail{{"chance", scores.chance},
                              {"averaged", scores.averaged},
                              {"training", scores.trainingCount},
                              {"test", scores.testCount},
                              {"skipped", scores.skipped.size()}};
            add(path, *model, resolution, "kNN", scores.knn, detail);
            add(path, *model, resolution, "linear probe", scores.linear, detail);
            VITRINE_TRY_VOID(run_.saveState(state()));
        }
        if (wantsPixels) {
            VITRINE_TRY_VOID(run_.pausePoint());
            VITRINE_TRY(const SegmentationScores scores, segment(*model, sets_.segmentation, settings,
                                                                 run_.settings()["pictures"], run_.job()));
            list(scores.skipped);
            VITRINE_TRY_VOID(addSegmentation(path, *model, resolution, scores));
            VITRINE_TRY_VOID(run_.saveState(state()));
        }
        if (wantsPlaces) {
            VITRINE_TRY_VOID(run_.pausePoint());
            VITRINE_TRY(const CorrespondenceScores scores,
                        correspond(*model, sets_.plain, settings, run_.job()));
            list(scores.skipped);
            Json warps = Json::object();
            for (const auto& [name, share] : scores.warps)
                warps[name] = share;
            add(path, *model, resolution, "correspondence", scores.all.share(),
                {{"warps", warps},
                 {"places", scores.all.all},
                 {"pictures", scores.pictureCount},
                 {"skipped", scores.skipped.size()}});
            VITRINE_TRY_VOID(run_.saveState(state()));
        }
        if (wantsTexts)
            VITRINE_TRY_VOID(readByTexts(path, *model, resolution, settings));
        if (wantsTeachers)
            VITRINE_TRY_VOID(compareWithTeachers(path, *model, resolution, settings));
        return {};
    }

    Result<void> readByTexts(const std::string& path, const StoredModel& model, int64_t resolution,
                             const EvaluationSettings& settings) {
        VITRINE_TRY_VOID(run_.pausePoint());
        const std::string textModel = run_.settings()["text_model"];
        const StoredModel* texts = nullptr;
        if (!textModel.empty()) {
            VITRINE_TRY(texts, load(textModel));
        }
        const auto reading = textReadingOf(model, texts, run_.settings()["text_adaptor"]);
        if (!reading) {
            // Beside models that can be read it is left out.
            run_.log("no zero-shot classification: " + reading.error().text());
            unreadable_.emplace(path, reading.error());
            return {};
        }
        const auto templates = run_.settings()["templates"].get<std::vector<std::string>>();
        VITRINE_TRY(const ZeroShotScores scores,
                    classifyByTexts(model, *reading, sets_.read, templates, settings, run_.job()));
        list(scores.skipped);
        add(path, model, resolution, "zero-shot", scores.top1,
            {{"top5", scores.top5},
             {"chance", scores.chance},
             {"classes", sets_.read.classes.size()},
             {"test", scores.count},
             {"textModel", reading->texts->description.info.name},
             {"adaptor", reading->adaptor},
             {"templates", templates},
             {"skipped", scores.skipped.size()}});
        VITRINE_TRY_VOID(storeConfusion(run_, rows_.back(), sets_.read.classes, scores.confusion));
        return run_.saveState(state());
    }

    TeacherView teacherView() const {
        return run_.settings()["teacher_resolution"] == teacherViewName(TeacherView::Student)
                   ? TeacherView::Student
                   : TeacherView::Own;
    }

    // Once for all students and resolutions where each teacher has a view of its own (`studentSide` 0), else
    // again for every other side of a student.
    Result<void> lookThroughTeachers(int64_t studentSide) {
        if (!teachers_.empty() && studentSide == teachersSide_)
            return {};
        teachers_.clear();
        teachersSide_ = studentSide;
        for (const Json& json : run_.settings()["teachers"]) {
            VITRINE_TRY_VOID(run_.pausePoint());
            const ImitatedTeacher teacher = imitatedTeacherFrom(json);
            VITRINE_TRY(const StoredModel* model, load(teacher.model));
            VITRINE_TRY(teachers_.emplace_back(),
                        mapsOfTeacher(*model, teacher, sets_.imitated, settingsAt(teacher.side), studentSide,
                                      run_.job()));
            list(teachers_.back().skipped);
        }
        return {};
    }

    Result<void> compareWithTeachers(const std::string& path, const StoredModel& model, int64_t resolution,
                                     const EvaluationSettings& settings) {
        VITRINE_TRY_VOID(run_.pausePoint());
        VITRINE_TRY(const Imitations found, imitate(model, teachers_, sets_.imitated, settings,
                                                    run_.settings()["pictures"], run_.job()));
        list(found.skipped);
        for (size_t index = 0; index < found.teachers.size(); ++index) {
            const Imitation& each = found.teachers[index];
            const ImitationScores& scores = each.scores;
            const TeacherMaps& teacher = teachers_[index];
            add(path, model, resolution, imitationTask(each.teacher, teacher.view), 1 - scores.error,
                {{"error", scores.error},
                 {"cosine", scores.cosine},
                 {"summaryCosine", scores.summaryCosine ? Json(*scores.summaryCosine) : Json()},
                 {"teacher", each.teacher},
                 {"teacherView", teacherViewName(teacher.view)},
                 {"teacherResolution", teacher.side},
                 {"places", scores.places},
                 {"pictures", scores.pictures},
                 {"skipped", found.skipped.size()}});
            const Json row = rows_.back();
            run_.metric(fmt::format("{}/{}", model.description.info.name,
                                    imitationErrorName(each.teacher, teacher.view)),
                        row["resolution"], scores.error);
            for (const auto& [name, picture] : each.pictures)
                VITRINE_TRY_VOID(
                    storePicture(fmt::format("imitation/{}/{}/{} at {}.png", model.description.info.name,
                                             each.teacher, name, row["resolution"].get<int64_t>()),
                                 picture, row));
        }
        return run_.saveState(state());
    }

    Result<const StoredModel*> load(const std::string& path) {
        VITRINE_TRY(const StoredModel* model,
                    store_.load(path, run_.recipe().value("device", "cpu"), run_.settings()["dtype"]));
        VITRINE_TRY_VOID(run_.usedInput("model", model->description.identity, model->description.path));
        return model;
    }

    Result<void> storePicture(const std::string& name, const Image& picture, const Json& row) {
        VITRINE_TRY(const std::string png, encodeImage(picture, ".png"));
        VITRINE_TRY(
            [[maybe_unused]] const StoredFile kept,
            run_.putArtifact(name, png, {.kind = "picture", .mediaType = "image/png", .provenance = row}));
        return {};
    }

    void add(const std::string& path, const StoredModel& model, int64_t resolution, const std::string& task,
             double score, Json detail) {
        const EncoderInfo& info = model.description.info;
        const int64_t side = resolution > 0 && !info.fixedSize ? resolution : info.preferredHeight;
        rows_.push_back({{"model", info.name},
                         {"path", path},
                         {"task", task},
                         {"resolution", side},
                         {"asked", resolution},
                         {"score", score},
                         {"detail", std::move(detail)}});
        run_.metric(fmt::format("{}/{}", info.name, task), side,
                    score);  // charts show it against the resolution
    }

    Result<void> addSegmentation(const std::string& path, const StoredModel& model, int64_t resolution,
                                 const SegmentationScores& scores) {
        Json classes = Json::object();
        for (size_t index = 0; index < sets_.segmentation.classes.size(); ++index) {
            const auto& value = scores.intersectionOverUnion[index];
            classes[sets_.segmentation.classes[index]] = value ? Json(*value) : Json();
        }
        add(path, model, resolution, "segmentation", scores.meanIntersectionOverUnion,
            {{"pixelAccuracy", scores.pixelAccuracy},
             {"intersectionOverUnion", classes},
             {"training", scores.trainingCount},
             {"test", scores.testCount},
             {"skipped", scores.skipped.size()}});
        const Json row = rows_.back();
        for (const auto& [name, picture] : scores.pictures)
            VITRINE_TRY_VOID(
                storePicture(fmt::format("segmentation/{}/{} at {}.png", model.description.info.name, name,
                                         row["resolution"].get<int64_t>()),
                             picture, row));
        return {};
    }

    RunContext& run_;
    ModelStore store_;
    EvaluationSets sets_;
    std::map<std::string, Error> unreadable_;  // models that texts cannot classify by, and why
    std::vector<TeacherMaps> teachers_;        // what each teacher says of them
    int64_t teachersSide_ = 0;                 // of the student whose view it was; 0: their own
    Json rows_ = Json::array();
    std::map<std::string, std::string> leftOut_;  // path -> why
};

}  // namespace

JobKind evaluateKind() {
    JobKind kind;
    kind.name = "evaluate";
    kind.summary =
        "Measure frozen features: kNN, linear probe, segmentation probe, correspondence, zero-shot, error to "
        "teachers";
    kind.settingsSchema = evaluateSchema();
    kind.run = [](RunContext& run) {
        loadEnginePlugins();
        return EvaluateJob(run).execute();
    };
    return kind;
}

}  // namespace vitrine
