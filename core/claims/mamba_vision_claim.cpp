// Two of three experiments (mamba_vision_experiments.h has the third). Reach: the Jacobian of stacked mixers,
// in float64. The convolution of a mixer looks one token ahead and its scan looks back only, so m mixers see
// m tokens ahead and not one more; one block of attention sees all. Lookup: on a 5 x 5 grid of coloured cells
// one is marked, and its token must say the colour of the cell on the opposite side of the centre. Half of
// those lie ahead of the mark; patterns of four blocks differ in nothing but M and S.
#include "core/claims/mamba_vision_claim.h"

#include "core/claims/joined_experiments.h"
#include "core/claims/mamba_vision_experiments.h"
#include "core/distill/optimizer.h"
#include "core/distill/random_stream.h"
#include "core/models/mambavision/mamba_vision_blocks.h"

#include <torch/csrc/autograd/autograd.h>

#include <array>
#include <cmath>
#include <limits>

namespace vitrine {
namespace {

using mambavision::TokenBlock;

constexpr int64_t kWidth = 32, kHeads = 4, kReachTokens = 16;
constexpr int64_t kSide = 5, kCells = kSide * kSide, kColours = 4;
constexpr int64_t kSteps = 1500, kBatch = 64, kTestGrids = 2048;
// Mixers have fewer weights than attention; a wider MLP makes up for it (within 1 % of a block).
constexpr double kAttentionMlp = 4, kMixerMlp = 4.75;

using Metrics = std::map<std::string, double>;

// Blocks of a pattern of M (mixer) and S (self-attention).
class Stack : public torch::nn::Module {
  public:
    explicit Stack(const std::string& pattern) {
        for (size_t index = 0; index < pattern.size(); ++index) {
            const bool attention = pattern[index] == 'S';
            blocks_.push_back(register_module(
                std::to_string(index),
                std::make_shared<TokenBlock>(mambavision::TokenBlockOptions{
                    kWidth, kHeads, attention, attention ? kAttentionMlp : kMixerMlp, false})));
        }
    }
    at::Tensor forward(at::Tensor tokens) const {
        for (const auto& block : blocks_)
            tokens = block->forward(tokens);
        return tokens;
    }

  private:
    std::vector<std::shared_ptr<TokenBlock>> blocks_;
};

// |∂ out_i / ∂ in_j| for a random direction of out_i: (T, T) with rows i.
at::Tensor influence(const std::string& pattern, const at::Generator& random) {
    Stack stack(pattern);
    mambavision::initializeTokenBlocks(stack, random);
    {
        // Stronger weights than at the start of a training: influence over many tokens stays far from
        // rounding.
        const at::NoGradGuard noGrad;
        for (at::Tensor& parameter : stack.parameters())
            if (parameter.dim() == 2)
                parameter.mul_(8);
    }
    stack.to(at::kDouble);
    const at::AutoGradMode withGradients(true);
    const auto normal = [&](at::IntArrayRef shape) {
        return at::randn(shape, random, at::TensorOptions(at::kDouble));
    };
    const at::Tensor input = normal({1, kReachTokens, kWidth}).requires_grad_(), direction = normal({kWidth});
    const at::Tensor output = stack.forward(input).squeeze(0).mv(direction);
    std::vector<at::Tensor> rows;
    for (int64_t i = 0; i < kReachTokens; ++i)
        rows.push_back(torch::autograd::grad({output[i]}, {input}, {}, true)[0].norm(2, {2}).squeeze(0));
    return at::stack(rows);
}

Metrics reachOf(const std::string& pattern, const at::Generator& random) {
    const at::Tensor jacobian = influence(pattern, random);
    const auto mixers = int64_t(pattern.find_last_not_of('S') + 1);
    const auto values = jacobian.accessor<double, 2>();
    double beyond = 0, within = std::numeric_limits<double>::infinity(), anywhere = within;
    for (int64_t i = 0; i < kReachTokens; ++i)
        for (int64_t j = 0; j < kReachTokens; ++j) {
            anywhere = std::min(anywhere, values[i][j]);
            (j > i + mixers ? beyond : within) =
                j > i + mixers ? std::max(beyond, values[i][j]) : std::min(within, values[i][j]);
        }
    return {{"largest influence beyond reach", beyond},
            {"smallest influence within reach", within},
            {"smallest influence of all", anywhere}};
}

struct Grids {
    at::Tensor colours;  // (B, cells)
    at::Tensor marked;   // (B): index of the marked cell
    at::Tensor answers() const { return colours.gather(1, (kCells - 1 - marked).unsqueeze(1)).squeeze(1); }
};

Grids drawGrids(int64_t count, const at::Generator& random) {
    return {at::randint(0, kColours, {count, kCells}, random, at::TensorOptions(at::kLong)),
            at::randint(0, kCells, {count}, random, at::TensorOptions(at::kLong))};
}

class LookupNet : public torch::nn::Module {
  public:
    LookupNet(const std::string& pattern, const at::Generator& random) {
        stack_ = register_module("blocks", std::make_shared<Stack>(pattern));
        norm_ = register_module("norm", std::make_shared<nn::LayerNorm>(kWidth, 1e-5));
        head_ = register_module("head", std::make_shared<nn::Linear>(kWidth, kColours));
        mambavision::initializeTokenBlocks(*this, random);
        const auto embedding = [&](const char* name, int64_t count) {
            return register_parameter(name, at::randn({count, kWidth}, random, at::TensorOptions()) * 0.5);
        };
        colour_ = embedding("colour", kColours);
        position_ = embedding("position", kCells);
        mark_ = embedding("mark", 1);
    }
    // (B, colours) at the marked tokens.
    at::Tensor forward(const Grids& grids) const {
        const at::Tensor isMarked = at::one_hot(grids.marked, kCells).to(at::kFloat).unsqueeze(2);
        const at::Tensor tokens = at::embedding(colour_, grids.colours) + position_ + isMarked * mark_;
        return head_->forward(norm_->forward((stack_->forward(tokens) * isMarked).sum(1)));
    }

