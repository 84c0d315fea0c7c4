#include "core/engine/fidelity_kind.h"

#include "core/base/csv.h"
#include "core/commands/text_table.h"
#include "core/engine/engine_plugins.h"
#include "core/engine/kept_comparison.h"
#include "core/engine/picture_batches.h"
#include "core/engine/picture_list.h"
#include "core/engine/upsampler_ways.h"
#include "core/features/pca.h"
#include "core/nn/functional.h"
#include "core/runs/run_context.h"
#include "core/upsampling/fidelity.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace vitrine {
namespace {

// What is known of one way to upsample so far.
struct Tally {
    TruthSums truth;
    double seamSum = 0, milliseconds = 0;
    int64_t pictures = 0;
};

class FidelityJob {
  public:
    explicit FidelityJob(RunContext& run) : run_(run), factor_(run.settings()["factor"]) {}

    Result<void> execute() {
        VITRINE_TRY_VOID(open());
        BatchSource source;
        source.models = {model_};
        source.square = true;
        source.stage = "comparing upsamplers";
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
        const EncoderInfo& info = model_->description.info;
        if (info.fixedSize)
            return fail(ErrorCode::Unsupported,
                        fmt::format("{} takes pictures of {} pixels only: it has no features of a larger one "
                                    "to compare with",
                                    info.name, info.preferredHeight),
                        settings["model"].get<std::string>(), "Use an encoder of any resolution");
        const int64_t asked = settings["side"];
        side_ = asked > 0 ? asked : std::min(info.preferredHeight, info.preferredWidth);
        if (side_ % info.sizeMultiple != 0)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("{} does not take pictures of {} pixels a side", info.name, side_),
                        "settings/side",
                        fmt::format("Take {}", std::max(info.sizeMultiple,
                                                        side_ / info.sizeMultiple * info.sizeMultiple)));
        for (const Json& name : settings["upsamplers"]) {
            VITRINE_TRY(UpsamplerWay way, upsamplerWay(name, *model_, side_, factor_));
            ways_.push_back(std::move(way));
        }
        VITRINE_TRY(const auto files, listPictures(settings["images"].get<std::vector<std::string>>(),
                                                   {settings["recursive"], settings["limit"]}, &run_.job()));
        for (const auto& file : files)
            set_.paths.push_back(file.string());
        set_.resolution = side_ * factor_;
        set_.batchSize = 1;
        return {};
    }

    Result<at::Tensor> features(const at::Tensor& prepared) const {
        VITRINE_TRY(const EncoderOutput output, model_->model->encoder()->encode(prepared, {}));
        return output.features.to(at::kFloat);
    }

    Result<void> compare(const PictureBatch& batch) {
        const at::NoGradGuard noGrad;
        VITRINE_TRY_VOID(run_.pausePoint());
        // Ways that take long have progress of their own.
        JobContext inner(run_.job().stopToken(), run_.job().progressCallback());
        UpsamplerQuestion question;
        question.job = &inner;
        question.large = batch.models.front().pixels;
        question.small = nn::resizeMap(question.large, side_, side_, "bilinear");
        VITRINE_TRY(const at::Tensor truth, features(question.large));
        VITRINE_TRY(question.coarse, features(question.small));
        question.fineHeight = truth.size(2);
        question.fineWidth = truth.size(3);
        const std::string name = std::filesystem::path(set_.paths[batch.pictures.front()]).stem().string();
        const bool shown = int64_t(shownPictures_.size()) < run_.settings()["pictures"].get<int64_t>();
        if (shown) {
            shownPictures_.push_back(name);
            VITRINE_TRY(basis_, fitPca(nn::tokensFromMap(truth)[0].cpu()));
            VITRINE_TRY_VOID(keepPicture(name, "the encoder's own", truth));
        }
        for (const UpsamplerWay& way : ways_) {
            const auto start = std::chrono::steady_clock::now();
            VITRINE_TRY(const at::Tensor fine, way.upsample(question));
            Tally& tally = tallies_[way.name];
            tally.milliseconds +=
                std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
            VITRINE_TRY_VOID(tally.truth.add(fine, way.comparable(truth)));
            tally.seamSum += seamRatio(fine, question.coarse.size(2), factor_);
            ++tally.pictures;
            if (shown && way.sameSpace)
                VITRINE_TRY_VOID(keepPicture(name, way.shownName, fine));
        }
        return {};
    }

