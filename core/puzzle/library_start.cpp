// Variants as they begin.
#include "core/models/language/decoder_block.h"
#include "core/puzzle/block_library.h"

#include <limits>

namespace vitrine {
namespace {

constexpr double kRidge = 1e-4;  // of the mean of the diagonal

using Weights = std::map<std::string, at::Tensor>;

// Sums for the least-squares fit of an update f on the output n of its norm.
struct LinearFit {
    at::Tensor moment, cross, sumIn, sumOut;
    double tokens = 0;

    void add(const at::Tensor& n, const at::Tensor& f) {
        const at::Tensor x = n.flatten(0, 1).to(at::kCPU, at::kDouble),
                         y = f.flatten(0, 1).to(at::kCPU, at::kDouble);
        const auto plus = [](at::Tensor& sum, const at::Tensor& value) {
            sum = sum.defined() ? sum + value : value;
        };
        plus(moment, x.t().matmul(x));
        plus(cross, y.t().matmul(x));
        plus(sumIn, x.sum(0));
        plus(sumOut, y.sum(0));
        tokens += double(x.size(0));
    }
    // W (d, d) and b (d) of the ridge fit.
    std::pair<at::Tensor, at::Tensor> solve() const {
        const at::Tensor meanIn = sumIn / tokens, meanOut = sumOut / tokens;
        const at::Tensor c = moment / tokens - at::outer(meanIn, meanIn);
        const at::Tensor t = cross / tokens - at::outer(meanOut, meanIn);
        const double ridge = std::max(kRidge * c.diagonal().mean().item<double>(), 1e-12);
        const at::Tensor map = at::linalg_solve(c + ridge * at::eye(c.size(0), at::kDouble), t.t()).t();
        return {map.to(at::kFloat), (meanOut - map.mv(meanIn)).to(at::kFloat)};
    }
};

class FitCollector : public DecoderObserver {
  public:
    // `batches`: how many passes it will see.
    FitCollector(const Decoder& decoder, const VariantGrid& grid, int64_t batches)
        : fits(size_t(2 * decoder.depth())),
          keyValueScores(size_t(decoder.depth())),
          decoder_(decoder),
          scoresHeads_(!grid.keyValueHeads.empty() && grid.keyValueStart == KeyValueStart::Prune) {
        if (!grid.neuronShares.empty() && grid.neuronStart == NeuronStart::Iterative)
            for (int64_t block = 0; block < decoder.depth(); ++block)
                neurons.emplace_back(decoder.block(block)->linear(LinearRole::Down)->weight, batches);
    }
    void onInput(int64_t block, LinearGroup group, const at::Tensor& x) override {
        const DecoderBlock& own = *decoder_.block(block);
        if (scoresHeads_ && group == LinearGroup::Out)
            keyValueScores[size_t(block)].add(x, own.linear(LinearRole::Out)->weight,
                                              own.settings().attention);
        if (!neurons.empty() && group == LinearGroup::Down)
            neurons[size_t(block)].add(x);
    }
    void onNorm(int64_t, SubLayer, const at::Tensor& y) override { norm_ = y; }
    void onUpdate(int64_t block, SubLayer which, const at::Tensor&, const at::Tensor& update) override {
        fits[size_t(2 * block + int64_t(which))].add(norm_, update);
    }
    std::vector<LinearFit> fits;
    std::vector<KeyValueScores> keyValueScores;
    std::vector<IterativeNeurons> neurons;  // empty: not asked for

  private:
    const Decoder& decoder_;
    bool scoresHeads_;
    at::Tensor norm_;
};

Weights partWeights(const DecoderBlock& block, const std::vector<const char*>& prefixes) {
    Weights weights;
    for (const auto& entry : block.named_parameters())
        for (const char* prefix : prefixes)
            if (entry.key().starts_with(prefix))
                weights[entry.key()] = entry.value().detach().clone();
    return weights;
}

class Starter {
  public:
    Starter(const LanguageModel& parent, const StructureRanking& ranking, const VariantGrid& grid)
        : parent_(parent), ranking_(ranking), grid_(grid) {}

    Result<void> check() const {
        VITRINE_TRY_VOID(ranking_.checkModel(parent_));
        for (const double share : grid_.neuronShares)
            if (!(share > 0) || !(share < 1))
                return fail(ErrorCode::InvalidArgument,
                            fmt::format("shares of neurons lie between 0 and 1, found {}", share),
                            "settings/neuron_shares");
        for (int64_t i = 0; i < parent_.config().depth(); ++i) {
            const LayerSettings& layer = parent_.config().layers[size_t(i)];
            if (layer.attention.kind != SubLayerKind::Standard ||
                layer.feedForward.kind != SubLayerKind::Standard)
                return fail(ErrorCode::Unsupported, "the block's parts are replaced already",
                            fmt::format("block {}", i), "Begin with a model of whole blocks");
            for (const int64_t heads : grid_.keyValueHeads)
                if (heads < 1 || heads >= layer.attention.keyValueHeads ||
                    layer.attention.keyValueHeads % heads != 0)
                    return fail(ErrorCode::InvalidArgument,
                                fmt::format("{} key/value heads cannot become {}",
                                            layer.attention.keyValueHeads, heads),
                                fmt::format("settings/key_value_heads, block {}", i),
                                "Take a divisor that is smaller");
        }
        return {};
    }

