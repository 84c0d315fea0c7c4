#include "core/engine/statistics_kind.h"

#include "core/base/hash.h"
#include "core/engine/engine_plugins.h"
#include "core/engine/picture_list.h"
#include "core/engine/statistics_report.h"
#include "core/engine/statistics_schema.h"
#include "core/engine/teacher_streams.h"
#include "core/media/image_reader.h"
#include "core/runs/run_context.h"

#include <map>
#include <mutex>
#include <set>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr const char* kSafetensors = "application/x-safetensors";

class StatisticsJob {
  public:
    explicit StatisticsJob(RunContext& run) : run_(run) {}

    Result<void> execute() {
        const Json& settings = run_.settings();
        for (const std::string name : settings["normalizers"]) {
            VITRINE_TRY(const NormalizerKind kind, normalizerFromName(name));
            kinds_.push_back(kind);
        }
        VITRINE_TRY(
            const auto pictures,
            listPictures(settings["images"].get<std::vector<std::string>>(),
                         {.recursive = settings["recursive"], .limit = settings["limit"]}, &run_.job()));
        for (const fs::path& picture : pictures)
            paths_.push_back(picture.string());
        VITRINE_TRY(checkpoints_, run_.checkpointFolder());
        VITRINE_TRY_VOID(restore());
        const auto models = settings["models"].get<std::vector<std::string>>();
        while (model_ < models.size())
            VITRINE_TRY_VOID(runModel(models[model_]));
        VITRINE_TRY([[maybe_unused]] const StoredFile file,
                    run_.putArtifact("statistics.json", Json{{"teachers", rows_}}.dump(2) + "\n",
                                     {.kind = "report", .mediaType = "application/json"}));
        return {};
    }

  private:
    // --- state: which model, which picture comes next, the streams' files of the running model
    std::string pictureListHash() const { return sha256Hex(fmt::format("{}", fmt::join(paths_, "\n"))); }

    Result<void> restore() {
        if (!run_.savedState())
            return {};
        const Json& state = *run_.savedState();
        if (state.value("pictures", "") != pictureListHash())
            return fail(ErrorCode::InvalidArgument, "the pictures are others than when this run was stopped",
                        "settings.images", "Start a new run");
        model_ = state["model"];
        next_ = state["next"];
        files_ = state["files"].get<std::vector<std::string>>();
        rows_ = state["rows"];
        dataHash_ = state["data"];
        encodeSeconds_ = state["encodeSeconds"];
        momentSeconds_ = state["momentSeconds"];
        skipped_ = state["skipped"].get<std::set<std::string>>();
        return {};
    }

    Result<void> saveState() {
        const Json state{{"pictures", pictureListHash()},
                         {"model", model_},
                         {"next", next_},
                         {"files", files_},
                         {"rows", rows_},
                         {"data", dataHash_},
                         {"encodeSeconds", encodeSeconds_},
                         {"momentSeconds", momentSeconds_},
                         {"skipped", skipped_}};
        VITRINE_TRY_VOID(run_.saveState(state));
        // Files that no state speaks of any more.
        std::error_code ignored;
        for (const auto& entry : fs::directory_iterator(checkpoints_, ignored))
            if (entry.path().extension() == ".safetensors" &&
                std::find(files_.begin(), files_.end(), entry.path().filename().string()) == files_.end())
                fs::remove(entry.path(), ignored);
        return {};
    }

    Result<void> checkpoint(const TeacherStreams& streams) {
        encodeSeconds_ = streams.encodeSeconds;
        momentSeconds_ = streams.momentSeconds;
        VITRINE_TRY(files_, streams.save(checkpoints_, fmt::format("moments-{}-{}", model_, next_)));
        return saveState();
    }

    // --- one model
    Result<void> runModel(const std::string& path) {
        const Json& settings = run_.settings();
        VITRINE_TRY(const StoredModel* stored,
                    store_.load(path, run_.recipe().value("device", "cpu"), settings["dtype"]));
        VITRINE_TRY_VOID(run_.usedInput("model", stored->description.identity, stored->description.path));
        VITRINE_TRY(TeacherStreams streams, TeacherStreams::open(*stored, streamSettings()));
        if (!files_.empty())
            VITRINE_TRY_VOID(streams.restore(checkpoints_, files_));
        streams.encodeSeconds = encodeSeconds_;
        streams.momentSeconds = momentSeconds_;
        VITRINE_TRY_VOID(collect(*stored, streams));
        VITRINE_TRY_VOID(report(*stored, streams));
        store_.unload(stored->description.id);
        ++model_;
        next_ = 0;
        files_.clear();
        dataHash_.clear();
        encodeSeconds_ = momentSeconds_ = 0;
        skipped_.clear();
        return saveState();
    }

