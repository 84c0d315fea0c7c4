#include "core/models/language/decoder_block.h"

#include "core/models/language/decoder_attention.h"
#include "core/models/language/rotary_tables.h"

namespace vitrine {
namespace {

bool wantsOutputs(const DecoderPass& pass) {
    return pass.options.observer && pass.options.observer->wantsOutputs();
}

at::Tensor product(const DecoderLinear& layer, const at::Tensor& x, const DecoderPass& pass) {
    at::Tensor y = layer.forward(x);
    if (wantsOutputs(pass))
        pass.options.observer->onOutput(layer.place(), y);
    return y;
}

// Whether projections of one input may be computed as one product.
bool mayJoin(const DecoderPass& pass, std::initializer_list<const DecoderLinear*> layers) {
    if (wantsOutputs(pass))
        return false;
    for (const DecoderLinear* layer : layers)
        if (layer->replaced() || (at::GradMode::is_enabled() && layer->weight.requires_grad()))
            return false;
    return true;
}

void tellInput(const DecoderPass& pass, int64_t block, LinearGroup group, const at::Tensor& x) {
    if (pass.options.observer)
        pass.options.observer->onInput(block, group, x);
}

std::vector<std::shared_ptr<nn::Linear>> partsOf(
    std::initializer_list<std::shared_ptr<DecoderLinear>> layers) {
    return {layers.begin(), layers.end()};
}

}  // namespace

struct DecoderBlock::Heads {
    at::Tensor query, key, value;  // (B, heads, T, d)
};

DecoderBlock::DecoderBlock(const DecoderConfig& config, const LayerSettings& settings, int64_t index)
    : settings_(settings), index_(index) {
    makeAttention(config);
    makeFeedForward(config);
}

void DecoderBlock::makeAttention(const DecoderConfig& config) {
    const AttentionSettings& a = settings_.attention;
    if (a.kind == SubLayerKind::NoOp)
        return;
    if (a.kind != SubLayerKind::LowRank && a.kind != SubLayerKind::Constant)
        attentionNorm_ = register_module(
            "input_layernorm", std::make_shared<DecoderNorm>(config.norm, config.width, config.epsilon));
    if (a.kind != SubLayerKind::Standard) {
        attentionReplacement_ =
            makeReplacement(SubLayer::Attention, a.kind, a.rank, a.replacementBias, config.width);
        return;
    }
    const auto holder = register_module("self_attn", std::make_shared<torch::nn::Module>());
    const auto make = [&](LinearRole role, int64_t in, int64_t out, bool bias) {
        return holder->register_module(
            roleName(role), std::make_shared<DecoderLinear>(LinearPlace{index_, role}, in, out, bias));
    };
    const int64_t queryWidth = a.queryHeads * a.headWidth, keyWidth = a.keyValueHeads * a.headWidth;
    query_ = make(LinearRole::Query, config.width, queryWidth, a.queryKeyValueBias);
    key_ = make(LinearRole::Key, config.width, keyWidth, a.queryKeyValueBias);
    value_ = make(LinearRole::Value, config.width, keyWidth, a.queryKeyValueBias);
    out_ = make(LinearRole::Out, queryWidth, config.width, a.outBias);
    if (a.queryKeyNorm) {
        queryNorm_ = holder->register_module(
            "q_norm", std::make_shared<DecoderNorm>(NormKind::Rms, a.headWidth, config.epsilon));
        keyNorm_ = holder->register_module(
            "k_norm", std::make_shared<DecoderNorm>(NormKind::Rms, a.headWidth, config.epsilon));
    }
    joinedQueryKeyValue_ = nn::JoinedLinear(partsOf({query_, key_, value_}));
}

void DecoderBlock::makeFeedForward(const DecoderConfig& config) {
    const FeedForwardSettings& f = settings_.feedForward;
    if (f.kind == SubLayerKind::NoOp)
        return;
    if (f.kind != SubLayerKind::LowRank && f.kind != SubLayerKind::Constant)
        feedForwardNorm_ =
            register_module("post_attention_layernorm",
                            std::make_shared<DecoderNorm>(config.norm, config.width, config.epsilon));
    if (f.kind != SubLayerKind::Standard) {
        feedForwardReplacement_ =
            makeReplacement(SubLayer::FeedForward, f.kind, f.rank, f.replacementBias, config.width);
        return;
    }
    const auto holder = register_module("mlp", std::make_shared<torch::nn::Module>());
    const auto make = [&](LinearRole role, int64_t in, int64_t out) {
        return holder->register_module(
            roleName(role), std::make_shared<DecoderLinear>(LinearPlace{index_, role}, in, out, f.bias));
    };
    if (f.gated)
        gate_ = make(LinearRole::Gate, config.width, f.intermediate);
    up_ = make(LinearRole::Up, config.width, f.intermediate);
    down_ = make(LinearRole::Down, f.intermediate, config.width);
    activation_ = nn::activationByName(f.activation);
    if (f.gated)
        joinedGateUp_ = nn::JoinedLinear(partsOf({gate_, up_}));
}

DecoderBlock::Replacement DecoderBlock::makeReplacement(SubLayer which, SubLayerKind kind, int64_t rank,
                                                        bool bias, int64_t width) {
    const bool attention = which == SubLayer::Attention;
    const LinearRole role = attention ? LinearRole::AttentionLinear : LinearRole::FeedForwardLinear;
    const auto holder =
        register_module(attention ? "self_attn" : "mlp", std::make_shared<torch::nn::Module>());
    Replacement result;
    if (kind == SubLayerKind::Constant) {
        result.constant = holder->register_parameter("bias", at::empty({width}, at::kFloat));
        return result;
    }
    const int64_t inner = kind == SubLayerKind::LowRank ? rank : width;
    if (kind == SubLayerKind::LowRank)
        result.reduce = holder->register_module("reduce", std::make_shared<nn::Linear>(width, rank, false));
    result.matrix = holder->register_module(
        roleName(role), std::make_shared<DecoderLinear>(LinearPlace{index_, role}, inner, width, bias));
    return result;
}

void DecoderBlock::setIndex(int64_t index) {
    index_ = index;
    for (const auto& layer : linears())
        layer->setBlock(index);
}

std::vector<std::shared_ptr<DecoderLinear>> DecoderBlock::linears() const {
    std::vector<std::shared_ptr<DecoderLinear>> list;
    for (const auto* layer : {&query_, &key_, &value_, &out_, &attentionReplacement_.matrix, &gate_, &up_,
                              &down_, &feedForwardReplacement_.matrix})
        if (*layer)
            list.push_back(*layer);
    return list;
}

std::shared_ptr<DecoderLinear> DecoderBlock::linear(LinearRole role) const {
    for (const auto& layer : linears())
        if (layer->place().role == role)
            return layer;
    return nullptr;
}

void DecoderBlock::joinProjections() {
    if (query_)
        joinedQueryKeyValue_.join();
    if (gate_)
        joinedGateUp_.join();
}

at::Tensor DecoderBlock::forward(const at::Tensor& x, const DecoderPass& pass) const {
    DecoderObserver* observer = pass.options.observer;
    at::Tensor stream = x;
    for (const SubLayer which : {SubLayer::Attention, SubLayer::FeedForward}) {
        const at::Tensor added =
            which == SubLayer::Attention ? attentionUpdate(stream, pass) : feedForwardUpdate(stream, pass);
        if (!added.defined())
            continue;
        if (observer)
            observer->onUpdate(index_, which, stream, added);
        stream = stream + added;
    }
    if (observer)
        observer->onBlock(index_, x, stream);
    return stream;
}

at::Tensor DecoderBlock::attentionUpdate(const at::Tensor& x, const DecoderPass& pass) const {
    return update(SubLayer::Attention, settings_.attention.kind, x, pass);
}

at::Tensor DecoderBlock::feedForwardUpdate(const at::Tensor& x, const DecoderPass& pass) const {
    return update(SubLayer::FeedForward, settings_.feedForward.kind, x, pass);
}

at::Tensor DecoderBlock::update(SubLayer which, SubLayerKind kind, const at::Tensor& x,
                                const DecoderPass& pass) const {
    const bool attention = which == SubLayer::Attention;
    const Replacement& replacement = attention ? attentionReplacement_ : feedForwardReplacement_;
    if (kind == SubLayerKind::NoOp)
        return {};
    if (kind == SubLayerKind::Constant)
        return replacement.constant.expand_as(x);
    at::Tensor input = x;
    if (const auto& before = norm(which)) {
        input = before->forward(x);
        if (pass.options.observer)
            pass.options.observer->onNorm(index_, which, input);
    }
    if (kind == SubLayerKind::Standard)
        return attention ? attend(input, pass) : feed(input, pass);
    if (replacement.reduce)
        input = replacement.reduce->forward(input);
    tellInput(pass, index_, LinearGroup::Replacement, input);
    return product(*replacement.matrix, input, pass);
}

DecoderBlock::Heads DecoderBlock::heads(const at::Tensor& normed, const DecoderPass& pass) const {
    const AttentionSettings& a = settings_.attention;
    const int64_t batch = normed.size(0), length = normed.size(1);
    const bool joined = mayJoin(pass, {query_.get(), key_.get(), value_.get()});
    const auto split = [&](const at::Tensor& y, int64_t count) {
        return y.reshape({batch, length, count, a.headWidth});
    };
    at::Tensor query, key, value;
    if (joined) {
        const at::Tensor all =
            split(joinedQueryKeyValue_.forward(normed), a.queryHeads + 2 * a.keyValueHeads);
        value = all.narrow(2, a.queryHeads + a.keyValueHeads, a.keyValueHeads);
        at::Tensor turned = all.narrow(2, 0, a.queryHeads + a.keyValueHeads);
        if (!a.queryKeyNorm)
            turned = rotate(turned, pass.cosine, pass.sine, !turned.requires_grad());
        query = turned.narrow(2, 0, a.queryHeads);
        key = turned.narrow(2, a.queryHeads, a.keyValueHeads);
    } else {
        query = split(product(*query_, normed, pass), a.queryHeads);
        key = split(product(*key_, normed, pass), a.keyValueHeads);
        value = split(product(*value_, normed, pass), a.keyValueHeads);
    }
    if (a.queryKeyNorm) {
        query = queryNorm_->forward(query);
        key = keyNorm_->forward(key);
    }
    if (!joined || a.queryKeyNorm) {
        // What an observer has seen must stay as it was.
        const bool fresh = a.queryKeyNorm && !query.requires_grad();
        query = rotate(query, pass.cosine, pass.sine, fresh);
        key = rotate(key, pass.cosine, pass.sine, fresh);
    }
    return {query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)};
}

