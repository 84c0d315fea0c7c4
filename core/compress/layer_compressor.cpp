#include "core/compress/layer_compressor.h"

#include "core/base/stopwatch.h"
#include "core/compress/column_sweep.h"

namespace vitrine {
namespace {

struct Step {
    at::Tensor weight, mask;
    std::optional<LowBitMatrix> lowBit;
};

Result<at::Tensor> maskOf(const at::Tensor& weight, const LinearStatistics& statistics,
                          const InverseFactor* factor, const CompressionPlan& plan, uint64_t seed) {
    switch (plan.prune) {
        case PruneMethod::Random:
            return randomMask(weight.sizes(), plan.pattern, seed);
        case PruneMethod::Magnitude:
            return magnitudeMask(weight, plan.pattern);
        case PruneMethod::Wanda:
            return wandaMask(weight, statistics.inputNorm(), plan.pattern);
        case PruneMethod::SparseGptMask:
            return sparseGptMask(weight, *factor, plan.pattern);
        default:
            return at::Tensor();
    }
}

// Pruning and rounding; SparseGPT and GPTQ go through the columns together.
Result<Step> pruneAndRound(const at::Tensor& weight, const LinearStatistics& statistics,
                           const InverseFactor* factor, const CompressionPlan& plan, uint64_t seed) {
    Step step;
    step.weight = weight;
    VITRINE_TRY(step.mask, maskOf(weight, statistics, factor, plan, seed));
    const bool gptq = plan.quantization && plan.rounding == RoundingMethod::Gptq;
    if (gptq || plan.prune == PruneMethod::SparseGpt) {
        SweepOptions options;
        if (plan.prune == PruneMethod::SparseGpt)
            options.sparsity = plan.pattern;
        options.fixedMask = step.mask;
        if (gptq)
            options.quantization = plan.quantization;
        const auto swept = sweepColumns(weight, *factor, options);
        if (!swept)
            return fail(swept.error());
        step.weight = swept->weight;
        if (swept->quantized)
            step.lowBit.emplace(*swept->quantized);
        if (swept->mask.defined())
            step.mask = swept->mask;
    } else if (step.mask.defined()) {
        step.weight = weight.masked_fill(step.mask.to(weight.device(), at::kBool).logical_not(), 0);
    }
    if (plan.quantization && !step.lowBit) {
        VITRINE_TRY(step.lowBit, quantize(step.weight, *plan.quantization));
        step.weight = step.lowBit->decode().to(weight.device(), weight.scalar_type());
    }
    return step;
}

Result<void> roundPath(LowRankPath& path, const LowBitFormatSpec& format) {
    VITRINE_TRY(const auto up, quantize(path.up, format));
    VITRINE_TRY(const auto down, quantize(path.down, format));
    path.up = up.decode();
    path.down = down.decode();
    return {};
}

std::vector<int64_t> patternCounts(const at::Tensor& mask) {
    const auto patterns = kernels::sparse24Search(mask.to(at::kFloat), {}, false).flatten().cpu();
    const auto counts = patterns.to(at::kLong).bincount({}, 6);
    const auto* first = counts.const_data_ptr<int64_t>();
    return {first, first + 6};
}

// Bits of low-rank factors that are quantised count as such, though they are saved decoded.
double pathBytes(const LowRankPath& path, const std::optional<LowBitFormatSpec>& format) {
    const double numbers = double(path.up.numel() + path.down.numel());
    return format ? numbers * double(format->codeBits()) / 8 : numbers * 4;
}

}  // namespace

Json LayerReport::json() const {
    Json json{{"name", name},
              {"block", block},
              {"shape", {rows, columns}},
              {"kept", keptPart},
              {"relative_error", relativeError},
              {"uncompensated_error", uncompensatedError},
              {"predicted_error", predictedError},
              {"bits_per_weight", bitsPerWeight},
              {"dead_inputs", deadInputs},
              {"damping", damping},
              {"seconds", seconds}};
    if (!patterns.empty())
        json["patterns"] = patterns;
    if (ranges)
        json["ranges"] = ranges->json();
    return json;
}

Result<CompressedLayer> compressLayer(const std::string& name, const at::Tensor& weight,
                                      const LinearStatistics& statistics, const InverseFactor* factor,
                                      const CompressionPlan& plan, uint64_t seed) {
    const at::NoGradGuard plain;
    CompressedLayer layer;
    LayerReport& report = layer.report;
    const auto run = [&]() -> Result<void> {
        const Stopwatch watch(report.seconds);
        const auto dense = weight.detach();
        if (!dense.isfinite().all().item<bool>())
            return fail(ErrorCode::InvalidArgument, "the weights hold NaN or infinity");
        if (plan.prunes()) {
            VITRINE_TRY_VOID(plan.pattern.checkFits(dense.sizes()));
        }
        VITRINE_TRY(const auto step, pruneAndRound(dense, statistics, factor, plan, seed));
        auto& saved = layer.saved;
        saved.rows = report.rows = dense.size(0);
        saved.columns = report.columns = dense.size(1);
        layer.mask = step.mask;
        layer.weight = step.weight;
        const auto moment =
            statistics.extent() == MomentExtent::Full ? statistics.secondMoment() : statistics.diagonal();
        const auto difference = dense.to(at::kFloat) - step.weight.to(at::kFloat);
        if (plan.quantization)
            report.ranges = weightRanges(dense, step.weight, plan.quantization->groupWidth(dense.size(1)),
                                         statistics.diagonal());
        const double whole = std::max(outputError(dense, moment), 1e-300);
        report.uncompensatedError = report.relativeError = outputError(difference, moment) / whole;
        if (plan.lowRank) {
            VITRINE_TRY(auto path, compensate(difference, statistics, *plan.lowRank, plan.rank));
            report.predictedError = path.predictedError / whole;
            if (plan.adapterFormat) {
                VITRINE_TRY_VOID(roundPath(path, *plan.adapterFormat));
            }
            layer.weight = foldedWeight(step.weight, path);
            report.relativeError =
                outputError(dense.to(at::kFloat) - layer.weight.to(at::kFloat), moment) / whole;
            saved.lowRank = std::move(path);
            if (statistics.extent() == MomentExtent::Full) {
                VITRINE_TRY(layer.spectrum, errorSpectrum(difference, statistics));
            }
        }
        std::optional<CompressedLinear> both;
        if (step.lowBit && plan.pattern.is24() && plan.prunes())
            both = sparseLowBit(step.lowBit->decode(), *step.lowBit);
        if (both) {
            saved.sparse = both->sparse;
            saved.lowBit = both->lowBit;
        } else if (step.lowBit)
            saved.lowBit = step.lowBit;
        else if (plan.pattern.is24() && plan.prunes()) {
            VITRINE_TRY(saved.sparse, pack24(step.weight.cpu()));
        } else
            saved.dense = step.weight.cpu();
        if (step.mask.defined() && plan.pattern.is24())
            report.patterns = patternCounts(step.mask);
        report.keptPart = (step.weight != 0).to(at::kFloat).mean().item<double>();
        CompressedLinear bare = saved;
        bare.lowRank.reset();
        const double bytes =
            double(bare.byteCount()) + (saved.lowRank ? pathBytes(*saved.lowRank, plan.adapterFormat) : 0);
        report.bitsPerWeight = 8 * bytes / double(std::max<int64_t>(1, dense.numel()));
        report.deadInputs = (statistics.diagonal() == 0).sum().item<int64_t>();
        report.damping = factor ? factor->damping : 0;
        report.name = name;
        return {};
    };
    if (const auto done = run(); !done)
        return fail(done.error().in(name));
    return layer;
}

}  // namespace vitrine
