// Blockwise local distillation and replace-one scores.
#include "core/distill/optimizer.h"
#include "core/distill/random_stream.h"
#include "core/language/language_distiller.h"
#include "core/models/language/decoder_block.h"
#include "core/puzzle/block_library.h"

#include <cmath>

namespace vitrine {
namespace {

// What the parent's block does with one batch.
struct ParentActivations {
    at::Tensor in, middle, out;  // streams in front, between the parts, behind (B, T, width)
};

std::vector<ParentActivations> activationsOf(const Decoder& parent, int64_t layer,
                                             const std::vector<at::Tensor>& batches) {
    const at::NoGradGuard noGrad;
    std::vector<ParentActivations> list;
    for (const at::Tensor& ids : batches) {
        const DecoderPass pass = parent.begin(ids);
        at::Tensor x = parent.embed(ids);
        for (int64_t i = 0; i < layer; ++i)
            x = parent.runBlock(i, x, pass);
        ParentActivations one;
        one.in = x;
        one.middle = x + parent.block(layer)->attentionUpdate(x, pass);
        one.out = one.middle + parent.block(layer)->feedForwardUpdate(one.middle, pass);
        list.push_back(std::move(one));
    }
    return list;
}

// One variant of one part learns what the parent's does, the other part being the parent's own, frozen.
class VariantLesson {
  public:
    VariantLesson(const Decoder& parent, int64_t layer, const LayerVariants& layerVariants,
                  const PartVariant& variant)
        : parent_(parent), attention_(variant.part == SubLayer::Attention) {
        block_ = attention_ ? makeVariantBlock(parent, layer, variant, layerVariants.feedForward.front())
                            : makeVariantBlock(parent, layer, layerVariants.attention.front(), variant);
        for (auto& entry : block_->named_parameters()) {
            const bool ofAttention =
                entry.key().starts_with("self_attn.") || entry.key().starts_with("input_layernorm.");
            if (ofAttention != attention_)
                continue;
            entry.value().set_requires_grad(true);
            parameters_.push_back({entry.key(), entry.value(), 1.0, entry.value().dim() >= 2});
        }
    }

    // Mean squared error of the block's output over the parent's mean squared update.
    at::Tensor loss(const ParentActivations& parent, const DecoderPass& pass) const {
        at::Tensor error;
        if (attention_) {
            error = block_->forward(parent.in, pass) - parent.out;
        } else {
            const at::Tensor update = block_->feedForwardUpdate(parent.middle, pass);
            error = parent.middle - parent.out;
            if (update.defined())
                error = error + update;
        }
        return error.square().mean() / ((parent.out - parent.in).square().mean() + 1e-6);
    }

    double meanLoss(const std::vector<ParentActivations>& activations,
                    const std::vector<at::Tensor>& batches) const {
        const at::NoGradGuard noGrad;
        double sum = 0;
        for (size_t i = 0; i < batches.size(); ++i)
            sum += loss(activations[i], parent_.begin(batches[i])).item<double>();
        return sum / double(batches.size());
    }

    const std::vector<OptimizedParameter>& parameters() const { return parameters_; }

