#include "core/structured/emulation.h"

#include "core/compress/low_rank.h"
#include "core/models/language/decoder_block.h"

#include <algorithm>

namespace vitrine {
namespace {

// Moves the weights of `from` into a new block with other settings; what only the new one has is left as it
// is.
std::shared_ptr<DecoderBlock> rebuilt(const Decoder& decoder, int64_t index, const LayerSettings& settings) {
    auto block = decoder.makeBlock(index, settings);
    const auto old = decoder.block(index)->named_parameters();
    for (auto& entry : block->named_parameters()) {
        const at::Tensor* found = old.find(entry.key());
        if (found && found->sizes() == entry.value().sizes())
            entry.value().set_data(found->detach().clone());
        entry.value().set_requires_grad(false);
    }
    return block;
}

class Emulator {
  public:
    Emulator(const LanguageModel& model, const std::vector<at::Tensor>& batches,
             const EmulationOptions& options)
        : options_(options), batches_(batches) {
        result_.model = model.clone();
        result_.model->decoder().setTrainable(false);
    }

    Result<EmulatedModel> run(const std::vector<int64_t>& removed, JobContext& job) {
        Decoder& decoder = result_.model->decoder();
        for (const at::Tensor& ids : batches_)
            streams_.push_back(decoder.embed(ids));
        job.beginStage("fitting stand-ins", decoder.depth());
        for (int64_t i = 0; i < decoder.depth(); ++i) {
            VITRINE_TRY_VOID(job.checkStop());
            const auto gone = [&](int64_t player) {
                return std::find(removed.begin(), removed.end(), player) != removed.end();
            };
            if (options_.players == Players::Blocks) {
                if (gone(i)) {
                    VITRINE_TRY_VOID(replace(i, i, true, true));
                }
            } else if (gone(2 * i) && gone(2 * i + 1)) {
                // Two stand-ins behind one another are fitted as they run.
                VITRINE_TRY_VOID(replace(i, 2 * i, true, false));
                VITRINE_TRY_VOID(replace(i, 2 * i + 1, false, true));
            } else if (gone(2 * i) || gone(2 * i + 1)) {
                VITRINE_TRY_VOID(replace(i, gone(2 * i) ? 2 * i : 2 * i + 1, gone(2 * i), gone(2 * i + 1)));
            }
            for (size_t batch = 0; batch < batches_.size(); ++batch)
                streams_[batch] = decoder.runBlock(i, streams_[batch], decoder.begin(batches_[batch]));
            job.advance();
        }
        return std::move(result_);
    }

  private:
    // The stand-in of a whole block sits where its attention was.
    Result<void> replace(int64_t index, int64_t player, bool attention, bool feedForward) {
        Decoder& decoder = result_.model->decoder();
        const auto block = decoder.block(index);
        std::vector<at::Tensor> fronts, updates;
        for (size_t batch = 0; batch < batches_.size(); ++batch) {
            const DecoderPass pass = decoder.begin(batches_[batch]);
            at::Tensor x = streams_[batch];
            at::Tensor f;
            if (attention && feedForward) {
                f = block->forward(x, pass) - x;
            } else if (attention) {
                f = block->attentionUpdate(x, pass);
            } else {
                if (const at::Tensor before = block->attentionUpdate(x, pass); before.defined())
                    x = x + before;
                f = block->feedForwardUpdate(x, pass);
            }
            fronts.push_back(x.flatten(0, 1));
            updates.push_back(f.defined() ? f.flatten(0, 1) : at::zeros_like(fronts.back()));
        }
        VITRINE_TRY(const AffineUpdate update,
                    fitUpdate(at::cat(fronts), at::cat(updates), options_.rank, options_.ridge));
        LayerSettings settings = block->settings();
        const SubLayerKind kind = options_.rank > 0 ? SubLayerKind::LowRank : SubLayerKind::Constant;
        if (attention) {
            settings.attention.kind = kind;
            settings.attention.rank = options_.rank;
            settings.attention.replacementBias = options_.rank > 0;
        }
        if (feedForward) {
            settings.feedForward.kind = attention ? SubLayerKind::NoOp : kind;
            settings.feedForward.rank = attention ? 0 : options_.rank;
            settings.feedForward.replacementBias = !attention && options_.rank > 0;
        }
        auto made = rebuilt(decoder, index, settings);
        fill(*made, attention, update);
        decoder.setBlock(index, made);
        decoder.block(index)->joinProjections();
        LayerSettings nothing = settings;
        (attention ? nothing.attention.kind : nothing.feedForward.kind) = SubLayerKind::NoOp;
        result_.reports.push_back(
            {player, update.leftByMean, update.leftByMap,
             decoder.config().parameterCount(settings) - decoder.config().parameterCount(nothing)});
        return {};
    }

