#include "core/language/language_distiller.h"

#include "core/distill/random_stream.h"
#include "core/nn/recompute.h"

#include <cmath>

namespace vitrine {
namespace {

constexpr int64_t kLogitsAtOnce = int64_t(1) << 24;  // 64 MiB in float32
constexpr double kLeast = 1e-12;                     // of a loss that another one is scaled by

at::Tensor divergence(const at::Tensor& logTarget, const at::Tensor& logPrediction) {
    return (logTarget.exp() * (logTarget - logPrediction)).sum(-1).mean();
}

// Streams behind the embedding and each block, and behind the final norm.
struct Streams {
    std::vector<at::Tensor> states;
    at::Tensor final;
};

Streams streamsOf(const Decoder& decoder, const at::Tensor& ids, bool keep, bool recompute) {
    Streams streams;
    const DecoderPass pass = decoder.begin(ids, {.recompute = recompute});
    at::Tensor x = decoder.embed(ids);
    if (keep)
        streams.states.push_back(x);
    for (int64_t block = 0; block < decoder.depth(); ++block) {
        x = decoder.runBlock(block, x, pass);
        if (keep)
            streams.states.push_back(x);
    }
    streams.final = decoder.finalNorm(x);
    return streams;
}

// Mean over all tokens of `loss(student logits, teacher logits)`, a few thousand tokens at a time.
template <typename Loss>
at::Tensor overLogits(const Decoder& student, const Decoder& teacher, const at::Tensor& hidden,
                      const at::Tensor& target, const Loss& loss) {
    const at::Tensor rows = hidden.reshape({-1, hidden.size(-1)});
    const at::Tensor targets = target.reshape({-1, target.size(-1)});
    const int64_t count = rows.size(0);
    const int64_t step = std::max<int64_t>(64, kLogitsAtOnce / student.config().vocabulary);
    const auto part = [&student, &teacher, loss](const at::Tensor& some, const at::Tensor& wanted) {
        at::Tensor logits;
        {
            const at::NoGradGuard noGrad;
            logits = teacher.head(wanted).to(at::kFloat);
        }
        return loss(student.head(some).to(at::kFloat), logits);
    };
    if (count <= step)
        return part(rows, targets);
    at::Tensor sum;
    for (int64_t at = 0; at < count; at += step) {
        const int64_t here = std::min(step, count - at);
        const at::Tensor wanted = targets.narrow(0, at, here);
        const at::Tensor mean = nn::recomputed(
            [part, wanted](const at::Tensor& some) { return part(some, wanted); }, rows.narrow(0, at, here));
        const at::Tensor share = mean * (double(here) / double(count));
        sum = sum.defined() ? sum + share : share;
    }
    return sum;
}

class DistillationObjective : public LanguageObjective {
  public:
    DistillationObjective(std::shared_ptr<const LanguageModel> teacher, DistillationOptions options,
                          at::Tensor projection)
        : teacher_(std::move(teacher)), options_(std::move(options)), projection_(std::move(projection)) {
        if (projection_.defined())
            projection_.set_requires_grad(true);
    }

    Result<ObjectiveLoss> loss(const Decoder& student, const at::Tensor& ids, int64_t,
                               bool recompute) override {
        const int64_t length = ids.size(1) - 1;
        const at::Tensor read = ids.narrow(1, 0, length), next = ids.narrow(1, 1, length);
        const bool states = !options_.states.empty();
        Streams target;
        {
            const at::NoGradGuard noGrad;
            target = streamsOf(teacher_->decoder(), read, states, false);
        }
        const Streams own = streamsOf(student, read, states, recompute);
        ObjectiveLoss result;
        if (options_.logits != LogitLoss::None)
            addLogits(result, student, own, target);
        if (options_.crossEntropy > 0)
            addCrossEntropy(result, student.lossesOf(own.final, next).mean());
        if (states)
            addStates(result, own, target);
        return result;
    }

    std::vector<OptimizedParameter> parameters() const override {
        if (!projection_.defined())
            return {};
        return {{"state_projection", projection_, 1.0, true}};
    }

