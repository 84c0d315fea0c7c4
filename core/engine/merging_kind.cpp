#include "core/engine/merging_kind.h"

#include "core/commands/text_table.h"
#include "core/engine/engine_plugins.h"
#include "core/engine/kept_comparison.h"
#include "core/engine/picture_batches.h"
#include "core/engine/picture_list.h"
#include "core/features/token_merging.h"
#include "core/nn/functional.h"
#include "core/runs/run_context.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace vitrine {
namespace {

// One way at one share: sums over the pictures.
struct Tally {
    std::string way;
    double cosine = 0, cosineSquares = 0, error = 0, milliseconds = 0;
};
struct ShareTally {
    double share = 1;
    int64_t tokens = 0;  // kept, all pictures together
    std::vector<Tally> ways;
};

class MergingJob {
  public:
    explicit MergingJob(RunContext& run) : run_(run) {}

    Result<void> execute() {
        VITRINE_TRY_VOID(open());
        BatchSource source;
        source.models = {model_};
        source.stage = "merging tokens";
        std::vector<SkippedPicture> skipped;
        const auto use = [this](const PictureBatch& batch) { return compare(batch); };
        VITRINE_TRY_VOID(forEachBatch(set_, source, run_.job(), skipped, use));
        for (const SkippedPicture& picture : skipped)
            run_.log(fmt::format("left out: {} ({})", picture.path, picture.reason));
        return keepScores(int64_t(skipped.size()));
    }

  private:
    Result<void> open() {
        const Json& settings = run_.settings();
        VITRINE_TRY(model_, store_.load(settings["model"].get<std::string>(),
                                        run_.recipe().value("device", "cpu"), "float32"));
        VITRINE_TRY_VOID(run_.usedInput("model", model_->description.identity, model_->description.path));
        adaptor_ = settings["adaptor"];
        const std::vector<std::string>& adaptors = model_->description.info.adaptors;
        if (!adaptor_.empty() && std::find(adaptors.begin(), adaptors.end(), adaptor_) == adaptors.end())
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("{} has no adaptor \"{}\"", model_->description.info.name, adaptor_),
                        "settings/adaptor",
                        adaptors.empty() ? std::string("It has none: leave it empty")
                                         : fmt::format("One of: {}", fmt::join(adaptors, ", ")));
        for (const double share : settings["kept"].get<std::vector<double>>()) {
            ShareTally tally{share, 0, {}};
            for (const char* way : {"merged", "average pooling", "kept by chance"})
                tally.ways.push_back({way});
            tallies_.push_back(std::move(tally));
        }
        VITRINE_TRY(const auto files, listPictures(settings["images"].get<std::vector<std::string>>(),
                                                   {settings["recursive"], settings["limit"]}, &run_.job()));
        for (const auto& file : files)
            set_.paths.push_back(file.string());
        set_.resolution = settings["resolution"];
        set_.batchSize = 1;
        return {};
    }

    Result<at::Tensor> features(const at::Tensor& pixels) const {
        EncodeRequest wanted;
        if (!adaptor_.empty())
            wanted.adaptors = {adaptor_};
        VITRINE_TRY(const EncoderOutput output, model_->model->encoder()->encode(pixels, wanted));
        const at::Tensor map = adaptor_.empty() ? output.features : output.adaptors.at(adaptor_).features;
        return map[0].to(at::kFloat);
    }

    Result<void> compare(const PictureBatch& batch) {
        const at::NoGradGuard noGrad;
        VITRINE_TRY_VOID(run_.pausePoint());
        VITRINE_TRY(const at::Tensor map, features(batch.models.front().pixels));
        const std::string name = std::filesystem::path(set_.paths[batch.pictures.front()]).stem().string();
        const bool shown = pictures_ < run_.settings()["pictures"].get<int64_t>();
        if (shown) {
            VITRINE_TRY(basis_, fitPca(nn::tokensFromMap(map.unsqueeze(0))[0].cpu()));
            VITRINE_TRY_VOID(keepPicture(name, "the encoder's own", map));
        }
        const int64_t cells = map.size(1) * map.size(2);
        cells_ += cells;
        for (ShareTally& tally : tallies_) {
            const auto kept = std::max<int64_t>(1, std::llround(tally.share * double(cells)));
            tally.tokens += kept;
            for (Tally& way : tally.ways) {
                const auto start = std::chrono::steady_clock::now();
                VITRINE_TRY(const at::Tensor standing, standIn(way.way, map, kept));
                way.milliseconds +=
                    std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
                        .count();
                const CompressionLoss loss = compressionLoss(map, standing);
                way.cosine += loss.cosine;
                way.cosineSquares += loss.cosine * loss.cosine;
                way.error += loss.error;
                if (shown && way.way != "kept by chance")
                    VITRINE_TRY_VOID(
                        keepPicture(name, fmt::format("{:g} {}", tally.share, way.way), standing));
            }
        }
        ++pictures_;
        return {};
    }