    void fill(DecoderBlock& block, bool inAttention, const AffineUpdate& update) const {
        const std::string holder = inAttention ? "self_attn." : "mlp.";
        const std::string matrix = holder + (inAttention ? "linear_attn." : "linear_mlp.");
        auto parameters = block.named_parameters();
        const auto put = [&](const std::string& name, const at::Tensor& value) {
            parameters[name].copy_(value);
        };
        if (options_.rank == 0) {
            put(holder + "bias", update.bias);
            return;
        }
        put(holder + "reduce.weight", update.down);
        put(matrix + "weight", update.up);
        put(matrix + "bias", update.bias);
    }

    EmulationOptions options_;
    const std::vector<at::Tensor>& batches_;
    std::vector<at::Tensor> streams_;
    EmulatedModel result_;
};

}  // namespace

Result<AffineUpdate> fitUpdate(const at::Tensor& x, const at::Tensor& f, int64_t rank, double ridge) {
    const at::NoGradGuard noGrad;
    const int64_t width = x.size(1), tokens = x.size(0);
    const at::Tensor front = x.to(at::kCPU, at::kDouble), added = f.to(at::kCPU, at::kDouble);
    const at::Tensor meanFront = front.mean(0), meanAdded = added.mean(0);
    const at::Tensor centred = front - meanFront, rest = added - meanAdded;
    const double energy = std::max(added.square().sum().item<double>(), 1e-30);
    AffineUpdate update;
    update.leftByMean = update.leftByMap = rest.square().sum().item<double>() / energy;
    if (rank == 0) {
        update.bias = meanAdded.to(at::kFloat);
        return update;
    }
    LinearStatistics statistics(width);
    VITRINE_TRY_VOID(statistics.add(centred));
    const at::Tensor moment = statistics.secondMoment().to(at::kDouble);
    const double lambda = std::max(ridge * moment.diagonal().mean().item<double>(), 1e-12);
    const at::Tensor cross = rest.t().matmul(centred) / double(tokens);  // FᵀX
    const at::Tensor damped = moment + lambda * at::eye(width, at::kDouble);
    const at::Tensor map = at::linalg_solve(damped, cross.t()).t();
    VITRINE_TRY(const LowRankPath path, compensate(map, statistics, LowRankMethod::Eora, rank));
    update.up = path.up;
    update.down = path.down;
    const at::Tensor product = path.product().to(at::kDouble);
    update.bias = (meanAdded - product.mv(meanFront)).to(at::kFloat);
    update.leftByMap = (rest - centred.matmul(product.t())).square().sum().item<double>() / energy;
    return update;
}

Result<EmulatedModel> emulateRemoved(const LanguageModel& model, const std::vector<int64_t>& removed,
                                     const std::vector<at::Tensor>& batches, const EmulationOptions& options,
                                     JobContext& job) {
    const at::NoGradGuard noGrad;
    const int64_t width = model.config().width;
    const int64_t players =
        options.players == Players::Blocks ? model.config().depth() : 2 * model.config().depth();
    if (batches.empty())
        return fail(ErrorCode::InvalidArgument, "there is no text to fit stand-ins on", "calibration");
    if (options.rank < 0 || options.rank > width)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("rank {} is larger than the width {} allows", options.rank, width),
                    "settings/emulation", "Choose a smaller rank");
    for (const int64_t player : removed)
        if (player < 0 || player >= players)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("there is no player {} of {}", player, players), "removed");
    return Emulator(model, batches, options).run(removed, job);
}

}  // namespace vitrine