    Result<void> keepPicture(const std::string& picture, const std::string& way, const at::Tensor& map) {
        return keepPcaPicture(run_, fmt::format("fidelity/{}/{}", picture, way), map[0], basis_);
    }

    Result<void> keepScores(int64_t skipped) {
        Json rows = Json::array(), times = Json::object();
        std::string csv = "upsampler,fidelity,cosine,seam ratio\n";
        for (const UpsamplerWay& way : ways_) {
            const Tally& tally = tallies_.at(way.name);
            VITRINE_TRY(const TruthComparison comparison, tally.truth.result());
            const double count = double(tally.pictures), seam = tally.seamSum / count;
            const double milliseconds = (tally.milliseconds + *way.earlierMilliseconds) / count;
            rows.push_back({{"upsampler", way.shownName},
                            {"source", way.name},
                            {"fidelity", comparison.fidelity},
                            {"cosine", comparison.cosine},
                            {"seamRatio", std::isfinite(seam) ? Json(seam) : Json()}});
            csv += fmt::format("{},{:.6g},{:.6g},{:.6g}\n", csvField(way.shownName), comparison.fidelity,
                               comparison.cosine, seam);
            run_.metric("fidelity/" + way.shownName, factor_, comparison.fidelity);
            run_.metric("time/milliseconds/" + way.shownName, factor_, milliseconds);
            times[way.name] = milliseconds;
        }
        const Json result{
            {"model", model_->description.info.name},        {"side", side_},      {"factor", factor_},
            {"pictures", tallies_.begin()->second.pictures}, {"skipped", skipped}, {"scores", rows}};
        return keepComparison(run_, "fidelity", result, csv, times);
    }

    RunContext& run_;
    int64_t factor_;
    ModelStore store_;
    const StoredModel* model_ = nullptr;
    int64_t side_ = 0;
    PictureSet set_;
    std::vector<UpsamplerWay> ways_;
    std::map<std::string, Tally> tallies_;
    std::vector<std::string> shownPictures_;
    PcaBasis basis_;
};

}  // namespace

std::string fidelityTable(const Json& scores) {
    TextTable text;
    text.header = {"upsampler", "fidelity", "cosine", "seam ratio", "ms a picture"};
    text.rightAligned = {false, true, true, true, true};
    for (const Json& row : scores)
        text.rows.push_back(
            {row["upsampler"].get<std::string>(), fmt::format("{:.3f}", row["fidelity"].get<double>()),
             fmt::format("{:.3f}", row["cosine"].get<double>()),
             row["seamRatio"].is_null() ? std::string("-")
                                        : fmt::format("{:.2f}", row["seamRatio"].get<double>()),
             fmt::format("{:.0f}", row["milliseconds"].get<double>())});
    return text.text();
}

JobKind upsamplerFidelityKind() {
    JobKind kind;
    kind.name = "upsampler_fidelity";
    kind.summary = "Compare upsampled features with the encoder's own at that resolution";
    kind.settingsSchema =
        Json::parse(R"json({"type": "object", "required": ["model", "images"], "properties": {
      "model": {"type": "string", "minLength": 1, "title": "Encoder", "description": "model folder or weight file; it must take pictures of any size"},
      "images": {"type": "array", "minItems": 1, "items": {"type": "string"}, "title": "Pictures", "description": "pictures and folders of pictures"},
      "upsamplers": {"type": "array", "minItems": 1, "items": {"type": "string"}, "default": ["nearest", "bilinear", "bicubic", "jbu"], "title": "Upsamplers", "description": "names of `vitrine upsamplers`, folders of trained ones, or featup-implicit with settings behind a colon"},
      "factor": {"type": "integer", "minimum": 2, "maximum": 8, "default": 2, "title": "Factor"},
      "side": {"type": "integer", "minimum": 0, "maximum": 4096, "default": 0, "title": "Resolution of the small picture", "unit": "pixels", "description": "0: what the encoder prefers"},
      "recursive": {"type": "boolean", "default": true, "title": "Folders below too"},
      "limit": {"type": "integer", "minimum": 0, "default": 32, "title": "Pictures at most", "description": "evenly spread; 0: all"},
      "pictures": {"type": "integer", "minimum": 0, "maximum": 100, "default": 2, "title": "Pictures whose maps are kept"}}})json");
    kind.run = [](RunContext& run) {
        loadEnginePlugins();
        return FidelityJob(run).execute();
    };
    return kind;
}

}  // namespace vitrine