    Result<at::Tensor> standIn(const std::string& way, const at::Tensor& map, int64_t kept) const {
        if (way == "average pooling")
            return averagePooled(map, kept);
        if (way == "kept by chance")
            return randomlyKept(map, kept, run_.seed() + uint64_t(pictures_));
        VITRINE_TRY(const MergedTokens merged, mergeTokens(map, {.kept = kept}));
        return merged.unmerged();
    }

    Result<void> keepPicture(const std::string& picture, const std::string& way, const at::Tensor& map) {
        return keepPcaPicture(run_, fmt::format("merging/{}/{}", picture, way), map, basis_);
    }

    Result<void> keepScores(int64_t skipped) {
        Json rows = Json::array(), times = Json::array();
        std::string csv = "kept,tokens,way,cosine,cosine deviation,error\n";
        const double count = double(pictures_);
        for (const ShareTally& tally : tallies_)
            for (const Tally& way : tally.ways) {
                const double cosine = way.cosine / count, error = way.error / count,
                             deviation =
                                 std::sqrt(std::max(0.0, way.cosineSquares / count - cosine * cosine)),
                             tokens = double(tally.tokens) / count;
                rows.push_back({{"kept", tally.share},
                                {"tokens", tokens},
                                {"way", way.way},
                                {"cosine", cosine},
                                {"cosineDeviation", deviation},
                                {"error", error}});
                times.push_back(way.milliseconds / count);
                csv += fmt::format("{:g},{:g},{},{:.6g},{:.6g},{:.6g}\n", tally.share, tokens, way.way,
                                   cosine, deviation, error);
                const std::string key = fmt::format("{:g}/{}", tally.share, way.way);
                run_.metric("cosine/" + key, 0, cosine);
                run_.metric("error/" + key, 0, error);
                run_.metric("time/milliseconds/" + key, 0, way.milliseconds / count);
            }
        const Json result{{"model", model_->description.info.name},
                          {"adaptor", adaptor_},
                          {"pictures", pictures_},
                          {"skipped", skipped},
                          {"cells", double(cells_) / count},
                          {"scores", rows}};
        return keepComparison(run_, "merging", result, csv, times);
    }

    RunContext& run_;
    ModelStore store_;
    const StoredModel* model_ = nullptr;
    std::string adaptor_;
    PictureSet set_;
    std::vector<ShareTally> tallies_;
    int64_t pictures_ = 0, cells_ = 0;
    PcaBasis basis_;
};

}  // namespace

std::string mergingTable(const Json& scores) {
    TextTable text;
    text.header = {"kept", "tokens", "way", "cosine", "over pictures", "error", "ms a picture"};
    text.rightAligned = {true, true, false, true, true, true, true};
    for (const Json& row : scores)
        text.rows.push_back({fmt::format("{:g}", row["kept"].get<double>()),
                             fmt::format("{:.0f}", row["tokens"].get<double>()),
                             row["way"].get<std::string>(),
                             fmt::format("{:.4f}", row["cosine"].get<double>()),
                             fmt::format("± {:.4f}", row["cosineDeviation"].get<double>()),
                             fmt::format("{:.4f}", row["error"].get<double>()),
                             fmt::format("{:.1f}", row["milliseconds"].get<double>())});
    return text.text();
}

JobKind tokenMergingKind() {
    JobKind kind;
    kind.name = "token_merging";
    kind.summary = "Merge an encoder's tokens into fewer and compare with average pooling (RADIOv2.5)";
    kind.settingsSchema =
        Json::parse(R"json({"type": "object", "required": ["model", "images"], "properties": {
      "model": {"type": "string", "minLength": 1, "title": "Encoder", "description": "model folder or weight file"},
      "adaptor": {"type": "string", "default": "", "title": "Adaptor", "description": "adaptor head; empty: backbone"},
      "images": {"type": "array", "minItems": 1, "items": {"type": "string"}, "title": "Pictures", "description": "pictures and folders of pictures"},
      "kept": {"type": "array", "minItems": 1, "items": {"type": "number", "exclusiveMinimum": 0, "maximum": 1}, "default": [0.25, 0.1111, 0.0625], "title": "Kept tokens", "description": "shares of the tokens"},
      "resolution": {"type": "integer", "minimum": 0, "maximum": 8192, "default": 0, "title": "Resolution", "unit": "pixels", "description": "of the short side; 0: what the encoder prefers"},
      "recursive": {"type": "boolean", "default": true, "title": "Folders below too"},
      "limit": {"type": "integer", "minimum": 0, "default": 32, "title": "Pictures at most", "description": "evenly spread; 0: all"},
      "pictures": {"type": "integer", "minimum": 0, "maximum": 100, "default": 2, "title": "Pictures whose maps are kept"}}})json");
    kind.run = [](RunContext& run) {
        loadEnginePlugins();
        return MergingJob(run).execute();
    };
    return kind;
}

}  // namespace vitrine
