// Feed-forward widths of one run of continued training: cut as the routers say, cut alike in all blocks, and
// cut out of the model before that training. Beside it students that are taught alone, and a run whose
// routers read the text, at the same sizes.
#include "core/claims/flextron_claim.h"

#include "core/claims/language_pruning.h"
#include "core/flextron/elastic_objective.h"
#include "core/language/language_distiller.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace vitrine {
namespace {

constexpr int64_t kWindows = 64, kSteps = 300, kBatch = 8, kLength = 96;
constexpr int64_t kPricedWindows = 16;  // on which routers that read the text meet a size
constexpr int64_t kReadingHidden = 32;  // of those routers: below 2 % of the model's parameters
constexpr std::array kBudgets{1.0, 0.75, 0.5, 0.35};

std::string armName(const char* what, double budget) {
    return fmt::format("{} {}", what, budget);
}

ElasticOptions elasticOptions(const ClaimRequest& request) {
    ElasticOptions elastic;
    elastic.budgets.assign(kBudgets.begin(), kBudgets.end());
    elastic.steps = scaled(kSteps, request);
    elastic.seed = uint64_t(request.seed);
    elastic.routerRate = 60;  // 3e-2
    return elastic;
}

LanguageTrainingOptions trainingOptions(const LanguageGround& ground, const ClaimRequest& request,
                                        int64_t steps) {
    LanguageTrainingOptions options;
    options.seed = uint64_t(request.seed);
    options.length = std::min(kLength, ground.length - 1);
    options.batch = kBatch;
    options.steps = steps;
    options.warmup = std::min<int64_t>(10, options.steps / 2);
    options.learningRate = 5e-4;
    options.finalRate = 5e-5;
    options.weightDecay = 0;
    options.device = ground.model->decoder().device();
    return options;
}

// Steps that each size below 1 has in the run of all sizes, on average.
int64_t shareOfSteps(const ElasticOptions& elastic) {
    return std::max<int64_t>(1, std::llround((1 - elastic.fullShare) * double(elastic.steps) /
                                             double(elastic.budgets.size() - 1)));
}

Result<void> trainToTheEnd(LanguageTrainer& trainer, int64_t steps, const ClaimRequest& request) {
    while (trainer.step() < steps) {
        VITRINE_TRY_VOID(request.job->checkStop());
        VITRINE_TRY([[maybe_unused]] const LanguageStepReport report, trainer.train());
        request.job->advance();
    }
    return {};
}

Result<std::map<std::string, double>> measureCut(const LanguageGround& ground, const LanguageModel& sorted,
                                                 const ElasticSpace& space, const ElasticChoice& choice,
                                                 JobContext& job) {
    VITRINE_TRY(const auto cut, cutModel(sorted, space, choice));
    VITRINE_TRY(const HeldOutLoss loss, ground.heldOutLoss(*cut, job));
    auto metrics = loss.metrics();
    metrics["size"] = elasticShare(sorted.config(), space, choice);
    return metrics;
}

// What the masked model says and what the cut one says, largest difference of a logit.
Result<double> maskedLessCut(const LanguageGround& ground, const LanguageTrainer& trainer,
                             ElasticObjective& objective, const ElasticChoice& choice) {
    const at::NoGradGuard plain;
    objective.settle(choice);
    VITRINE_TRY(const auto cut, cutModel(trainer.model(), objective.options().space, choice));
    const at::Tensor ids = ground.calibration(2, 1)[0];
    return (trainer.model().decoder().logits(ids) - cut->decoder().logits(ids)).abs().max().item<double>();
}

// All blocks of `sorted` cut to one share, then taught by the whole model for `steps`.
Result<std::map<std::string, double>> measureStudent(const LanguageGround& ground,
                                                     const LanguageModel& sorted, double share, int64_t steps,
                                                     const ClaimRequest& request) {
    const ElasticSpace space{{1, share}, {1}};
    const ElasticChoice choice = sameChoice(sorted.config(), {1, 0});
    VITRINE_TRY(auto student, cutModel(sorted, space, choice));
    VITRINE_TRY(const auto trainer,
                createLanguageDistiller(trainingOptions(ground, request, steps), ground.texts,
                                        std::move(student), ground.model, DistillationOptions{}));
    VITRINE_TRY_VOID(trainToTheEnd(*trainer, steps, request));
    VITRINE_TRY(const HeldOutLoss loss, ground.heldOutLoss(trainer->model(), *request.job));
    auto metrics = loss.metrics();
    metrics["size"] = elasticShare(sorted.config(), space, choice);
    return metrics;
}

// The same training with routers that read the text; each budget at the size that `routed` has for it, in the
// mean over held-out text.
Result<void> measureReading(const LanguageGround& ground, std::unique_ptr<LanguageModel> sorted,
                            const ClaimRequest& request, ClaimMeasurement& measurement) {
    ElasticOptions elastic = elasticOptions(request);
    elastic.readsText = true;
    elastic.hidden = kReadingHidden;
    VITRINE_TRY(const auto objective, ElasticObjective::create(sorted->decoder(), ground.model, elastic));
    VITRINE_TRY(const auto trainer,
                LanguageTrainer::continueWith(trainingOptions(ground, request, elastic.steps), ground.texts,
                                              std::move(sorted), objective));
    VITRINE_TRY_VOID(trainToTheEnd(*trainer, elastic.steps, request));
    // Other windows than those that neurons are sorted by.
    const auto priced =
        ground.calibration(scaled(kPricedWindows, request, 4), elastic.seed + 1'000'000, kBatch);
    for (const double budget : kBudgets) {
        objective->meetOnText(trainer->model().decoder(), priced, budget,
                              measurement.arms[armName("routed", budget)]["size"]);
        objective->follow(budget);
        VITRINE_TRY(const HeldOutLoss loss, ground.heldOutLoss(trainer->model(), *request.job));
        const TextRoutes routes = objective->routes();
        auto& metrics = measurement.arms[armName("reading", budget)];
        metrics = loss.metrics();
        metrics["size"] = routes.size;
        metrics["largest probability"] = routes.largestProbability;
    }
    return {};
}

Result<ClaimMeasurement> measure(const ClaimRequest& request) {
    VITRINE_TRY(const LanguageGround ground, openLanguageGround(request.device, *request.job));
    return measureFlextron(ground, request);
}

std::vector<ClaimCheck> judge(const ClaimTable& table) {
    const auto loss = [&](const std::string& arm) { return table.mean(arm, "loss"); };
    const auto keepWorst = [](double& worst, double value, bool largest) {
        worst = std::isnan(value) || std::isnan(worst) ? std::nan("")
                : largest                              ? std::max(worst, value)
                                                       : std::min(worst, value);
    };
    double missed = 0, missedReading = 0, settled = 1, apart = 0;
    for (const double budget : kBudgets) {
        const std::string arm = armName("routed", budget);
        for (const double size : table.values(arm, "size"))
            keepWorst(missed, std::abs(size / budget - 1), true);
        for (const double size : table.values(armName("reading", budget), "size"))
            keepWorst(missedReading, std::abs(size / budget - 1), true);
        keepWorst(settled, table.mean(arm, "largest probability"), false);
        keepWorst(apart, table.mean(arm, "masked less cut, largest logit"), true);
    }
    if (table.values(armName("reading", 1), "size").empty())
        missedReading = std::nan("");
    return {atMost("nats per token at half the size, routed less all blocks alike, same weights",
                   loss("routed 0.5") - loss("alike 0.5"), -0.005),
            atMost("nats per token of the whole model, elastic less dense", loss("routed 1") - loss("dense"),
                   0.03),
            atMost("nats per token at half the size, all alike, trained less cut out of the dense model",
                   loss("alike 0.5") - loss("cut from dense 0.5"), -0.03),
            atMost("nats per token at half the size, routed less a student taught alone for its share of "
                   "the steps",
                   loss("routed 0.5") - loss("student 0.5"), 0),
            atMost("nats per token at half the size, routers that read the text less those of the budget "
                   "alone",
                   loss("reading 0.5") - loss("routed 0.5"), 0),
            atMost("size over its budget differs from 1 by, largest", missed, 0.08),
            atMost("the same of routers that read the text, in the mean over text", missedReading, 0.08),
            atLeast("largest probability of the routers' choices, least of the budgets", settled, 0.95),
            atMost("logits of the masked less those of the cut model, largest", apart, 1e-3)};
}

}  // namespace