  private:
    const Decoder& parent_;
    bool attention_;
    std::shared_ptr<DecoderBlock> block_;
    std::vector<OptimizedParameter> parameters_;
};

Result<void> teach(const Decoder& parent, int64_t layer, const LayerVariants& layerVariants,
                   PartVariant& variant, const std::vector<ParentActivations>& activations,
                   const std::vector<at::Tensor>& batches, const BlockwiseOptions& options, JobContext& job) {
    const VariantLesson lesson(parent, layer, layerVariants, variant);
    const size_t checked = std::min<size_t>(batches.size(), 4);
    const std::vector<at::Tensor> some(batches.begin(), batches.begin() + long(checked));
    variant.errorBefore = variant.errorAfter = lesson.meanLoss(activations, some);
    if (lesson.parameters().empty() || options.steps == 0)
        return {};
    Optimizer optimizer(lesson.parameters(), {.kind = OptimizerKind::AdamW, .beta2 = 0.95, .weightDecay = 0});
    for (int64_t step = 0; step < options.steps; ++step) {
        VITRINE_TRY_VOID(job.checkStop());
        const size_t batch = randomHash(options.seed, step, "blockwise batch") % batches.size();
        optimizer.clearGradients();
        lesson.loss(activations[batch], parent.begin(batches[batch])).backward();
        const double norm = optimizer.clipGradients(options.clipNorm);
        if (!std::isfinite(norm))
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("the gradient is not finite at step {}", step + 1),
                        fmt::format("layer {}, {}", layer, variant.name), "Lower the learning rate");
        optimizer.step(cosineRate(step, options.steps / 10, options.steps, options.learningRate,
                                  options.learningRate / 10));
    }
    variant.errorAfter = lesson.meanLoss(activations, some);
    variant.steps = options.steps;
    // A lesson that made it worse (too short, too fast) is not kept.
    if (variant.errorAfter > variant.errorBefore) {
        variant.errorAfter = variant.errorBefore;
        return {};
    }
    for (const OptimizedParameter& parameter : lesson.parameters())
        variant.weights[parameter.name] = parameter.tensor.detach().clone();
    return {};
}

}  // namespace

Result<void> distilLayer(const LanguageModel& parent, int64_t layer, const std::vector<at::Tensor>& batches,
                         const BlockwiseOptions& options, BlockLibrary& library, JobContext& job) {
    VITRINE_TRY_VOID(library.checkModel(parent));
    const auto activations = activationsOf(parent.decoder(), layer, batches);
    LayerVariants& variants = library.layers.at(size_t(layer));
    const LayerVariants fixed = variants;
    for (auto* parts : {&variants.attention, &variants.feedForward})
        for (size_t i = 1; i < parts->size(); ++i) {
            VITRINE_TRY_VOID(
                teach(parent.decoder(), layer, fixed, (*parts)[i], activations, batches, options, job));
            job.advance();
        }
    return {};
}

Result<void> scoreLayer(const LanguageModel& parent, int64_t layer, const std::vector<at::Tensor>& windows,
                        BlockLibrary& library, JobContext& job) {
    const at::NoGradGuard noGrad;
    VITRINE_TRY_VOID(library.checkModel(parent));
    const Decoder& decoder = parent.decoder();
    LayerVariants& variants = library.layers.at(size_t(layer));
    const auto rows = int64_t(variants.attention.size()), columns = int64_t(variants.feedForward.size());
    variants.scores = at::zeros({rows, columns}, at::kDouble);
    for (const at::Tensor& ids : windows) {
        const DecoderPass pass = decoder.begin(ids);
        at::Tensor front = decoder.embed(ids);
        for (int64_t i = 0; i < layer; ++i)
            front = decoder.runBlock(i, front, pass);
        const auto logitsFrom = [&](at::Tensor x) {
            for (int64_t i = layer + 1; i < decoder.depth(); ++i)
                x = decoder.runBlock(i, x, pass);
            return decoder.head(decoder.finalNorm(x)).flatten(0, 1);
        };
        const at::Tensor target = logitsFrom(decoder.runBlock(layer, front, pass));
        for (int64_t i = 0; i < rows; ++i)
            for (int64_t j = 0; j < columns; ++j) {
                if (i == 0 && j == 0)
                    continue;
                VITRINE_TRY_VOID(job.checkStop());
                const auto block = makeVariantBlock(decoder, layer, variants.attention[size_t(i)],
                                                    variants.feedForward[size_t(j)]);
                const at::Tensor logits = logitsFrom(block->forward(front, pass));
                variants.scores[i][j] +=
                    logitDistance(logits, target, {}).item<double>() / double(windows.size());
            }
    }
    return {};
}

}  // namespace vitrine