    LayerVariants layer(int64_t index, const FitCollector& collected) const {
        const LinearFit &attentionFit = collected.fits[size_t(2 * index)],
                        &feedForwardFit = collected.fits[size_t(2 * index + 1)];
        const DecoderBlock& block = *parent_.decoder().block(index);
        LayerVariants variants;
        PartVariant own;
        own.name = "parent";
        own.settings = block.settings();
        own.weights = partWeights(block, {"self_attn.", "input_layernorm."});
        variants.attention.push_back(own);
        for (const int64_t heads : grid_.keyValueHeads)
            variants.attention.push_back(
                fewerHeads(own, heads, collected.keyValueScores[size_t(index)].scores()));
        addReplacements(variants.attention, own, attentionFit, grid_.attentionLinear, grid_.attentionNoOp);
        own.part = SubLayer::FeedForward;
        own.weights = partWeights(block, {"mlp.", "post_attention_layernorm."});
        variants.feedForward.push_back(own);
        const at::Tensor order = neuronOrder(index, collected);
        for (const double share : grid_.neuronShares)
            variants.feedForward.push_back(fewerNeurons(own, order, share));
        addReplacements(variants.feedForward, own, feedForwardFit, grid_.feedForwardLinear,
                        grid_.feedForwardNoOp);
        return variants;
    }

  private:
    PartVariant fewerHeads(PartVariant variant, int64_t heads, const at::Tensor& scores) const {
        keepKeyValueHeads(variant.settings.attention, variant.weights, heads, grid_.keyValueStart, scores);
        variant.name = fmt::format("{} key/value head{}", heads, heads == 1 ? "" : "s");
        if (grid_.keyValueStart != KeyValueStart::Average)
            variant.name += fmt::format(" ({})", keyValueStartName(grid_.keyValueStart));
        return variant;
    }

    // The most important first.
    at::Tensor neuronOrder(int64_t index, const FitCollector& collected) const {
        if (!collected.neurons.empty())
            return collected.neurons[size_t(index)].order().flip(0);
        return std::get<1>(
            ranking_.neuronScores(index, {Reduction::Mean, Reduction::Mean}, NeuronScore::TimesDownNorm)
                .sort(true, 0, true));
    }

    PartVariant fewerNeurons(PartVariant variant, const at::Tensor& order, double share) const {
        FeedForwardSettings& f = variant.settings.feedForward;
        const auto count = std::max<int64_t>(1, std::llround(share * double(f.intermediate)));
        const at::Tensor kept = order.narrow(0, 0, count);
        for (auto& [name, weight] : variant.weights) {
            if (name == "mlp.down_proj.weight")
                weight = weight.index_select(1, kept.to(weight.device()));
            else if (name.starts_with("mlp.up_proj.") || name.starts_with("mlp.gate_proj."))
                weight = weight.index_select(0, kept.to(weight.device()));
        }
        f.intermediate = count;
        variant.name = fmt::format("{:.0f} % neurons", 100 * share);
        return variant;
    }

    void addReplacements(std::vector<PartVariant>& variants, const PartVariant& own, const LinearFit& fit,
                         bool linear, bool noOp) const {
        const bool attention = own.part == SubLayer::Attention;
        const auto setKind = [&](PartVariant& variant, SubLayerKind kind) {
            (attention ? variant.settings.attention.kind : variant.settings.feedForward.kind) = kind;
        };
        if (linear) {
            PartVariant variant = own;
            variant.name = "linear";
            setKind(variant, SubLayerKind::Linear);
            (attention ? variant.settings.attention.replacementBias
                       : variant.settings.feedForward.replacementBias) = true;
            std::erase_if(variant.weights, [](const auto& entry) {
                return entry.first.find("layernorm") == std::string::npos;
            });
            const std::string matrix = attention ? "self_attn.linear_attn." : "mlp.linear_mlp.";
            std::tie(variant.weights[matrix + "weight"], variant.weights[matrix + "bias"]) =
                grid_.linearStart == LinearStart::Fit ? fit.solve()
                : attention                           ? productOf(own.weights, own.settings.attention)
                                                      : productOf(own.weights, own.settings.feedForward);
            variants.push_back(std::move(variant));
        }
        if (noOp) {
            PartVariant variant = own;
            variant.name = "none";
            setKind(variant, SubLayerKind::NoOp);
            variant.weights.clear();
            variants.push_back(std::move(variant));
        }
    }

    const LanguageModel& parent_;
    const StructureRanking& ranking_;
    const VariantGrid& grid_;
};

}  // namespace

Result<BlockLibrary> startLibrary(const LanguageModel& parent, const StructureRanking& ranking,
                                  const VariantGrid& grid, const std::vector<at::Tensor>& batches,
                                  JobContext& job) {
    const at::NoGradGuard noGrad;
    const Starter starter(parent, ranking, grid);
    VITRINE_TRY_VOID(starter.check());
    if (batches.empty())
        return fail(ErrorCode::InvalidArgument, "there is no text to build the blocks on", "calibration");
    FitCollector collector(parent.decoder(), grid, int64_t(batches.size()));
    job.beginStage("first blocks", int64_t(batches.size()));
    for (const at::Tensor& ids : batches) {
        VITRINE_TRY_VOID(job.checkStop());
        parent.decoder().hidden(ids, {.observer = &collector});
        job.advance();
    }
    BlockLibrary library;
    library.modelHash = structureFingerprint(parent);
    for (int64_t i = 0; i < parent.config().depth(); ++i)
        library.layers.push_back(starter.layer(i, collector));
    return library;
}

}  // namespace vitrine
