#include "core/puzzle/part_starts.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace vitrine {
namespace {

using Weights = std::map<std::string, at::Tensor>;

// second · (first x + b) + c as one map; biases may be missing. Rows of `first` and its bias are taken as
// `rows` says.
std::pair<at::Tensor, at::Tensor> product(const Weights& weights, const std::string& first,
                                          const std::string& second, const at::Tensor& rows) {
    const auto taken = [&](const at::Tensor& weight) {
        const at::Tensor wide = weight.to(at::kDouble);
        return rows.defined() ? wide.index_select(0, rows.to(wide.device())) : wide;
    };
    const at::Tensor outer = weights.at(second + ".weight").to(at::kDouble);
    at::Tensor bias = at::zeros({outer.size(0)}, outer.options());
    if (const auto found = weights.find(first + ".bias"); found != weights.end())
        bias = bias + outer.mv(taken(found->second));
    if (const auto found = weights.find(second + ".bias"); found != weights.end())
        bias = bias + found->second.to(at::kDouble);
    return {outer.matmul(taken(weights.at(first + ".weight"))).to(at::kFloat), bias.to(at::kFloat)};
}

Failure unknown(const std::string& name, const char* what, const char* known) {
    return fail(ErrorCode::InvalidArgument, fmt::format("there is no start \"{}\"", name), what,
                fmt::format("One of {}", known));
}

}  // namespace

Result<NeuronStart> neuronStartFromName(const std::string& name) {
    if (name == "independent")
        return NeuronStart::Independent;
    if (name == "iterative")
        return NeuronStart::Iterative;
    return unknown(name, "neuron_start", "independent, iterative");
}

Result<LinearStart> linearStartFromName(const std::string& name) {
    if (name == "fit")
        return LinearStart::Fit;
    if (name == "product")
        return LinearStart::Product;
    return unknown(name, "linear_start", "fit, product");
}

IterativeNeurons::IterativeNeurons(const at::Tensor& down, int64_t batches)
    : down_(down.detach().to(at::kFloat)),
      squares_(down_.square().sum(0)),
      removed_(at::zeros({down.size(1)}, down_.options())),
      batches_(batches) {}

void IterativeNeurons::add(const at::Tensor& activations) {
    const at::NoGradGuard noGrad;
    const int64_t count = removed_.size(0);
    ++seen_;
    const double left = std::max(0.0, 1 - double(seen_) / double(batches_));
    const auto stay = int64_t(std::floor(left * left * double(count)));
    const int64_t go = count - stay - int64_t(gone_.size());
    if (go <= 0)
        return;
    const at::Tensor a = activations.flatten(0, -2).to(at::kFloat);
    const at::Tensor missing = (a * removed_).matmul(down_.t());  // (tokens, width)
    const at::Tensor squared =
        missing.square().sum(1, true) + 2 * a * missing.matmul(down_) + a.square() * squares_;
    const at::Tensor change = squared.clamp_min(0)
                                  .sqrt()
                                  .to(at::kDouble)
                                  .mean(0)
                                  .masked_fill(removed_.gt(0), std::numeric_limits<double>::infinity());
    const at::Tensor first = std::get<1>(change.to(at::kCPU).sort(true, 0, false)).narrow(0, 0, go);
    gone_.insert(gone_.end(), first.const_data_ptr<int64_t>(), first.const_data_ptr<int64_t>() + go);
    removed_.index_fill_(0, first.to(removed_.device()), 1);
}

at::Tensor IterativeNeurons::order() const {
    std::vector<int64_t> all = gone_;
    for (int64_t neuron = 0; neuron < removed_.size(0); ++neuron)
        if (std::find(gone_.begin(), gone_.end(), neuron) == gone_.end())
            all.push_back(neuron);
    return at::tensor(all, at::kLong);
}

std::pair<at::Tensor, at::Tensor> productOf(const Weights& weights, const AttentionSettings& settings) {
    // The rows of W_v that each query head reads.
    std::vector<int64_t> rows;
    for (int64_t head = 0; head < settings.queryHeads; ++head)
        for (int64_t channel = 0; channel < settings.headWidth; ++channel)
            rows.push_back(head / settings.groupSize() * settings.headWidth + channel);
    return product(weights, "self_attn.v_proj", "self_attn.o_proj", at::tensor(rows, at::kLong));
}

std::pair<at::Tensor, at::Tensor> productOf(const Weights& weights, const FeedForwardSettings&) {
    return product(weights, "mlp.up_proj", "mlp.down_proj", {});
}

}  // namespace vitrine
