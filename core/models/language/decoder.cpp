#include "core/models/language/decoder.h"

#include "core/base/check.h"
#include "core/models/language/decoder_attention.h"
#include "core/models/language/decoder_block.h"
#include "core/models/language/rotary_tables.h"
#include "core/nn/fused.h"
#include "core/nn/recompute.h"

#include <algorithm>

namespace vitrine {
namespace {

int64_t headWidthOf(const DecoderConfig& config) {
    for (const LayerSettings& layer : config.layers)
        if (layer.attention.kind == SubLayerKind::Standard)
            return layer.attention.headWidth;
    return 0;
}

constexpr int64_t kLogitsAtOnce = int64_t(1) << 24;  // 64 MiB in float32

}  // namespace

Decoder::Decoder(DecoderConfig config) : torch::nn::Module("decoder"), config_(std::move(config)) {
    model_ = register_module("model", std::make_shared<torch::nn::Module>());
    embedding_ = model_->register_module("embed_tokens",
                                         std::make_shared<nn::Embedding>(config_.vocabulary, config_.width));
    layersHolder_ = model_->register_module("layers", std::make_shared<torch::nn::Module>());
    for (size_t i = 0; i < config_.layers.size(); ++i)
        blocks_.push_back(std::make_shared<DecoderBlock>(config_, config_.layers[i], int64_t(i)));
    renumber();
    finalNorm_ = model_->register_module(
        "norm", std::make_shared<DecoderNorm>(config_.norm, config_.width, config_.epsilon));
    if (!config_.tiedEmbeddings)
        head_ = register_module("lm_head",
                                std::make_shared<nn::Linear>(config_.width, config_.vocabulary, false));
    renewRotary();
}

Decoder::~Decoder() = default;

void Decoder::renewRotary() {
    rotary_ = std::make_shared<RotaryTables>(config_.rope, headWidthOf(config_));
}

void Decoder::renumber() {
    std::vector<std::string> old;
    for (const auto& child : layersHolder_->named_children())
        old.push_back(child.key());
    for (const std::string& name : old)
        layersHolder_->unregister_module(name);
    config_.layers.clear();
    for (size_t i = 0; i < blocks_.size(); ++i) {
        blocks_[i]->setIndex(int64_t(i));
        layersHolder_->register_module(std::to_string(i), blocks_[i]);
        config_.layers.push_back(blocks_[i]->settings());
    }
}

void Decoder::setBlock(int64_t index, std::shared_ptr<DecoderBlock> block) {
    blocks_.at(size_t(index)) = std::move(block);
    renumber();
    renewRotary();
}

void Decoder::removeBlocks(std::vector<int64_t> indices) {
    std::sort(indices.begin(), indices.end(), std::greater<>());
    indices.erase(std::unique(indices.begin(), indices.end()), indices.end());
    for (const int64_t index : indices) {
        VITRINE_CHECK(index >= 0 && index < depth(), "there is no such block");
        blocks_.erase(blocks_.begin() + index);
    }
    renumber();
    renewRotary();
}

std::shared_ptr<DecoderBlock> Decoder::makeBlock(int64_t index, const LayerSettings& settings) const {
    auto block = std::make_shared<DecoderBlock>(config_, settings, index);
    block->to(device(), type());
    return block;
}

DecoderPass Decoder::begin(const at::Tensor& ids, const PassOptions& options) const {
    return begin(ids.size(0), ids.size(1), options);
}

DecoderPass Decoder::begin(int64_t batch, int64_t length, const PassOptions& options) const {
    DecoderPass pass;
    pass.options = options;
    pass.batch = batch;
    pass.length = length;
    pass.past = options.cache ? options.cache->length() : 0;
    pass.masks = std::make_shared<DecoderPass::Masks>();
    const bool rotates = rotary_->frequencies().defined();
    if (!options.attentionMask.defined()) {
        if (rotates)
            std::tie(pass.cosine, pass.sine) = rotary_->range(pass.past, length, type(), device());
        return pass;
    }
    VITRINE_CHECK(!options.cache, "a mask and a cache are not taken together");
    const at::Tensor mask = options.attentionMask.to(device(), at::kLong);
    if (rotates)
        std::tie(pass.cosine, pass.sine) = rotary_->gather((mask.cumsum(1) - 1).clamp_min(0), type());
    pass.padding = mask.to(at::kBool).view({batch, 1, 1, length});
    return pass;
}

at::Tensor Decoder::embed(const at::Tensor& ids) const {
    return embedding_->forward(ids.to(device(), at::kLong));
}

at::Tensor Decoder::runBlock(int64_t index, const at::Tensor& x, const DecoderPass& pass) const {
    const auto& block = blocks_.at(size_t(index));
    if (!pass.options.recompute)
        return block->forward(x, pass);
    return nn::recomputed([block, pass](const at::Tensor& input) { return block->forward(input, pass); }, x);
}

at::Tensor Decoder::finalNorm(const at::Tensor& x, DecoderObserver* observer) const {
    at::Tensor y = finalNorm_->forward(x);
    if (observer)
        observer->onFinalNorm(y);
    return y;
}

const at::Tensor& Decoder::headWeight() const {
    return head_ ? head_->weight : embedding_->weight;
}

at::Tensor Decoder::head(const at::Tensor& normed) const {
    return nn::linear(normed, headWeight(), {});
}

at::Tensor Decoder::hidden(const at::Tensor& ids, const PassOptions& options) const {
    const DecoderPass pass = begin(ids, options);
    at::Tensor x = embed(ids);
    for (int64_t i = 0; i < depth(); ++i)
        x = runBlock(i, x, pass);
    if (options.cache)
        options.cache->advance(pass.length);
    return finalNorm(x, options.observer);
}

at::Tensor Decoder::logits(const at::Tensor& ids, const PassOptions& options) const {
    return head(hidden(ids, options));
}

at::Tensor Decoder::lossesOf(const at::Tensor& hidden, const at::Tensor& targets) const {
    const at::Tensor rows = hidden.reshape({-1, hidden.size(-1)});
    const at::Tensor wanted = targets.to(device(), at::kLong).reshape({-1});
    const auto lossOf = [this](const at::Tensor& part, const at::Tensor& ids) {
        // c10::nullopt weight, no reduction.
        return at::cross_entropy_loss(head(part).to(at::kFloat), ids, {}, at::Reduction::None);
    };
    const int64_t step = std::max<int64_t>(64, kLogitsAtOnce / config_.vocabulary);
    if (rows.size(0) <= step)
        return lossOf(rows, wanted).view_as(targets);
    std::vector<at::Tensor> losses;
    for (int64_t at = 0; at < rows.size(0); at += step) {
        const int64_t count = std::min(step, rows.size(0) - at);
        const at::Tensor ids = wanted.narrow(0, at, count);
        losses.push_back(nn::recomputed([lossOf, ids](const at::Tensor& part) { return lossOf(part, ids); },
                                        rows.narrow(0, at, count)));
    }
    return at::cat(losses).view_as(targets);
}

at::Tensor Decoder::tokenLosses(const at::Tensor& ids, const PassOptions& options) const {
    const int64_t predicted = ids.size(1) - 1;
    return lossesOf(hidden(ids, options).narrow(1, 0, predicted), ids.narrow(1, 1, predicted));
}

std::vector<std::shared_ptr<DecoderLinear>> Decoder::linears() const {
    std::vector<std::shared_ptr<DecoderLinear>> list;
    for (const auto& block : blocks_)
        for (auto& layer : block->linears())
            list.push_back(std::move(layer));
    return list;
}

std::string Decoder::linearName(const LinearPlace& place) const {
    const LinearGroup group = groupOf(place.role);
    const bool attention = group == LinearGroup::QueryKeyValue || group == LinearGroup::Out ||
                           place.role == LinearRole::AttentionLinear;
    return fmt::format("model.layers.{}.{}.{}", place.block, attention ? "self_attn" : "mlp",
                       roleName(place.role));
}

void Decoder::setTrainable(bool trainable) {
    for (at::Tensor& parameter : parameters())
        parameter.set_requires_grad(trainable);
}

void Decoder::joinProjections() {
    for (const auto& block : blocks_)
        block->joinProjections();
}

}  // namespace vitrine
