#include "core/compress/plan_cost.h"

#include "core/compress/low_rank.h"

#include <algorithm>

namespace vitrine {
namespace {

double lowBitBytes(const LowBitFormatSpec& spec, int64_t rows, int64_t columns, int64_t groupWidth) {
    const int64_t groups = (columns + groupWidth - 1) / groupWidth;
    const double codes = double(rows) * double((columns * spec.codeBits() + 7) / 8);
    if (spec.format == LowBitFormat::Nvfp4)
        return codes + double(rows * groups) + 4;
    if (spec.perTensor)
        return codes + 4;
    return codes + double(rows * groups) * (spec.hasZeros() ? 5 : 4);
}

// Four bits a group of four, in words of 16 bits.
double metadataBytes(int64_t rows, int64_t columns) {
    return double(rows) * double((columns / 4 + 3) / 4) * 2;
}

// Codes of the kept values alone, where scales fall into whole groups of four (sparseLowBit).
bool packsKeptCodes(const LowBitFormatSpec& spec, int64_t columns) {
    return spec.format != LowBitFormat::Nvfp4 && spec.group % 4 == 0 && columns % 4 == 0;
}

double layerBytes(const CompressionPlan& plan, const LayerShape& layer, int64_t bytesPerWeight) {
    const int64_t rows = layer.rows, columns = layer.columns;
    const bool sparse = plan.prunes() && plan.pattern.is24();
    if (plan.quantization) {
        const LowBitFormatSpec& spec = *plan.quantization;
        if (!sparse || !packsKeptCodes(spec, columns))
            return lowBitBytes(spec, rows, columns, spec.groupWidth(columns));
        const int64_t width = spec.group == 0 ? std::max<int64_t>(columns / 2, 1) : spec.group / 2;
        return lowBitBytes(spec, rows, columns / 2, width) + metadataBytes(rows, columns);
    }
    if (sparse)
        return double(rows * columns / 2 * bytesPerWeight) + metadataBytes(rows, columns);
    return double(rows * columns * bytesPerWeight);
}

}  // namespace

Result<PlanCost> planCost(const CompressionPlan& plan, std::span<const LayerShape> layers,
                          int64_t bytesPerWeight) {
    VITRINE_TRY_VOID(plan.validate());
    PlanCost cost;
    for (const LayerShape& layer : layers) {
        const double weights = double(layer.rows) * double(layer.columns);
        cost.weights += weights;
        if (plan.skips(layer.name)) {
            cost.bytes += weights * double(bytesPerWeight);
            cost.operations += 2 * weights;
            continue;
        }
        ++cost.layers;
        if (plan.prunes())
            if (const auto fits = plan.pattern.checkFits({layer.rows, layer.columns}); !fits)
                return fail(fits.error().in(layer.name));
        cost.bytes += layerBytes(plan, layer, bytesPerWeight);
        cost.operations += 2 * weights * (plan.prunes() ? plan.pattern.keptPart() : 1);
        if (!plan.lowRank)
            continue;
        if (plan.rank > std::min(layer.rows, layer.columns))
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("rank {} is larger than the layer ({} x {})", plan.rank, layer.rows,
                                    layer.columns),
                        layer.name, "Take a smaller rank, or leave the layer out");
        const double numbers = double(plan.rank) * double(layer.rows + layer.columns);
        cost.bytes += plan.adapterFormat ? numbers * double(plan.adapterFormat->codeBits()) / 8 : numbers * 4;
        cost.operations += 2 * numbers;
    }
    return cost;
}

}  // namespace vitrine
