#include "core/compress/radio_blocks.h"

#include "core/base/check.h"
#include "core/nn/functional.h"
#include "core/nn/fused.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

template <typename T>
std::shared_ptr<T> below(const torch::nn::Module& parent, const std::string& path) {
    std::shared_ptr<torch::nn::Module> found;
    const torch::nn::Module* at = &parent;
    for (size_t start = 0; start <= path.size();) {
        const size_t dot = std::min(path.find('.', start), path.size());
        const auto children = at->named_children();
        const auto* child = children.find(path.substr(start, dot - start));
        if (!child)
            return nullptr;
        found = *child;
        at = found.get();
        start = dot + 1;
    }
    return std::dynamic_pointer_cast<T>(found);
}

}  // namespace

RadioBlocks::RadioBlocks(RadioModule& module, std::vector<at::Tensor> pictures)
    : module_(module), pictures_(std::move(pictures)) {
    const auto& options = module.config().block;
    std::string trunk;  // what its blocks' names begin with
    for (const auto& item : module.named_modules())
        if (item.value().get() == &module.patchGenerator())
            trunk = item.key().substr(0, item.key().rfind('.') + 1);
    for (int64_t index = 0; index < module.config().depth; ++index) {
        const std::string name = fmt::format("{}blocks.{}", trunk, index);
        const auto whole = below<nn::VitBlock>(module, name);
        VITRINE_CHECK(whole, "the trunk has as many blocks as its configuration says");
        Block block{name, whole, {}, {}, {}, {}, {}, {}, {}, {}, {}};
        block.norm1 = below<nn::LayerNorm>(*whole, "norm1");
        block.norm2 = below<nn::LayerNorm>(*whole, "norm2");
        block.mlpNorm = below<nn::LayerNorm>(*whole, "mlp.norm");
        block.qkv = below<nn::Linear>(*whole, "attn.qkv");
        block.proj = below<nn::Linear>(*whole, "attn.proj");
        block.first = below<nn::Linear>(*whole, options.gated ? "mlp.w12" : "mlp.fc1");
        block.second = below<nn::Linear>(*whole, options.gated ? "mlp.w3" : "mlp.fc2");
        VITRINE_CHECK(block.norm1 && block.norm2 && block.qkv && block.proj && block.first && block.second,
                      "a ViT block has its six parts");
        if (!options.layerScale1.empty())
            block.scale = whole->named_parameters()[options.layerScale1 + "." + options.layerScaleParameter];
        if (!options.layerScale2.empty())
            block.scale2 = whole->named_parameters()[options.layerScale2 + "." + options.layerScaleParameter];
        blocks_.push_back(std::move(block));
    }
}

std::vector<BlockLinear> RadioBlocks::linears(int64_t index) const {
    const Block& block = blocks_.at(size_t(index));
    const bool gated = module_.config().block.gated;
    return {{block.name + ".attn.qkv", block.qkv->weight, 0},
            {block.name + ".attn.proj", block.proj->weight, 1, block.scale},
            {block.name + (gated ? ".mlp.w12" : ".mlp.fc1"), block.first->weight, 2},
            {block.name + (gated ? ".mlp.w3" : ".mlp.fc2"), block.second->weight, 3, block.scale2}};
}

at::Tensor RadioBlocks::firstStream(int64_t batch) {
    return module_.patchGenerator().forward(module_.condition(pictures_.at(size_t(batch))));
}

void RadioBlocks::show(const Block& block, const at::Tensor& x, const InputSink& sink) const {
    const auto& options = module_.config().block;
    const auto normed = block.norm1->forward(x);
    sink(0, normed);
    const int64_t headWidth = module_.config().width / module_.config().headCount;
    const auto heads = block.qkv->forward(normed).view({x.size(0), x.size(1), 3, -1, headWidth});
    const auto part = [&](int64_t index) { return heads.select(2, index).transpose(1, 2); };
    const auto attended =
        nn::mergeHeads(nn::attention(part(0), part(1), part(2), 1 / std::sqrt(double(heads.size(4)))));
    sink(1, attended);
    const auto sum = nn::addBranch(x, block.proj->forward(attended), block.scale);
    const auto second = block.norm2->forward(sum);
    sink(2, second);
    auto hidden = block.first->forward(second);
    if (options.gated) {
        const auto halves = hidden.chunk(2, -1);
        hidden = at::silu(halves[0]) * halves[1];
    } else {
        hidden = nn::activationByName(options.activation)(hidden);
    }
    sink(3, block.mlpNorm ? block.mlpNorm->forward(hidden) : hidden);
}

at::Tensor RadioBlocks::runBlock(int64_t index, int64_t, const at::Tensor& stream, const InputSink& sink) {
    const Block& block = blocks_.at(size_t(index));
    if (sink)
        show(block, stream, sink);
    return block.whole->forward(stream);
}

}  // namespace vitrine
