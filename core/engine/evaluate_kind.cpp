#include "core/engine/evaluate_kind.h"

#include "core/base/csv.h"
#include "core/commands/text_table.h"
#include "core/engine/engine_plugins.h"
#include "core/engine/evaluation_tasks.h"
#include "core/engine/picture_list.h"
#include "core/media/image_writer.h"
#include "core/runs/run_context.h"

#include <algorithm>
#include <map>

namespace vitrine {
namespace {

constexpr int64_t kTestShare = 5;  // without a test set every fifth picture of a class is one of it

class EvaluateJob {
  public:
    explicit EvaluateJob(RunContext& run) : run_(run) {}

    Result<void> execute() {
        VITRINE_TRY_VOID(openSets());
        if (run_.savedState())
            restore(*run_.savedState());
        const Json& settings = run_.settings();
        const auto models = settings["models"].get<std::vector<std::string>>();
        const auto resolutions = settings["resolutions"].get<std::vector<int64_t>>();
        for (const std::string& path : models)
            for (const int64_t resolution : resolutions)
                VITRINE_TRY_VOID(evaluate(path, resolution));
        VITRINE_TRY([[maybe_unused]] const StoredFile json,
                    run_.putArtifact("evaluation.json", state().dump(2) + "\n",
                                     {.kind = "report", .mediaType = "application/json"}));
        VITRINE_TRY([[maybe_unused]] const StoredFile csv,
                    run_.putArtifact("evaluation.csv", table(), {.kind = "table", .mediaType = "text/csv"}));
        return {};
    }

  private:
    Result<void> openSets() {
        const Json& settings = run_.settings();
        const std::string classification = settings["classification"], test = settings["test"],
                          labels = settings["labels"], segmentation = settings["segmentation"],
                          correspondence = settings["correspondence"];
        if (classification.empty() && segmentation.empty() && correspondence.empty())
            return fail(
                ErrorCode::InvalidArgument, "there is nothing to evaluate on", "settings",
                "Name classified pictures (classification), labelled pixels (segmentation), or pictures "
                "without labels (correspondence)");
        if (!correspondence.empty()) {
            VITRINE_TRY(const std::vector<std::filesystem::path> files,
                        listPictures({correspondence}, {}, &run_.job()));
            for (const std::filesystem::path& file : files)
                plain_.push_back(file.string());
            VITRINE_TRY_VOID(
                run_.usedInput("data", correspondence, fmt::format("{} pictures", plain_.size())));
        }
        if (!classification.empty()) {
            VITRINE_TRY(ClassifiedPictures all, openClassifiedPictures(classification, labels, run_.job()));
            if (test.empty()) {
                std::tie(training_, test_) = splitEvery(all, kTestShare);
            } else {
                VITRINE_TRY(ClassifiedPictures apart, openClassifiedPictures(test, labels, run_.job()));
                VITRINE_TRY(test_, withClassesOf(all, std::move(apart)));
                training_ = std::move(all);
            }
            VITRINE_TRY_VOID(
                run_.usedInput("data", classification, fmt::format("{} pictures", training_.paths.size())));
        }
        if (!segmentation.empty()) {
            VITRINE_TRY(segmentation_, openSegmentationSet(segmentation, run_.job()));
            VITRINE_TRY_VOID(
                run_.usedInput("data", segmentation,
                               fmt::format("{} labelled pictures", segmentation_.training.pictures.size())));
        }
        return {};
    }

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

    bool isDone(const std::string& path, int64_t resolution, const char* task) const {
        return std::any_of(rows_.begin(), rows_.end(), [&](const Json& row) {
            return row["path"] == path && row["asked"] == resolution && row["task"] == task;
        });
    }