at::Tensor DecoderBlock::attend(const at::Tensor& normed, const DecoderPass& pass) const {
    DecoderObserver* observer = pass.options.observer;
    tellInput(pass, index_, LinearGroup::QueryKeyValue, normed);
    Heads parts = heads(normed, pass);
    if (pass.options.cache)
        std::tie(parts.key, parts.value) = pass.options.cache->append(index_, parts.key, parts.value);
    const bool mapped = observer && observer->wantsAttention(index_);
    at::Tensor probabilities;
    const at::Tensor mixed = decoderAttention(parts.query, parts.key, parts.value, settings_.attention, pass,
                                              mapped ? &probabilities : nullptr);
    if (mapped)
        observer->onAttention(index_, probabilities);
    tellInput(pass, index_, LinearGroup::Out, mixed);
    return product(*out_, mixed, pass);
}

at::Tensor DecoderBlock::feed(const at::Tensor& normed, const DecoderPass& pass) const {
    tellInput(pass, index_, LinearGroup::GateUp, normed);
    at::Tensor neurons;
    if (!gate_) {
        neurons = activation_(product(*up_, normed, pass));
    } else if (mayJoin(pass, {gate_.get(), up_.get()})) {
        const int64_t count = settings_.feedForward.intermediate;
        const at::Tensor both = joinedGateUp_.forward(normed);
        const at::Tensor up = both.narrow(2, count, count);
        neurons = activation_(both.narrow(2, 0, count));
        neurons = at::GradMode::is_enabled() && both.requires_grad() ? neurons * up : neurons.mul_(up);
    } else {
        neurons = activation_(product(*gate_, normed, pass)) * product(*up_, normed, pass);
    }
    tellInput(pass, index_, LinearGroup::Down, neurons);
    return product(*down_, neurons, pass);
}

}  // namespace vitrine