  private:
    std::shared_ptr<Stack> stack_;
    std::shared_ptr<nn::LayerNorm> norm_;
    std::shared_ptr<nn::Linear> head_;
    at::Tensor colour_, position_, mark_;
};

Result<Metrics> learnLookup(const std::string& pattern, const ClaimRequest& request) {
    const uint64_t seed = uint64_t(request.seed);
    LookupNet net(pattern, randomStream(seed, 0, "mambavision lookup net"));
    std::vector<OptimizedParameter> parameters;
    int64_t count = 0;
    for (auto& entry : net.named_parameters()) {
        const bool matrix = entry.value().dim() == 2 && !entry.key().ends_with("A_log");
        parameters.push_back({entry.key(), entry.value(), 1, matrix});
        count += entry.value().numel();
    }
    Optimizer optimizer(parameters, {.kind = OptimizerKind::AdamW, .weightDecay = 0.01});
    const int64_t steps = scaledSteps(kSteps, request);
    const at::AutoGradMode withGradients(true);
    for (int64_t step = 0; step < steps; ++step) {
        VITRINE_TRY_VOID(request.job->checkStop());
        const Grids grids = drawGrids(kBatch, randomStream(seed, step, "mambavision lookup batch"));
        optimizer.clearGradients();
        at::cross_entropy_loss(net.forward(grids), grids.answers()).backward();
        optimizer.clipGradients(1);
        optimizer.step(cosineRate(step, steps / 15, steps, 3e-3));
        request.job->advance();
    }
    const at::NoGradGuard noGrad;
    const Grids test = drawGrids(kTestGrids, randomStream(seed, 0, "mambavision lookup test"));
    const at::Tensor right = net.forward(test).argmax(1).eq(test.answers()).to(at::kDouble);
    const at::Tensor ahead = (kCells - 1 - test.marked).gt(test.marked + 4);
    return Metrics{{"accuracy", right.mean().item<double>()},
                   {"accuracy where the answer lies ahead", right.masked_select(ahead).mean().item<double>()},
                   {"thousand parameters", double(count) / 1000}};
}

Result<ClaimMeasurement> measure(const ClaimRequest& request) {
    ClaimMeasurement measurement;
    const at::Generator random = randomStream(uint64_t(request.seed), 0, "mambavision reach");
    for (const char* pattern : {"M", "MM", "MMM", "MMS"})
        measurement.arms[std::string("reach ") + pattern] = reachOf(pattern, random);
    const std::array<std::string, 3> patterns{"MMSS", "SSMM", "MMMM"};
    request.job->beginStage("training one network per pattern",
                            int64_t(patterns.size()) * scaledSteps(kSteps, request));
    for (const std::string& pattern : patterns) {
        VITRINE_TRY(measurement.arms["lookup " + pattern], learnLookup(pattern, request));
    }
    return measurement;
}

std::vector<ClaimCheck> judge(const ClaimTable& table) {
    std::vector<ClaimCheck> checks;
    const auto extreme = [&](const std::string& arm, const char* metric, bool largest) {
        double worst = std::numeric_limits<double>::quiet_NaN();
        for (const double value : table.values(arm, metric))
            worst = std::isnan(worst) ? value : largest ? std::max(worst, value) : std::min(worst, value);
        return worst;
    };
    for (const char* pattern : {"M", "MM", "MMM"}) {
        const std::string arm = std::string("reach ") + pattern;
        checks.push_back(
            atMost(fmt::format("{}: influence from more than one token per mixer ahead", pattern),
                   extreme(arm, "largest influence beyond reach", true), 0));
        checks.push_back(atLeast(fmt::format("{}: influence from all tokens up to there", pattern),
                                 extreme(arm, "smallest influence within reach", false), 1e-15));
    }
    checks.push_back(atLeast("MMS: influence from every token on every token",
                             extreme("reach MMS", "smallest influence of all", false), 1e-15));
    const auto accuracy = [&](const char* arm) { return table.mean(arm, "accuracy"); };
    checks.push_back(atLeast("lookup, accuracy of MMSS", accuracy("lookup MMSS"), 0.95));
    checks.push_back(
        atLeast("lookup, MMSS less MMMM", accuracy("lookup MMSS") - accuracy("lookup MMMM"), 0.3));
    checks.push_back(atLeast("lookup, MMSS less SSMM (tied within 0.02)",
                             accuracy("lookup MMSS") - accuracy("lookup SSMM"), -0.02));
    return checks;
}

}  // namespace

ClaimExperiment mambaVisionClaim() {
    return joinedExperiments({{measure, judge}, mixerExperiment()});
}

}  // namespace vitrine