    Result<void> evaluate(const std::string& path, int64_t resolution) {
        const bool wantsClasses = !training_.paths.empty() && !isDone(path, resolution, "kNN");
        const bool wantsPixels = !segmentation_.classes.empty() && !isDone(path, resolution, "segmentation");
        const bool wantsPlaces = !plain_.empty() && !isDone(path, resolution, "correspondence");
        if (!wantsClasses && !wantsPixels && !wantsPlaces)
            return {};
        VITRINE_TRY(const StoredModel* model,
                    store_.load(path, run_.recipe().value("device", "cpu"), run_.settings()["dtype"]));
        VITRINE_TRY_VOID(run_.usedInput("model", model->description.identity, model->description.path));
        const EvaluationSettings settings = settingsAt(resolution);
        if (wantsClasses) {
            VITRINE_TRY_VOID(run_.pausePoint());
            VITRINE_TRY(const ClassificationScores scores,
                        classify(*model, training_, test_, settings, run_.job()));
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
            VITRINE_TRY(const SegmentationScores scores,
                        segment(*model, segmentation_, settings, run_.settings()["pictures"], run_.job()));
            list(scores.skipped);
            VITRINE_TRY_VOID(addSegmentation(path, *model, resolution, scores));
            VITRINE_TRY_VOID(run_.saveState(state()));
        }
        if (wantsPlaces) {
            VITRINE_TRY_VOID(run_.pausePoint());
            VITRINE_TRY(const CorrespondenceScores scores, correspond(*model, plain_, settings, run_.job()));
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
        return {};
    }

    void add(const std::string& path, const StoredModel& model, int64_t resolution, const char* task,
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
        for (size_t index = 0; index < segmentation_.classes.size(); ++index) {
            const auto& value = scores.intersectionOverUnion[index];
            classes[segmentation_.classes[index]] = value ? Json(*value) : Json();
        }
        add(path, model, resolution, "segmentation", scores.meanIntersectionOverUnion,
            {{"pixelAccuracy", scores.pixelAccuracy},
             {"intersectionOverUnion", classes},
             {"training", scores.trainingCount},
             {"test", scores.testCount},
             {"skipped", scores.skipped.size()}});
        const Json row = rows_.back();
        for (const auto& [name, picture] : scores.pictures) {
            VITRINE_TRY(const std::string png, encodeImage(picture, ".png"));
            VITRINE_TRY(
                [[maybe_unused]] const StoredFile kept,
                run_.putArtifact(fmt::format("segmentation/{}/{} at {}.png", model.description.info.name,
                                             name, row["resolution"].get<int64_t>()),
                                 png, {.kind = "picture", .mediaType = "image/png", .provenance = row}));
        }
        return {};
    }

    std::string table() const {
        std::string csv = "model,task,resolution,score\n";
        for (const Json& row : rows_)
            csv += fmt::format("{},{},{},{:.6g}\n", csvField(row["model"].get<std::string>()),
                               row["task"].get<std::string>(), row["resolution"].get<int64_t>(),
                               row["score"].get<double>());
        return csv;
    }

    RunContext& run_;
    ModelStore store_;
    ClassifiedPictures training_, test_;
    SegmentationSet segmentation_;
    std::vector<std::string> plain_;  // pictures without labels
    Json rows_ = Json::array();
    std::map<std::string, std::string> leftOut_;  // path -> why
};

}  // namespace

std::string evaluationTable(const Json& rows) {
    std::vector<std::string> tasks;
    std::map<std::string, double> best;
    // One line for each model and resolution, in the order of the run.
    std::vector<std::pair<std::string, std::map<std::string, double>>> lines;
    for (const Json& row : rows) {
        const std::string task = row["task"];
        const std::string name =
            fmt::format("{} at {}", row["model"].get<std::string>(), row["resolution"].get<int64_t>());
        if (std::find(tasks.begin(), tasks.end(), task) == tasks.end())
            tasks.push_back(task);
        best[task] = std::max(best[task], row["score"].get<double>());
        auto line =
            std::find_if(lines.begin(), lines.end(), [&](const auto& line) { return line.first == name; });
        if (line == lines.end())
            line = lines.insert(lines.end(), {name, {}});
        line->second[task] = row["score"];
    }
    TextTable text;
    text.header = {"model"};
    text.rightAligned = {false};
    for (const std::string& task : tasks) {
        text.header.push_back(task == "segmentation" ? "mean IoU" : task);
        text.rightAligned.push_back(true);
    }
    for (const auto& [name, scores] : lines) {
        auto& cells = text.rows.emplace_back(std::vector<std::string>{name});
        for (const std::string& task : tasks)
            cells.push_back(scores.contains(task) ? fmt::format("{:.1f} %{}", 100 * scores.at(task),
                                                                scores.at(task) == best[task] ? " *" : "  ")
                                                  : "-");
    }
    return text.text() + "* the best of its column\n";
}

JobKind evaluateKind() {
    JobKind kind;
    kind.name = "evaluate";
    kind.summary = "Measure frozen features: kNN, linear probe, segmentation probe, correspondence";
    kind.settingsSchema = Json::parse(R"json({"type": "object", "required": ["models"], "properties": {
      "models": {"type": "array", "minItems": 1, "items": {"type": "string"}, "title": "Models", "description": "model folders or weight files"},
      "classification": {"type": "string", "default": "", "title": "Classified pictures", "description": "folder with one folder of pictures for each class, or a CIFAR-10 .bin file"},
      "test": {"type": "string", "default": "", "title": "Test pictures", "description": "the same; empty: every fifth picture of each class is kept for testing"},
      "labels": {"type": "string", "default": "", "title": "Label file", "description": "CSV with the classes, in place of class folders"},
      "segmentation": {"type": "string", "default": "", "title": "Labelled pixels", "description": "folder with train, train_labels, test, test_labels and classes.csv"},
      "correspondence": {"type": "string", "default": "", "title": "Pictures without labels", "description": "picture or folder; each picture is matched against known warps of itself, right within one feature cell"},
      "resolutions": {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 0, "maximum": 8192}, "default": [0], "title": "Resolutions", "unit": "pixels", "description": "model pixels of the short side; 0: what each model prefers"},
      "batch": {"type": "integer", "minimum": 1, "maximum": 1024, "default": 16, "title": "Batch", "unit": "pictures"},
      "dtype": {"type": "string", "enum": ["float32", "bfloat16"], "default": "float32", "title": "Encode in"},
      "voters": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 20, "title": "Neighbours that vote"},
      "temperature": {"type": "number", "exclusiveMinimum": 0, "default": 0.07, "title": "Temperature of the votes"},
      "linear_steps": {"type": "integer", "minimum": 1, "maximum": 100000, "default": 400, "title": "Steps of the linear probe"},
      "segmentation_steps": {"type": "integer", "minimum": 1, "maximum": 1000000, "default": 400, "title": "Steps of the segmentation probe"},
      "pictures": {"type": "integer", "minimum": 0, "maximum": 1000, "default": 4, "title": "Segmented pictures to keep"}}})json");
    kind.run = [](RunContext& run) {
        loadEnginePlugins();
        return EvaluateJob(run).execute();
    };
    return kind;
}

}  // namespace vitrine