    std::string fingerprint() const override {
        std::string all = fmt::format(
            "distillation {} {} {} {} {} {} {} {} {} {}", logitLossName(options_.logits),
            options_.temperature, options_.squareTemperature, options_.topK, options_.crossEntropy,
            options_.logitWeight, int(options_.stateLoss), options_.stateWeight, options_.balance,
            decoderConfigJson(teacher_->config(), "float32").dump());
        for (const StatePair& pair : options_.states)
            all += fmt::format(" {}:{}", pair.student, pair.teacher);
        return all;
    }

  private:
    void addLogits(ObjectiveLoss& result, const Decoder& student, const Streams& own, const Streams& target) {
        result.total = overLogits(student, teacher_->decoder(), own.final, target.final,
                                  [options = options_](const at::Tensor& a, const at::Tensor& b) {
                                      return logitDistance(a, b, options);
                                  });
        result.parts["logits"] = result.total.item<double>();
    }

    void addCrossEntropy(ObjectiveLoss& result, const at::Tensor& crossEntropy) {
        const double value = crossEntropy.item<double>();
        result.parts["cross-entropy"] = value;
        if (!result.total.defined()) {
            result.total = crossEntropy * options_.crossEntropy;
            return;
        }
        const double ratio = value / std::max(result.parts["logits"], kLeast);
        result.total = crossEntropy * options_.crossEntropy + result.total * (options_.logitWeight * ratio);
    }

    void addStates(ObjectiveLoss& result, const Streams& own, const Streams& target) {
        at::Tensor sum = at::zeros({}, own.final.options().dtype(at::kFloat));
        for (const StatePair& pair : options_.states) {
            at::Tensor state = own.states[size_t(pair.student)].to(at::kFloat);
            if (projection_.defined())
                state = state.matmul(projection_.to(state.device()));
            sum = sum + stateDistance(state, target.states[size_t(pair.teacher)].to(at::kFloat),
                                      options_.stateLoss);
        }
        sum = sum / double(options_.states.size());
        const double value = sum.item<double>();
        result.parts["states"] = value;
        if (!result.total.defined()) {
            result.total = sum * options_.stateWeight;
            return;
        }
        const double ratio = options_.balance ? result.total.item<double>() / std::max(value, kLeast) : 1.0;
        result.total = result.total + sum * (options_.stateWeight * ratio);
    }

    std::shared_ptr<const LanguageModel> teacher_;
    DistillationOptions options_;
    at::Tensor projection_;  // (student width, teacher width), undefined where they are equal
};

constexpr std::pair<LogitLoss, const char*> kLosses[] = {{LogitLoss::None, "none"},
                                                         {LogitLoss::ForwardKl, "forward_kl"},
                                                         {LogitLoss::ReverseKl, "reverse_kl"},
                                                         {LogitLoss::MeanSquare, "mean_square"},
                                                         {LogitLoss::Cosine, "cosine"}};

}  // namespace

const char* logitLossName(LogitLoss loss) {
    for (const auto& [value, name] : kLosses)
        if (value == loss)
            return name;
    return "";
}

Result<LogitLoss> logitLossFromName(const std::string& name) {
    for (const auto& [value, known] : kLosses)
        if (name == known)
            return value;
    return fail(ErrorCode::InvalidArgument, fmt::format("no loss of logits is named \"{}\"", name), {},
                "Known: none, forward_kl, reverse_kl, mean_square, cosine");
}

Result<void> DistillationOptions::validate(int64_t studentDepth, int64_t teacherDepth) const {
    if (logits == LogitLoss::None && crossEntropy <= 0 && states.empty())
        return fail(ErrorCode::InvalidArgument, "the student has nothing to learn from", "distillation",
                    "Ask for a loss of logits, of states or the cross-entropy");
    if (!(temperature > 0) || topK < 0 || crossEntropy < 0 || logitWeight < 0 || stateWeight < 0)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("the temperature must be above 0 and weights not negative; found temperature "
                                "{}, top K {}, weights {}, {} and {}",
                                temperature, topK, crossEntropy, logitWeight, stateWeight),
                    "distillation");
    for (const StatePair& pair : states)
        if (pair.student < 0 || pair.student > studentDepth || pair.teacher < 0 ||
            pair.teacher > teacherDepth)
            return fail(
                ErrorCode::InvalidArgument,
                fmt::format("states {} and {} are paired; the student has 0 to {}, the teacher 0 to {}",
                            pair.student, pair.teacher, studentDepth, teacherDepth),
                "distillation/states");
    return {};
}

