// Continued training that makes one set of weights good at many sizes, and routers that say for each budget
// how wide every block shall be (Flextron, Cai et al. 2024; router form of Nemotron Elastic 2025): the
// objective of a LanguageTrainer. Every step draws a budget; routers turn it into probabilities of the widths
// of each block (Gumbel softmax), the mix of the front parts masks neurons and heads, and what the masked
// model says is held against the frozen model it came from.
//
//   VITRINE_TRY(auto sorted, sortedModel(*model, batches, job));
//   VITRINE_TRY(auto objective, ElasticObjective::create(sorted->decoder(), teacher, options));
//   VITRINE_TRY(auto trainer, LanguageTrainer::continueWith(training, texts, std::move(sorted), objective));
//   ... trainer->train() ...
//   const ElasticChoice half = objective->choiceFor(0.5);
//   VITRINE_TRY(auto student, cutModel(trainer->model(), options.space, half));
#pragma once

#include "core/flextron/elastic_space.h"
#include "core/language/language_objective.h"

namespace vitrine {

struct ElasticOptions {
    ElasticSpace space;
    std::vector<double> budgets{1, 0.75, 0.5, 0.35};  // of elasticShare, descending, the first is 1
    double fullShare = 0.33;                          // of the steps that train the whole model
    int64_t hidden = 128;                             // of the routers
    double scaleStart = 1, scaleEnd = 10;             // of their logits, linear over the training
    double tauStart = 1, tauEnd = 0.05;               // temperature
    double deadZone = 0.05;                           // of the size, within which a budget is met
    double budgetWeight = 1;
    double anchor = 10;       // holds budget 1 at the largest choices
    double routerRate = 100;  // times the model's learning rate
    int64_t steps = 300;      // of the schedules
    uint64_t seed = 0;
    // Without routers all blocks take the same share of neurons, and of heads, drawn evenly.
    bool routed = true;
    // Routers see a token's state in front of each sub-layer beside the budget, and choose for every token
    // (the dynamic routers of Flextron): a budget is met in the mean over text, and nothing can be cut out.
    bool readsText = false;

    // InvalidArgument: budgets that do not descend from 1 or lie below the smallest size, a scale,
    // temperature or rate of 0 or less, routers that read the text where there are none.
    Result<void> validate(const DecoderConfig& config) const;
};

// What routers that read the text chose, over all tokens since `follow`.
struct TextRoutes {
    int64_t tokens = 0;
    double size = 1;                     // mean elasticShare
    double largestProbability = 1;       // mean, at the end of the schedule
    std::vector<double> neurons, heads;  // mean shares of each block
};

class ElasticObjective : public LanguageObjective {
  public:
    // The decoder's blocks compute with masks as long as this object lives. `teacher`: the model it came
    // from. With routers that read the text the decoder runs one pass at a time.
    static Result<std::shared_ptr<ElasticObjective>> create(Decoder& decoder,
                                                            std::shared_ptr<const LanguageModel> teacher,
                                                            const ElasticOptions& options);
    ~ElasticObjective() override;

    // Unsupported with recomputed activations: blocks share the routers' graph.
    Result<ObjectiveLoss> loss(const Decoder& student, const at::Tensor& ids, int64_t step,
                               bool recompute) override;
    std::vector<OptimizedParameter> parameters() const override;
    std::string fingerprint() const override;

    // Until the next loss the model computes as if cut to `choice`.
    void settle(const ElasticChoice& choice);
    // What the routers choose for a budget, the likeliest of each; where that misses the budget by more than
    // the dead zone, steps to the next share follow, the least unlikely first, as long as they bring it
    // nearer. Budgets that were not trained are between their neighbours. Without routers: the widest
    // homogeneous choice within the budget.
    ElasticChoice choiceFor(double budget) const;
    // Mean over blocks of the largest probability (neurons; heads where there is a choice), at the end of the
    // schedule; 1 without routers.
    double largestProbability(double budget) const;
    // (depth, choices): probabilities of the shares of neurons, then of heads.
    at::Tensor probabilities(double budget, double scale) const;

    // Of routers that read the text; the ones above then speak of a state of zeros.
    // (..., shares of neurons or heads) for states x (..., width) in front of that part of the block.
    at::Tensor textProbabilities(double budget, double scale, int64_t block, bool heads,
                                 const at::Tensor& x) const;
    // Until the next settle or loss every token takes its likeliest widths for the budget.
    void follow(double budget);
    TextRoutes routes() const;
    // (depth, T): shares of neurons of the first window of the last pass.
    at::Tensor lastShares() const;
    // Sets what a parameter costs the routers of this budget, so that over windows (B, T) of ids the mean
    // size is `size`, within `tolerance` of it.
    void meetOnText(const Decoder& decoder, const std::vector<at::Tensor>& windows, double budget,
                    double size, double tolerance = 0.005);
    const std::map<double, double>& prices() const { return prices_; }  // by budget

    const ElasticOptions& options() const { return options_; }
    void setSteps(int64_t steps) { options_.steps = steps; }

  private:
    struct State;
    struct Draw {
        double budget = 1;
        at::Tensor probabilities;  // (depth, choices), differentiable
    };
    ElasticObjective(const ElasticOptions& options, DecoderConfig config);
    void attach(Decoder& decoder);
    void showText(const DecoderBlock& block);
    at::Tensor budgetCode(double budget) const;
    at::Tensor routerLogits(double budget) const;
    at::Tensor split(const at::Tensor& values, bool logarithm) const;
    Draw draw(int64_t step);
    at::Tensor budgetLoss(const Draw& draw) const;
    double allParameters() const;
    at::Tensor costs(int64_t block, bool heads) const;
    at::Tensor textLogits(double budget, int64_t block, bool heads, const at::Tensor& x) const;
    void drawByText(double budget, double scale, double tau, int64_t step);
    double followedSize(const Decoder& decoder, const std::vector<at::Tensor>& windows, double budget);
    double progress(int64_t step) const;
    void meetBudget(ElasticChoice& choice, double budget) const;

    ElasticOptions options_;
    DecoderConfig config_;
    at::Tensor first_, firstBias_, second_, secondBias_;  // router
    at::Tensor input_;       // of routers that read the text: (depth, neurons and heads, hidden, width)
    at::Tensor parameters_;  // elasticParameters
    std::map<double, double> prices_;
    std::shared_ptr<State> state_;
    std::shared_ptr<LanguageObjective> distillation_;
    std::vector<std::shared_ptr<DecoderLinear>> masked_;
    int64_t lastStep_ = -1, micro_ = 0;
};

// The same function with neurons and heads in descending order of importance.
Result<std::unique_ptr<LanguageModel>> sortedModel(const LanguageModel& model,
                                                   const std::vector<at::Tensor>& batches, JobContext& job);

}  // namespace vitrine