    StreamSettings streamSettings() const {
        const Json& settings = run_.settings();
        StreamSettings streams;
        streams.layers = settings["layers"].get<std::vector<int64_t>>();
        streams.adaptors = settings["adaptors"].get<std::vector<std::string>>();
        streams.moments.histogramBins = settings["histogram_bins"];
        if (settings["precision"] == "float64")
            streams.moments.precision = MomentPrecision::Float64;
        streams.sample = FeatureSample(settings["sample_pictures"], settings["sample_tokens"], run_.seed());
        return streams;
    }

    Result<void> collect(const StoredModel& model, TeacherStreams& streams) {
        if (next_ == paths_.size())
            return {};
        const Json& settings = run_.settings();
        PictureSet set;
        const size_t first = next_;
        set.paths.assign(paths_.begin() + int64_t(first), paths_.end());
        set.resolution = settings["resolution"];
        set.batchSize = settings["batch"];
        BatchSource source;
        source.models = {&model};
        source.square = settings["square"];
        source.stage = "statistics of " + model.description.info.name;
        // Hashed where it is read: afterwards it may have vanished, and its features would count unnamed.
        std::mutex hashing;
        std::map<std::string, std::string> hashes;
        source.read = [&](const std::string& path) -> Result<Image> {
            VITRINE_TRY(std::string hash, sha256OfFile(path));
            {
                const std::lock_guard lock(hashing);
                hashes[path] = std::move(hash);
            }
            return readImage(path);
        };
        const size_t every = settings["checkpoint_every"];
        size_t sinceCheckpoint = 0;
        std::vector<SkippedPicture> skipped;
        const auto use = [&](const PictureBatch& batch) -> Result<void> {
            VITRINE_TRY_VOID(run_.pausePoint());
            std::vector<std::string> names;
            for (const size_t picture : batch.pictures)
                names.push_back(fs::path(set.paths[picture]).filename().string());
            VITRINE_TRY_VOID(streams.add(batch.models.front(), names));
            const std::lock_guard lock(hashing);
            for (const size_t picture : batch.pictures)
                dataHash_ = sha256Hex(dataHash_ + hashes.at(set.paths[picture]));
            sinceCheckpoint += batch.pictures.size();
            next_ = first + batch.pictures.back() + 1;
            if (sinceCheckpoint < every)
                return {};
            sinceCheckpoint = 0;
            keep(skipped, set, batch.pictures.back());
            return checkpoint(streams);
        };
        // All left over pictures may be unreadable where earlier ones were not.
        auto done = forEachBatch(set, source, run_.job(), skipped, use);
        if (!done &&
            !(done.error().code == ErrorCode::InvalidFile && first > 0 && skipped.size() == set.paths.size()))
            return fail(done.error());
        keep(skipped, set, set.paths.size());
        for (const std::string& path : skipped_)
            run_.log("left out: " + path);
        run_.metric("pictures/left out", int64_t(model_), double(skipped_.size()));
        next_ = paths_.size();
        return checkpoint(streams);
    }

    // Pictures before `end` that could not be read; those after it will be tried again by a resumed run.
    void keep(const std::vector<SkippedPicture>& skipped, const PictureSet& set, size_t end) {
        for (const SkippedPicture& picture : skipped)
            if (std::find(set.paths.begin(), set.paths.begin() + int64_t(end), picture.path) !=
                set.paths.begin() + int64_t(end))
                skipped_.insert(fmt::format("{} ({})", picture.path, picture.reason));
    }