Result<ClaimMeasurement> measureFlextron(const LanguageGround& ground, const ClaimRequest& request) {
    const ElasticOptions elastic = elasticOptions(request);
    const int64_t share = shareOfSteps(elastic);
    ClaimMeasurement measurement;
    VITRINE_TRY(const HeldOutLoss dense, ground.heldOutLoss(*ground.model, *request.job));
    measurement.arms["dense"] = dense.metrics();
    JobContext quiet(request.job->stopToken(), {});
    VITRINE_TRY(
        auto sorted,
        sortedModel(*ground.model, ground.calibration(scaled(kWindows, request, 4), elastic.seed), quiet));
    const auto untouched = sorted->clone();
    const auto alike = [&](int64_t neurons) { return sameChoice(ground.model->config(), {neurons, 0}); };
    VITRINE_TRY(measurement.arms["cut from dense 0.5"],
                measureCut(ground, *untouched, elastic.space, alike(2), *request.job));
    VITRINE_TRY(const auto objective, ElasticObjective::create(sorted->decoder(), ground.model, elastic));
    VITRINE_TRY(const auto trainer,
                LanguageTrainer::continueWith(trainingOptions(ground, request, elastic.steps), ground.texts,
                                              std::move(sorted), objective));
    request.job->beginStage("training all sizes, and students alone",
                            2 * elastic.steps + share * int64_t(kBudgets.size() - 1));
    VITRINE_TRY_VOID(trainToTheEnd(*trainer, elastic.steps, request));
    for (const double budget : kBudgets) {
        const ElasticChoice choice = objective->choiceFor(budget);
        auto& metrics = measurement.arms[armName("routed", budget)];
        VITRINE_TRY(metrics, measureCut(ground, trainer->model(), elastic.space, choice, *request.job));
        metrics["largest probability"] = objective->largestProbability(budget);
        VITRINE_TRY(metrics["masked less cut, largest logit"],
                    maskedLessCut(ground, *trainer, *objective, choice));
    }
    for (size_t index = 0; index < elastic.space.neuronShares.size(); ++index) {
        VITRINE_TRY(measurement.arms[armName("alike", elastic.space.neuronShares[index])],
                    measureCut(ground, trainer->model(), elastic.space, alike(int64_t(index)), *request.job));
    }
    for (const double budget : kBudgets)
        if (budget < 1) {
            VITRINE_TRY(measurement.arms[armName("student", budget)],
                        measureStudent(ground, *untouched, budget, share, request));
        }
    VITRINE_TRY_VOID(measureReading(ground, untouched->clone(), request, measurement));
    return measurement;
}

ClaimExperiment flextronClaim() {
    return {measure, judge};
}

}  // namespace vitrine
