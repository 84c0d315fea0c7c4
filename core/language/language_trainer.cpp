#include "core/language/language_trainer.h"

#include "core/base/stopwatch.h"
#include "core/distill/random_stream.h"

#include <ATen/autocast_mode.h>

#include <cmath>

namespace vitrine {
namespace {

// Autocast of one device type while it lives. On a CPU bfloat16 gains nothing and costs precision.
class Autocast {
  public:
    Autocast(at::Device device, at::ScalarType type)
        : device_(device.type()), active_(type != at::kFloat && device.is_cuda()) {
        if (active_) {
            at::autocast::set_autocast_dtype(device_, type);
            at::autocast::set_autocast_enabled(device_, true);
        }
    }
    ~Autocast() {
        if (active_) {
            at::autocast::set_autocast_enabled(device_, false);
            at::autocast::clear_cache();
        }
    }
    Autocast(const Autocast&) = delete;
    Autocast& operator=(const Autocast&) = delete;

  private:
    at::DeviceType device_;
    bool active_;
};

Result<void> checkTexts(const LanguageTrainingOptions& options,
                        const std::vector<LanguageTrainingText>& texts) {
    if (texts.empty())
        return fail(ErrorCode::InvalidArgument, "there is no text to learn from", "settings/texts");
    for (const LanguageTrainingText& text : texts) {
        if (text.training.count < options.length + 1)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("the text has {} tokens to learn from, a window needs {}",
                                    text.training.count, options.length + 1),
                        "text " + text.name, "Give a longer text, or shorten the window");
        if (text.tokens->info().vocabulary > options.model.vocabulary)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("the text is written in {} tokens, the model knows {}",
                                    text.tokens->info().vocabulary, options.model.vocabulary),
                        "text " + text.name);
        if (!(text.weight > 0))
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("the weight must be above 0, found {}", text.weight),
                        "text " + text.name);
    }
    return {};
}

Failure notFinite(const char* what, int64_t step, const std::string& where) {
    return fail(
        ErrorCode::InvalidArgument,
        fmt::format("the {} is not finite at step {}; step {} was the last good one", what, step + 1, step),
        where, "Lower the learning rate, or compute in float32; the last checkpoint is whole");
}

}  // namespace

Result<void> LanguageTrainingOptions::validate() const {
    VITRINE_TRY_VOID(model.validate());
    const auto wrong = [](const char* where, const std::string& message) {
        return fail(ErrorCode::InvalidArgument, message, where);
    };
    if (length < 1 || length > model.contextLength)
        return wrong("settings/length", fmt::format("windows of {} tokens; the model's context holds 1 to {}",
                                                    length, model.contextLength));
    if (batch < 1 || accumulation < 1)
        return wrong(
            "settings/batch",
            fmt::format("batch and accumulation must be at least 1, found {} and {}", batch, accumulation));
    if (!(learningRate > 0) || !(finalRate >= 0) || finalRate > learningRate)
        return wrong("settings/learning_rate",
                     fmt::format("rates must fall from above 0, found {} to {}", learningRate, finalRate));
    if (steps < 1 || warmup < 0)
        return wrong("settings/steps", fmt::format("{} steps, {} of them warm-up", steps, warmup));
    return {};
}

LanguageTrainer::LanguageTrainer(LanguageTrainingOptions options, std::vector<LanguageTrainingText> texts,
                                 std::unique_ptr<LanguageModel> model,
                                 std::shared_ptr<LanguageObjective> objective)
    : options_(std::move(options)),
      texts_(std::move(texts)),
      model_(std::move(model)),
      objective_(std::move(objective)) {
    const bool trainsModel = !objective_ || objective_->trainsModel();
    model_->decoder().to(options_.device);
    model_->decoder().setTrainable(trainsModel);
    std::vector<OptimizedParameter> parameters;
    if (trainsModel)
        for (const auto& entry : model_->decoder().named_parameters())
            parameters.push_back({entry.key(), entry.value(), 1.0, entry.value().dim() >= 2});
    if (objective_)
        for (OptimizedParameter parameter : objective_->parameters()) {
            parameter.name = "objective." + parameter.name;
            parameters.push_back(std::move(parameter));
        }
    optimizer_ = std::make_unique<Optimizer>(std::move(parameters),
                                             OptimizerOptions{.kind = OptimizerKind::AdamW,
                                                              .beta1 = options_.beta1,
                                                              .beta2 = options_.beta2,
                                                              .epsilon = options_.epsilon,
                                                              .weightDecay = options_.weightDecay});
}

Result<std::unique_ptr<LanguageTrainer>> LanguageTrainer::create(const LanguageTrainingOptions& options,
                                                                 std::vector<LanguageTrainingText> texts) {
    VITRINE_TRY_VOID(options.validate());
    VITRINE_TRY_VOID(checkTexts(options, texts));
    VITRINE_TRY(auto model, createLanguageModel(options.model, options.seed, options.deviation));
    return std::unique_ptr<LanguageTrainer>(
        new LanguageTrainer(options, std::move(texts), std::move(model), nullptr));
}