at::Tensor logitDistance(const at::Tensor& student, const at::Tensor& teacher,
                         const DistillationOptions& options) {
    at::Tensor own = student.to(at::kFloat), target = teacher.to(at::kFloat);
    if (options.topK > 0 && options.topK < target.size(-1)) {
        const at::Tensor kept = std::get<1>(target.topk(options.topK, -1));
        own = own.gather(-1, kept);
        target = target.gather(-1, kept);
    }
    if (options.logits == LogitLoss::MeanSquare)
        return (own - target).square().mean();
    if (options.logits == LogitLoss::Cosine)
        return (1 - at::cosine_similarity(own, target, -1)).mean();
    const double t = options.temperature;
    if (t != 1) {
        own = own / t;
        target = target / t;
    }
    const at::Tensor logOwn = at::log_softmax(own, -1), logTarget = at::log_softmax(target, -1);
    const at::Tensor loss = options.logits == LogitLoss::ReverseKl ? divergence(logOwn, logTarget)
                                                                   : divergence(logTarget, logOwn);
    return t != 1 && options.squareTemperature ? loss * (t * t) : loss;
}

at::Tensor stateDistance(const at::Tensor& student, const at::Tensor& teacher, StateLoss loss) {
    if (loss == StateLoss::Cosine)
        return (1 - at::cosine_similarity(student, teacher, -1)).mean();
    return (student - teacher).square().mean() / (teacher.square().mean() + 1e-6);
}

Result<std::shared_ptr<LanguageObjective>> distillationObjective(std::shared_ptr<const LanguageModel> teacher,
                                                                 const DecoderConfig& student,
                                                                 const DistillationOptions& options,
                                                                 at::Tensor projection) {
    VITRINE_TRY_VOID(options.validate(student.depth(), teacher->config().depth()));
    const int64_t width = student.width, wanted = teacher->config().width;
    if (teacher->config().vocabulary != student.vocabulary)
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("the teacher speaks {} tokens, the student {}", teacher->config().vocabulary,
                                student.vocabulary),
                    "distillation", "Both need the same tokenizer");
    if (projection.defined() &&
        (projection.dim() != 2 || projection.size(0) != width || projection.size(1) != wanted))
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("the projection of the states must be {} x {}", width, wanted),
                    "distillation");
    at::Tensor own;
    if (!options.states.empty() && (projection.defined() || width != wanted)) {
        if (!projection.defined())
            projection =
                at::randn({width, wanted}, randomStream(0, 0, "state projection"), at::TensorOptions()) /
                std::sqrt(double(width));
        own = projection.detach().to(teacher->decoder().device(), at::kFloat).clone();
    }
    return std::make_shared<DistillationObjective>(std::move(teacher), options, own);
}

Result<std::unique_ptr<LanguageTrainer>> createLanguageDistiller(LanguageTrainingOptions options,
                                                                 std::vector<LanguageTrainingText> texts,
                                                                 std::unique_ptr<LanguageModel> student,
                                                                 std::shared_ptr<const LanguageModel> teacher,
                                                                 const DistillationOptions& distillation) {
    VITRINE_TRY(auto objective, distillationObjective(teacher, student->config(), distillation));
    return LanguageTrainer::continueWith(std::move(options), std::move(texts), std::move(student),
                                         std::move(objective));
}

double meanDivergence(const Decoder& teacher, const Decoder& student, const at::Tensor& ids) {
    const at::NoGradGuard noGrad;
    return overLogits(
               student, teacher, student.hidden(ids), teacher.hidden(ids),
               [](const at::Tensor& own, const at::Tensor& target) { return logitDistance(own, target, {}); })
        .item<double>();
}

}  // namespace vitrine
