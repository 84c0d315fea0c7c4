#include "core/compress/post_norm_blocks.h"

#include "core/base/check.h"
#include "core/nn/functional.h"

#include <cmath>

namespace vitrine {
namespace {

constexpr double kEpsilon = 1e-5;

std::string nameOf(int64_t block, const std::string& name) {
    return fmt::format("transformer.layers.{}.{}", block, name);
}

}  // namespace

PostNormBlocks::PostNormBlocks(Model& model, std::vector<at::Tensor> pictures)
    : model_(model), pictures_(std::move(pictures)) {
    for (auto& entry : model.module()->named_parameters())
        parameters_[entry.key()] = entry.value();
}

int64_t PostNormBlocks::depth() const {
    return model_.encoder()->info().layerCount;
}

const at::Tensor& PostNormBlocks::parameter(int64_t block, const char* name) const {
    return parameters_.at(nameOf(block, name));
}

std::vector<BlockLinear> PostNormBlocks::linears(int64_t block) const {
    return {{nameOf(block, "self_attn.in_proj"), parameter(block, "self_attn.in_proj_weight"), 0},
            {nameOf(block, "self_attn.out_proj"), parameter(block, "self_attn.out_proj.weight"), 1},
            {nameOf(block, "linear1"), parameter(block, "linear1.weight"), 2},
            {nameOf(block, "linear2"), parameter(block, "linear2.weight"), 3}};
}

at::Tensor PostNormBlocks::firstStream(int64_t batch) {
    EncodeRequest request;
    request.layers = {0};
    const auto output = model_.encoder()->encode(pictures_.at(size_t(batch)), request);
    VITRINE_CHECK(output, "the pictures have been through the encoder before");
    return at::cat({output->layers[0].prefix, nn::tokensFromMap(output->layers[0].features)}, 1);
}

at::Tensor PostNormBlocks::runBlock(int64_t block, int64_t, const at::Tensor& x, const InputSink& sink) {
    const auto p = [&](const char* name) { return parameter(block, name); };
    const auto shown = [&](int group, const at::Tensor& input) {
        if (sink)
            sink(group, input);
        return input;
    };
    const EncoderInfo& info = model_.encoder()->info();
    const int64_t headWidth = info.featureWidth / info.headCount;
    const auto parts =
        at::linear(shown(0, x), p("self_attn.in_proj_weight"), p("self_attn.in_proj_bias")).chunk(3, -1);
    const int64_t heads = parts[0].size(-1) / headWidth;  // fewer than at first where heads were cut out
    const auto split = [&](size_t part) { return nn::splitHeads(parts[part], heads); };
    const at::Tensor attended =
        nn::mergeHeads(nn::attention(split(0), split(1), split(2), 1 / std::sqrt(double(headWidth))));
    const auto norm = [&](const at::Tensor& sum, const char* weight, const char* bias) {
        return at::layer_norm(sum, {sum.size(-1)}, p(weight), p(bias), kEpsilon);
    };
    const at::Tensor middle =
        norm(x + at::linear(shown(1, attended), p("self_attn.out_proj.weight"), p("self_attn.out_proj.bias")),
             "norm1.weight", "norm1.bias");
    const at::Tensor hidden = at::relu(at::linear(shown(2, middle), p("linear1.weight"), p("linear1.bias")));
    return norm(middle + at::linear(shown(3, hidden), p("linear2.weight"), p("linear2.bias")), "norm2.weight",
                "norm2.bias");
}

}  // namespace vitrine