Result<std::unique_ptr<LanguageTrainer>> LanguageTrainer::continueWith(
    LanguageTrainingOptions options, std::vector<LanguageTrainingText> texts,
    std::unique_ptr<LanguageModel> model, std::shared_ptr<LanguageObjective> objective) {
    options.model = model->config();
    VITRINE_TRY_VOID(options.validate());
    VITRINE_TRY_VOID(checkTexts(options, texts));
    return std::unique_ptr<LanguageTrainer>(
        new LanguageTrainer(options, std::move(texts), std::move(model), std::move(objective)));
}

std::unique_ptr<LanguageModel> LanguageTrainer::takeModel() {
    optimizer_->clearGradients();
    model_->decoder().setTrainable(false);
    model_->decoder().joinProjections();
    return std::move(model_);
}

Result<void> LanguageTrainer::change(const LanguageTrainingOptions& options) {
    VITRINE_TRY_VOID(options.validate());
    const LanguageTrainingOptions old = options_;
    options_ = options;
    options_.model = old.model;
    options_.seed = old.seed;
    options_.device = old.device;
    options_.length = old.length;
    options_.batch = old.batch;
    options_.accumulation = old.accumulation;
    return {};
}

// This process's windows of a micro-batch: (rows, length + 1).
at::Tensor LanguageTrainer::windows(int64_t micro) const {
    const int64_t processes = world_ ? world_->size() : 1, rank = world_ ? world_->rank() : 0;
    const int64_t rows = options_.batch / processes, size = options_.length + 1;
    double total = 0;
    for (const LanguageTrainingText& text : texts_)
        total += text.weight;
    at::Tensor ids = at::empty({rows, size}, at::kLong);
    for (int64_t row = 0; row < rows; ++row) {
        const std::string purpose = fmt::format("window {} {}", micro, rank * rows + row);
        double place = double(randomHash(options_.seed, step_, purpose + " text") >> 11) * 0x1.0p-53 * total;
        size_t chosen = 0;
        while (chosen + 1 < texts_.size() && (place -= texts_[chosen].weight) >= 0)
            ++chosen;
        const LanguageTrainingText& text = texts_[chosen];
        text.tokens->read(randomWindow(text.training, size, randomHash(options_.seed, step_, purpose)),
                          {ids.data_ptr<int64_t>() + row * size, size_t(size)});
    }
    return ids;
}

Result<ObjectiveLoss> LanguageTrainer::lossOf(const at::Tensor& ids) const {
    const int64_t length = options_.length;
    const Autocast autocast(options_.device, options_.computeType);
    if (objective_)
        return objective_->loss(model_->decoder(), ids, step_, options_.recompute);
    const at::Tensor hidden =
        model_->decoder().hidden(ids.narrow(1, 0, length), {.recompute = options_.recompute});
    return ObjectiveLoss{model_->decoder().lossesOf(hidden, ids.narrow(1, 1, length)).mean(), {}};
}

Result<double> LanguageTrainer::microBatch(int64_t micro, LanguageStepReport& report) {
    at::Tensor ids;
    {
        const Stopwatch watch(report.loadSeconds);
        ids = windows(micro).to(options_.device);
    }
    const Stopwatch watch(report.computeSeconds);
    VITRINE_TRY(const ObjectiveLoss loss, lossOf(ids));
    const double value = loss.total.item<double>();
    if (!std::isfinite(value))
        return notFinite("loss", step_, "");
    for (const auto& [name, part] : loss.parts)
        report.parts[name] += part / double(options_.accumulation);
    (loss.total / double(options_.accumulation)).backward();
    return value;
}

Result<void> LanguageTrainer::average(LanguageStepReport& report) {
    const Stopwatch watch(report.exchangeSeconds);
    std::vector<at::Tensor> gradients;
    for (const OptimizedParameter& parameter : optimizer_->parameters())
        if (parameter.tensor.grad().defined())
            gradients.push_back(parameter.tensor.grad());
    VITRINE_TRY_VOID(world_->average(gradients));
    const at::Tensor loss = at::full({1}, report.loss, at::kDouble);
    VITRINE_TRY_VOID(world_->average({loss}));
    report.loss = loss.item<double>();
    return {};
}

Result<LanguageStepReport> LanguageTrainer::train() {
    LanguageStepReport report;
    optimizer_->clearGradients();
    for (int64_t micro = 0; micro < options_.accumulation; ++micro) {
        VITRINE_TRY(const double loss, microBatch(micro, report));
        report.loss += loss / double(options_.accumulation);
    }
    report.tokens = options_.accumulation * options_.batch * options_.length;
    if (world_)
        VITRINE_TRY_VOID(average(report));
    const Stopwatch watch(report.optimizerSeconds);
    report.gradientNorm = optimizer_->clipGradients(options_.clipNorm);
    if (!std::isfinite(report.gradientNorm)) {
        const std::string bad = optimizer_->firstBadGradient();
        optimizer_->clearGradients();
        return notFinite("gradient", step_, bad);
    }
    report.learningRate =
        cosineRate(step_, options_.warmup, options_.steps, options_.learningRate, options_.finalRate);
    optimizer_->step(report.learningRate);
    report.step = ++step_;
    return report;
}

Result<PerplexityScore> LanguageTrainer::heldOut(const LanguageTrainingText& text, int64_t windows,
                                                 JobContext& job) const {
    return measurePerplexity(*model_, *text.tokens,
                             {.length = std::max<int64_t>(2, options_.length), .batch = 8, .limit = windows},
                             job, text.heldOut);
}

}  // namespace vitrine
