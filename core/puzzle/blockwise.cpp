// Blockwise local distillation: parts alone, or both parts of a layer together.
#include "core/distill/optimizer.h"
#include "core/distill/random_stream.h"
#include "core/models/language/decoder_block.h"
#include "core/puzzle/block_library.h"

#include <cmath>
#include <limits>

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

// The lessons of one layer.
struct Lessons {
    const Decoder& parent;
    int64_t layer;
    const std::vector<at::Tensor>& batches;
    const std::vector<ParentActivations>& activations;
    const BlockwiseOptions& options;
    JobContext& job;
};

// A block learns to do what the parent's does; a part that does not learn is the parent's own, frozen.
class BlockLesson {
  public:
    BlockLesson(const Decoder& parent, std::shared_ptr<DecoderBlock> block, bool attentionLearns,
                bool feedForwardLearns)
        : parent_(parent), attentionLearns_(attentionLearns), block_(std::move(block)) {
        for (auto& entry : block_->named_parameters()) {
            const bool ofAttention =
                entry.key().starts_with("self_attn.") || entry.key().starts_with("input_layernorm.");
            if (!(ofAttention ? attentionLearns : feedForwardLearns))
                continue;
            entry.value().set_requires_grad(true);
            parameters_.push_back({entry.key(), entry.value(), 1.0, entry.value().dim() >= 2});
        }
    }

    // Mean squared error of the block's output over the parent's mean squared update.
    at::Tensor loss(const ParentActivations& parent, const DecoderPass& pass) const {
        at::Tensor error;
        if (attentionLearns_) {
            error = block_->forward(parent.in, pass) - parent.out;
        } else {  // what the frozen attention gives is known
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
    bool attentionLearns_;
    std::shared_ptr<DecoderBlock> block_;
    std::vector<OptimizedParameter> parameters_;
};

struct Learnt {
    double errorBefore = 0, errorAfter = 0;
    int64_t steps = 0;
    std::map<std::string, at::Tensor> weights;  // empty: the lesson did not make it better
};

Result<Learnt> teach(const BlockLesson& lesson, const std::string& name, const Lessons& lessons) {
    Learnt learnt;
    const BlockwiseOptions& options = lessons.options;
    const size_t checked = std::min<size_t>(lessons.batches.size(), 4);
    const std::vector<at::Tensor> some(lessons.batches.begin(), lessons.batches.begin() + long(checked));
    learnt.errorBefore = learnt.errorAfter = lesson.meanLoss(lessons.activations, some);
    if (lesson.parameters().empty() || options.steps == 0)
        return learnt;
    Optimizer optimizer(lesson.parameters(), {.kind = OptimizerKind::AdamW, .beta2 = 0.95, .weightDecay = 0});
    for (int64_t step = 0; step < options.steps; ++step) {
        VITRINE_TRY_VOID(lessons.job.checkStop());
        const size_t batch = randomHash(options.seed, step, "blockwise batch") % lessons.batches.size();
        optimizer.clearGradients();
        lesson.loss(lessons.activations[batch], lessons.parent.begin(lessons.batches[batch])).backward();
        const double norm = optimizer.clipGradients(options.clipNorm);
        if (!std::isfinite(norm))
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("the gradient is not finite at step {}", step + 1),
                        fmt::format("layer {}, {}", lessons.layer, name), "Lower the learning rate");
        optimizer.step(cosineRate(step, options.steps / 10, options.steps, options.learningRate,
                                  options.learningRate / 10));
    }
    learnt.steps = options.steps;
    const double after = lesson.meanLoss(lessons.activations, some);
    // A lesson that made it worse (too short, too fast) is not kept.
    if (after > learnt.errorBefore)
        return learnt;
    learnt.errorAfter = after;
    for (const OptimizedParameter& parameter : lesson.parameters())
        learnt.weights[parameter.name] = parameter.tensor.detach().clone();
    return learnt;
}

// Of one part, the other being the parent's own.
Result<void> teachPart(const LayerVariants& layer, PartVariant& variant, const Lessons& lessons) {
    const bool attention = variant.part == SubLayer::Attention;
    auto block = attention
                     ? makeVariantBlock(lessons.parent, lessons.layer, variant, layer.feedForward.front())
                     : makeVariantBlock(lessons.parent, lessons.layer, layer.attention.front(), variant);
    const BlockLesson lesson(lessons.parent, std::move(block), attention, !attention);
    VITRINE_TRY(const Learnt learnt, teach(lesson, variant.name, lessons));
    variant.errorBefore = learnt.errorBefore;
    variant.errorAfter = learnt.errorAfter;
    variant.steps += learnt.steps;
    for (const auto& [name, weight] : learnt.weights)
        variant.weights[name] = weight;
    return {};
}

Result<PairVariant> teachPair(const LayerVariants& layer, const BlockChoice& choice, const Lessons& lessons) {
    const PartVariant &attention = layer.attention.at(size_t(choice.attention)),
                      &feedForward = layer.feedForward.at(size_t(choice.feedForward));
    const BlockLesson lesson(lessons.parent,
                             makeVariantBlock(lessons.parent, lessons.layer, attention, feedForward),
                             choice.attention != 0, choice.feedForward != 0);
    VITRINE_TRY(Learnt learnt, teach(lesson, attention.name + " with " + feedForward.name, lessons));
    return PairVariant{choice,
                       std::move(learnt.weights),
                       learnt.errorBefore,
                       learnt.errorAfter,
                       learnt.steps,
                       std::numeric_limits<double>::quiet_NaN()};
}

}  // namespace

Result<void> distilLayer(const LanguageModel& parent, int64_t layer, const std::vector<at::Tensor>& batches,
                         const BlockwiseOptions& options, BlockLibrary& library, JobContext& job) {
    VITRINE_TRY_VOID(library.checkModel(parent));
    const auto activations = activationsOf(parent.decoder(), layer, batches);
    const Lessons lessons{parent.decoder(), layer, batches, activations, options, job};
    LayerVariants& variants = library.layers.at(size_t(layer));
    const LayerVariants fixed = variants;
    for (auto* parts : {&variants.attention, &variants.feedForward})
        for (size_t i = 1; i < parts->size(); ++i) {
            VITRINE_TRY_VOID(teachPart(fixed, (*parts)[i], lessons));
            job.advance();
        }
    return {};
}

Result<void> distilPairs(const LanguageModel& parent, int64_t layer, const std::vector<BlockChoice>& choices,
                         const std::vector<at::Tensor>& batches, const BlockwiseOptions& options,
                         BlockLibrary& library, JobContext& job) {
    VITRINE_TRY_VOID(library.checkModel(parent));
    const auto activations = activationsOf(parent.decoder(), layer, batches);
    const Lessons lessons{parent.decoder(), layer, batches, activations, options, job};
    LayerVariants& variants = library.layers.at(size_t(layer));
    for (const BlockChoice& choice : choices) {
        if (choice == BlockChoice{})
            continue;  // the parent's own
        VITRINE_TRY(PairVariant pair, teachPair(variants, choice, lessons));
        std::erase_if(variants.pairs, [&](const PairVariant& each) { return each.choice == choice; });
        variants.pairs.push_back(std::move(pair));
        job.advance();
    }
    return {};
}

}  // namespace vitrine