    // --- results
    Result<void> report(const StoredModel& model, const TeacherStreams& streams) {
        const std::string teacher = model.description.info.name;
        const Json& settings = run_.settings();
        const std::string data = sha256Hex(
            fmt::format("{}|{}|{}", dataHash_, settings["resolution"].dump(), settings["square"].dump()));
        VITRINE_TRY_VOID(
            run_.usedInput("data", data, fmt::format("{} pictures", paths_.size() - skipped_.size())));
        run_.job().beginStage("spectra of " + teacher, int64_t(streams.list().size()));
        for (const TeacherStream& stream : streams.list()) {
            VITRINE_TRY_VOID(run_.pausePoint());
            VITRINE_TRY(const StreamReport report, reportOn(teacher, stream.name, stream.moments, kinds_));
            Json row = report.row();
            row["model"] = model.description.identity;
            row["data"] = data;
            row["leftOut"] = skipped_.size();
            VITRINE_TRY_VOID(store(report, stream, row));
            record(row);
            rows_.push_back(std::move(row));
            run_.job().advance();
        }
        const double total = streams.encodeSeconds + streams.momentSeconds;
        run_.metric("time/" + teacher + "/encoding, seconds", 0, streams.encodeSeconds);
        run_.metric("time/" + teacher + "/statistics, seconds", 0, streams.momentSeconds);
        run_.metric("time/" + teacher + "/speed against encoding alone", 0,
                    total > 0 ? streams.encodeSeconds / total : 1);
        return {};
    }

    void record(const Json& row) {
        const std::string prefix =
            fmt::format("{}/{}/", row["teacher"].get<std::string>(), row["stream"].get<std::string>());
        for (const char* key :
             {"vectors", "globalStd", "smallestChannelStd", "largestChannelStd", "phi", "rankMe",
              "effectiveRank", "numericalRank", "largestKurtosis", "meanNorm", "dispersion"})
            if (row[key].is_number())
                run_.metric(prefix + key, 0, row[key].get<double>());
    }

    Result<void> store(const StreamReport& report, const TeacherStream& stream, const Json& row) {
        const std::string folder = fmt::format("{}/{}/", report.teacher, report.stream);
        const std::map<std::string, std::string> metadata{{"model", row["model"]},
                                                          {"data", row["data"]},
                                                          {"layer", std::to_string(stream.layer)},
                                                          {"adaptor", stream.adaptor},
                                                          {"row", row.dump()}};
        const fs::path file = checkpoints_ / "result.tmp";
        const auto keep = [&](const std::string& name, const char* kind) -> Result<void> {
            VITRINE_TRY(
                [[maybe_unused]] const StoredFile kept,
                run_.putArtifactFile(folder + name, file,
                                     {.kind = kind, .mediaType = kSafetensors, .provenance = row}, true));
            return {};
        };
        VITRINE_TRY_VOID(stream.moments.save(file, metadata));
        VITRINE_TRY_VOID(keep("moments.safetensors", "statistics"));
        if (run_.settings()["sample_pictures"] > 0) {
            VITRINE_TRY_VOID(stream.sample.save(file, metadata));
            VITRINE_TRY_VOID(keep("sample.safetensors", "features"));
        }
        for (const Normalizer& normalizer : report.normalizers)
            if (normalizer.kind() == NormalizerKind::PhiS) {
                VITRINE_TRY_VOID(normalizer.save(file));
                VITRINE_TRY_VOID(keep("phi-s.safetensors", "normalizer"));
            }
        for (const auto& [name, csv] :
             {std::pair{"spectrum.csv", report.spectrumCsv()}, std::pair{"channels.csv", report.channelCsv()},
              std::pair{"histograms.csv", report.histogramCsv()}}) {
            VITRINE_TRY([[maybe_unused]] const StoredFile table,
                        run_.putArtifact(folder + name, csv, {.kind = "table", .mediaType = "text/csv"}));
        }
        return {};
    }

    RunContext& run_;
    ModelStore store_;
    std::vector<NormalizerKind> kinds_;
    std::vector<std::string> paths_;
    fs::path checkpoints_;

    size_t model_ = 0, next_ = 0;     // next picture of the running model
    std::vector<std::string> files_;  // its streams as of the last checkpoint
    Json rows_ = Json::array();       // of finished models
    std::string dataHash_;            // chain over the contents of the pictures that were read
    double encodeSeconds_ = 0, momentSeconds_ = 0;
    std::set<std::string> skipped_;  // "path (reason)"
};

}  // namespace

JobKind teacherStatisticsKind() {
    JobKind kind;
    kind.name = "teacher-statistics";
    kind.summary = "Collect statistics of teachers' features over pictures and fit normalisers";
    kind.settingsSchema = teacherStatisticsSettingsSchema();
    kind.run = [](RunContext& run) {
        loadEnginePlugins();
        return StatisticsJob(run).execute();
    };
    return kind;
}

}  // namespace vitrine
