// The sliced model at its full size.
#include "core/models/language/decoder_block.h"
#include "core/structured/slicer.h"

namespace vitrine {
namespace {

// 1 where an index is kept, of n.
at::Tensor keepMask(const at::Tensor& kept, int64_t n) {
    return at::zeros({n}).index_fill_(0, kept, 1.0);
}

void normOver(DecoderNorm& norm, const at::Tensor& kept) {
    norm.replaceForward([kept](const at::Tensor& x, const DecoderNorm& own) {
        const at::Tensor index = kept.to(x.device());
        const at::Tensor some = x.index_select(-1, index), weight = own.weight.index_select(0, index);
        const at::IntArrayRef shape = weight.sizes();
        const at::Tensor y =
            own.kind() == NormKind::LayerNorm1P
                ? at::layer_norm(some, shape, weight + 1, own.bias.index_select(0, index), own.epsilon())
                : at::rms_norm(some, shape, weight, own.epsilon());
        return at::zeros_like(x).index_copy(-1, index, y);
    });
}

void maskPart(DecoderBlock& block, LinearRole into, const at::Tensor& inputs, const at::Tensor& channels,
              bool gone) {
    const auto linear = block.linear(into);
    if (!linear)
        return;
    if (inputs.defined())
        linear->weight.mul_(inputs.to(linear->weight.device()));
    if (channels.defined())
        linear->weight.mul_(channels.to(linear->weight.device()).unsqueeze(1));
    if (gone)
        linear->weight.zero_();
    if (linear->bias.defined()) {
        if (channels.defined())
            linear->bias.mul_(channels.to(linear->bias.device()));
        if (gone)
            linear->bias.zero_();
    }
}

}  // namespace

Result<std::unique_ptr<LanguageModel>> maskedModel(const LanguageModel& model, const SlicePlan& plan) {
    const at::NoGradGuard noGrad;
    VITRINE_TRY_VOID(slicedConfig(model.config(), plan));
    auto masked = model.clone();
    Decoder& decoder = masked->decoder();
    const at::Tensor channels =
        plan.channels.defined() ? keepMask(plan.channels, model.config().width) : at::Tensor();
    std::vector<LayerSlice> layers(size_t(decoder.depth()),
                                   LayerSlice{.attention = false, .feedForward = false});
    for (const LayerSlice& layer : plan.layers)
        layers[size_t(layer.source)] = layer;
    for (int64_t i = 0; i < decoder.depth(); ++i) {
        DecoderBlock& block = *decoder.block(i);
        const LayerSlice& layer = layers[size_t(i)];
        const AttentionSettings& attention = block.settings().attention;
        at::Tensor heads, neurons;
        if (layer.heads.defined() && attention.kind == SubLayerKind::Standard)
            heads = keepMask(layer.heads, attention.queryHeads).repeat_interleave(attention.headWidth);
        if (layer.neurons.defined() && block.settings().feedForward.kind == SubLayerKind::Standard)
            neurons = keepMask(layer.neurons, block.settings().feedForward.intermediate);
        maskPart(block, LinearRole::Out, heads, channels, !layer.attention);
        maskPart(block, LinearRole::AttentionLinear, {}, channels, !layer.attention);
        maskPart(block, LinearRole::Down, neurons, channels, !layer.feedForward);
        maskPart(block, LinearRole::FeedForwardLinear, {}, channels, !layer.feedForward);
        if (plan.channels.defined())
            for (const SubLayer which : {SubLayer::Attention, SubLayer::FeedForward})
                if (const auto& norm = block.norm(which))
                    normOver(*norm, plan.channels);
    }
    if (plan.channels.defined()) {
        decoder.named_parameters()["model.embed_tokens.weight"].mul_(channels.to(decoder.device()));
        for (const auto& entry : decoder.named_modules())
            if (entry.key() == "model.norm")
                normOver(*std::dynamic_pointer_cast<DecoderNorm>(entry.value()), plan.channels);
    }
    decoder.joinProjections();
    return masked;
}

}  // namespace vitrine
