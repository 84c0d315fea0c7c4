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
    explicit FitCollector(int64_t depth) : fits(size_t(2 * depth)) {}
    void onNorm(int64_t, SubLayer, const at::Tensor& y) override { norm_ = y; }
    void onUpdate(int64_t block, SubLayer which, const at::Tensor&, const at::Tensor& update) override {
        fits[size_t(2 * block + int64_t(which))].add(norm_, update);
    }
    std::vector<LinearFit> fits;

  private:
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

// Heads (old·headWidth, ...) averaged in groups to `count` heads.
at::Tensor averagedHeads(const at::Tensor& weight, int64_t old, int64_t count, int64_t headWidth) {
    std::vector<int64_t> shape = weight.sizes().vec();
    std::vector<int64_t> grouped = {count, old / count, headWidth};
    grouped.insert(grouped.end(), shape.begin() + 1, shape.end());
    shape[0] = count * headWidth;
    return weight.reshape(grouped).mean(1).reshape(shape).contiguous();
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
                                fmt::format("{} key/value heads cannot be averaged to {}",
                                            layer.attention.keyValueHeads, heads),
                                fmt::format("settings/key_value_heads, block {}", i),
                                "Take a divisor that is smaller");
        }
        return {};
    }

    LayerVariants layer(int64_t index, const LinearFit& attentionFit, const LinearFit& feedForwardFit) const {
        const DecoderBlock& block = *parent_.decoder().block(index);
        LayerVariants variants;
        PartVariant own;
        own.name = "parent";
        own.settings = block.settings();
        own.weights = partWeights(block, {"self_attn.", "input_layernorm."});
        variants.attention.push_back(own);
        for (const int64_t heads : grid_.keyValueHeads)
            variants.attention.push_back(fewerHeads(own, heads));
        addReplacements(variants.attention, own, attentionFit, grid_.attentionLinear, grid_.attentionNoOp);
        own.part = SubLayer::FeedForward;
        own.weights = partWeights(block, {"mlp.", "post_attention_layernorm."});
        variants.feedForward.push_back(own);
        for (const double share : grid_.neuronShares)
            variants.feedForward.push_back(fewerNeurons(own, index, share));
        addReplacements(variants.feedForward, own, feedForwardFit, grid_.feedForwardLinear,
                        grid_.feedForwardNoOp);
        return variants;
    }

  private:
    static PartVariant fewerHeads(PartVariant variant, int64_t heads) {
        AttentionSettings& a = variant.settings.attention;
        for (const char* role : {"self_attn.k_proj.", "self_attn.v_proj."})
            for (auto& [name, weight] : variant.weights)
                if (name.starts_with(role))
                    weight = averagedHeads(weight, a.keyValueHeads, heads, a.headWidth);
        a.keyValueHeads = heads;
        variant.name = fmt::format("{} key/value head{}", heads, heads == 1 ? "" : "s");
        return variant;
    }

    PartVariant fewerNeurons(PartVariant variant, int64_t index, double share) const {
        FeedForwardSettings& f = variant.settings.feedForward;
        const auto count = std::max<int64_t>(1, std::llround(share * double(f.intermediate)));
        const at::Tensor scores =
            ranking_.neuronScores(index, {Reduction::Mean, Reduction::Mean}, NeuronScore::TimesDownNorm);
        const at::Tensor kept = std::get<1>(scores.sort(true, 0, true)).narrow(0, 0, count);
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

    static void addReplacements(std::vector<PartVariant>& variants, const PartVariant& own,
                                const LinearFit& fit, bool linear, bool noOp) {
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
            std::tie(variant.weights[matrix + "weight"], variant.weights[matrix + "bias"]) = fit.solve();
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
    FitCollector collector(parent.config().depth());
    job.beginStage("first blocks", int64_t(batches.size()));
    for (const at::Tensor& ids : batches) {
        VITRINE_TRY_VOID(job.checkStop());
        parent.decoder().hidden(ids, {.observer = &collector});
        job.advance();
    }
    BlockLibrary library;
    library.modelHash = structureFingerprint(parent);
    for (int64_t i = 0; i < parent.config().depth(); ++i)
        library.layers.push_back(
            starter.layer(i, collector.fits[size_t(2 * i)], collector.fits[size_t(2 * i + 1)]));
    return library;
}

}  // namespace vitrine
