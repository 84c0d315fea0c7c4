// Half of the feed-forward neurons go from every layer, chosen in several ways; or as many parameters go as
// whole blocks. What is left is taught by the uncut model or by the text, on the same batches for all.
#include "core/claims/minitron_claim.h"

#include "core/claims/byte_model.h"
#include "core/claims/joined_experiments.h"
#include "core/claims/minitron_experiments.h"
#include "core/claims/structured_students.h"
#include "core/structured/slicer.h"

#include <algorithm>

namespace vitrine {
namespace {

constexpr int64_t kWindows = 128, kRandomDraws = 3;

// The depth whose parameters are nearest to those of the model with half of its neurons.
int64_t equalDepth(const DecoderConfig& config, int64_t intermediate) {
    DecoderConfig narrow = config;
    for (LayerSettings& layer : narrow.layers)
        layer.feedForward.intermediate = intermediate;
    int64_t best = config.depth();
    int64_t least = std::numeric_limits<int64_t>::max();
    for (int64_t depth = 1; depth <= config.depth(); ++depth) {
        DecoderConfig shallow = config;
        shallow.layers.resize(size_t(depth));
        const int64_t apart = std::abs(shallow.parameterCount() - narrow.parameterCount());
        if (apart < least) {
            least = apart;
            best = depth;
        }
    }
    return best;
}

class Experiment {
  public:
    Experiment(const LanguageGround& ground, const ClaimRequest& request)
        : ground_(ground), request_(request) {}

    Result<ClaimMeasurement> run() {
        const DecoderConfig& config = ground_.model->config();
        VITRINE_TRY(ranking_,
                    rankStructures(*ground_.model, ground_.calibration(kWindows, uint64_t(request_.seed)), {},
                                   *request_.job));
        half_ = config.layers.front().feedForward.intermediate / 2;
        result_.arms["dense"]["parameters"] = double(config.parameterCount());
        VITRINE_TRY(result_.arms["dense"]["loss as cut"], lossOf(*ground_.model));
        VITRINE_TRY_VOID(cutAll());
        request_.job->beginStage("teaching students", 5 * scaledSteps(ShortTraining{}.steps, request_));
        VITRINE_TRY_VOID(teachAll());
        return std::move(result_);
    }

  private:
    Result<double> lossOf(const LanguageModel& model) const {
        VITRINE_TRY(const HeldOutLoss loss, ground_.heldOutLoss(model, *request_.job));
        return loss.mean;
    }

    Result<std::unique_ptr<LanguageModel>> cut(const StructureSizes& sizes,
                                               const SelectionOptions& options) const {
        VITRINE_TRY(const SlicePlan plan, planFor(ground_.model->config(), ranking_, sizes, options));
        return sliceModel(*ground_.model, plan);
    }

    Result<void> cutAll() {
        const std::map<std::string, SelectionOptions> ways = {
            {"activation", {}},
            {"activation times down norm", {.neuronScore = NeuronScore::TimesDownNorm}},
            {"weight norm", {.neuronScore = NeuronScore::WeightNorm}},
            {"least active", {.selection = Selection::LeastImportant}}};
        for (const auto& [name, options] : ways) {
            VITRINE_TRY(const auto model, cut({.intermediate = half_}, options));
            VITRINE_TRY(result_.arms[name]["loss as cut"], lossOf(*model));
        }
        double random = 0;
        for (int64_t i = 0; i < kRandomDraws; ++i) {
            VITRINE_TRY(const auto model, cut({.intermediate = half_}, randomly(i)));
            VITRINE_TRY(const double loss, lossOf(*model));
            random += loss / double(kRandomDraws);
        }
        result_.arms["random"]["loss as cut"] = random;
        return {};
    }

    SelectionOptions randomly(int64_t draw) const {
        return {.selection = Selection::Random, .seed = uint64_t(request_.seed * 100 + draw)};
    }

    Result<void> teach(const std::string& arm, std::unique_ptr<LanguageModel> student, bool distilled) {
        auto& metrics = result_.arms[arm];
        metrics["parameters"] = double(student->config().parameterCount());
        VITRINE_TRY(metrics["loss as cut"], lossOf(*student));
        const auto how = distilled ? std::optional<DistillationOptions>(DistillationOptions{}) : std::nullopt;
        VITRINE_TRY(const auto learnt, trainShortly(ground_, std::move(student), how, {}, request_));
        VITRINE_TRY(metrics["loss"], lossOf(*learnt));
        return {};
    }

    Result<void> teachAll() {
        const StructureSizes narrow{.intermediate = half_};
        const StructureSizes shallow{.depth = equalDepth(ground_.model->config(), half_)};
        VITRINE_TRY(auto width, cut(narrow, {}));
        const DecoderConfig shape = width->config();
        VITRINE_TRY(auto again, cut(narrow, {}));
        VITRINE_TRY(auto random, cut(narrow, randomly(0)));
        VITRINE_TRY(auto depth, cut(shallow, {}));
        VITRINE_TRY(auto blank, createLanguageModel(shape, uint64_t(request_.seed)));
        blank->decoder().to(ground_.model->decoder().device());
        VITRINE_TRY_VOID(teach("width, KL", std::move(width), true));
        VITRINE_TRY_VOID(teach("width, CE", std::move(again), false));
        VITRINE_TRY_VOID(teach("random neurons, KL", std::move(random), true));
        VITRINE_TRY_VOID(teach("depth, KL", std::move(depth), true));
        return teach("random start, KL", std::move(blank), true);
    }

    const LanguageGround& ground_;
    const ClaimRequest& request_;
    StructureRanking ranking_;
    int64_t half_ = 0;
    ClaimMeasurement result_;
};

Result<ClaimMeasurement> measure(const ClaimRequest& request) {
    VITRINE_TRY(const LanguageGround ground, sharedByteModel(ownLanguageFiles().texts, request));
    return measureMinitron(ground, request);
}

std::vector<ClaimCheck> judge(const ClaimTable& table) {
    const auto cut = [&](const char* arm) { return table.mean(arm, "loss as cut"); };
    const auto loss = [&](const char* arm) { return table.mean(arm, "loss"); };
    return {
        atMost("nats per token as cut, important neurons less random ones", cut("activation") - cut("random"),
               -0.6),
        atMost("nats per token as cut, random neurons less the least active",
               cut("random") - cut("least active"), 0),
        atMost("nats per token, width taught by KL less by the text", loss("width, KL") - loss("width, CE"),
               -0.005),
        atMost("nats per token, width less depth at equal parameters", loss("width, KL") - loss("depth, KL"),
               -0.02),
        atMost("nats per token, important neurons less random ones after teaching",
               loss("width, KL") - loss("random neurons, KL"), 0),
        atMost("nats per token, cut from the teacher less a random start",
               loss("width, KL") - loss("random start, KL"), -0.5),
    };
}

}  // namespace

Result<ClaimMeasurement> measureMinitron(const LanguageGround& ground, const ClaimRequest& request) {
    VITRINE_TRY(ClaimMeasurement measured, Experiment(ground, request).run());
    measured.seed = request.seed;
    return measured;
}

ClaimExperiment minitronClaim() {
    // The short one that needs the own model first: where that is missing, it shows at once.
    return joinedExperiments({headMergeExperiment(), {measure, judge}, teacherCorrectionExperiment()});
}

}  // namespace vitrine
