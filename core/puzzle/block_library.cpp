#include "core/puzzle/block_library.h"

#include "core/models/language/decoder_block.h"

namespace vitrine {
namespace {

bool belongs(const std::string& tensor, SubLayer part) {
    const bool attention = tensor.starts_with("self_attn.") || tensor.starts_with("input_layernorm.");
    return attention == (part == SubLayer::Attention);
}

}  // namespace

const PairVariant* LayerVariants::pair(const BlockChoice& choice) const {
    for (const PairVariant& each : pairs)
        if (each.choice == choice)
            return &each;
    return nullptr;
}

LayerSettings BlockLibrary::settings(int64_t layer, int64_t attention, int64_t feedForward) const {
    const LayerVariants& variants = layers.at(size_t(layer));
    return {variants.attention.at(size_t(attention)).settings.attention,
            variants.feedForward.at(size_t(feedForward)).settings.feedForward};
}

Result<void> BlockLibrary::checkModel(const LanguageModel& parent) const {
    if (depth() != parent.config().depth() || modelHash != structureFingerprint(parent))
        return fail(ErrorCode::InvalidArgument, "the library of blocks was made of another model", "library",
                    "Build the library of this model");
    return {};
}

std::shared_ptr<DecoderBlock> makeVariantBlock(const Decoder& parent, int64_t layer,
                                               const PartVariant& attention, const PartVariant& feedForward) {
    const at::NoGradGuard noGrad;
    auto block = parent.makeBlock(layer, {attention.settings.attention, feedForward.settings.feedForward});
    const auto own = parent.block(layer)->named_parameters();
    for (auto& entry : block->named_parameters()) {
        const PartVariant& variant = belongs(entry.key(), SubLayer::Attention) ? attention : feedForward;
        const auto found = variant.weights.find(entry.key());
        const at::Tensor& from = found != variant.weights.end() ? found->second : own[entry.key()];
        entry.value().set_data(from.detach().to(parent.device(), parent.type()).clone());
        entry.value().set_requires_grad(false);
    }
    return block;
}

std::shared_ptr<DecoderBlock> makeVariantBlock(const Decoder& parent, int64_t layer,
                                               const LayerVariants& variants, const BlockChoice& choice,
                                               PartsTaught taught) {
    PartVariant attention = variants.attention.at(size_t(choice.attention));
    PartVariant feedForward = variants.feedForward.at(size_t(choice.feedForward));
    if (const PairVariant* pair = taught == PartsTaught::Together ? variants.pair(choice) : nullptr)
        for (const auto& [name, weight] : pair->weights)
            (belongs(name, SubLayer::Attention) ? attention : feedForward).weights[name] = weight;
    return makeVariantBlock(parent, layer, attention, feedForward);
}

DecoderConfig assembledConfig(const DecoderConfig& parent, const BlockLibrary& library,
                              const std::vector<BlockChoice>& choices) {
    DecoderConfig config = parent;
    for (size_t i = 0; i < choices.size(); ++i)
        config.layers.at(i) = library.settings(int64_t(i), choices[i].attention, choices[i].feedForward);
    return config;
}

Result<std::unique_ptr<LanguageModel>> assemble(const LanguageModel& parent, const BlockLibrary& library,
                                                const std::vector<BlockChoice>& choices, PartsTaught taught) {
    VITRINE_TRY_VOID(library.checkModel(parent));
    if (int64_t(choices.size()) != library.depth())
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} blocks are chosen for {} layers", choices.size(), library.depth()),
                    "choice");
    for (size_t i = 0; i < choices.size(); ++i)
        if (choices[i].attention < 0 || choices[i].attention >= int64_t(library.layers[i].attention.size()) ||
            choices[i].feedForward < 0 ||
            choices[i].feedForward >= int64_t(library.layers[i].feedForward.size()))
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("the library has no pair {} and {}", choices[i].attention,
                                    choices[i].feedForward),
                        fmt::format("layer {}", i));
    auto child = parent.clone();
    child->decoder().setTrainable(false);
    for (size_t i = 0; i < choices.size(); ++i) {
        auto block = makeVariantBlock(parent.decoder(), int64_t(i), library.layers[i], choices[i], taught);
        child->decoder().setBlock(int64_t(i), std::move(block));
        child->decoder().block(int64_t(i))->joinProjections();
    }
    return child;
}

}  // namespace vitrine
