#include "core/sparse_training/layer_densities.h"

#include <numeric>

namespace vitrine {
namespace {

double weightCount(const ClassifierParameter& parameter) {
    double count = 1;
    for (const int64_t size : parameter.shape)
        count *= double(size);
    return count;
}

}  // namespace

Result<DensityLayout> densityLayoutFromName(const std::string& name) {
    if (name == "erk")
        return DensityLayout::Erk;
    if (name == "uniform")
        return DensityLayout::Uniform;
    return fail(ErrorCode::InvalidArgument, "a layout of densities is \"erk\" or \"uniform\"", name);
}

Result<std::vector<std::optional<double>>> layerDensities(const std::vector<ClassifierParameter>& parameters,
                                                          double density, DensityLayout layout) {
    if (!(density > 0 && density <= 1))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("a density lies above 0 and at most at 1, this is {}", density));
    std::vector<std::optional<double>> densities(parameters.size());
    std::vector<size_t> open;  // layers that share what the dense ones leave
    double wanted = 0;
    for (size_t index = 0; index < parameters.size(); ++index)
        if (parameters[index].prunable) {
            densities[index] = density;
            open.push_back(index);
            wanted += density * weightCount(parameters[index]);
        }
    if (layout == DensityLayout::Uniform) {
        if (!open.empty())
            densities[open.front()] = 1;
        return densities;
    }
    // density_l = factor · (sum of sizes) / (product of sizes); where that passes 1 the layer is dense, and
    // the factor is solved again for the others.
    const auto raw = [&](size_t index) {
        const auto& shape = parameters[index].shape;
        return double(std::accumulate(shape.begin(), shape.end(), int64_t(0))) /
               weightCount(parameters[index]);
    };
    for (bool changed = true; changed && !open.empty();) {
        double shares = 0;
        for (const size_t index : open)
            shares += raw(index) * weightCount(parameters[index]);
        const double factor = wanted / shares;
        changed = false;
        std::vector<size_t> still;
        for (const size_t index : open) {
            densities[index] = factor * raw(index);
            if (*densities[index] < 1) {
                still.push_back(index);
                continue;
            }
            densities[index] = 1;
            wanted -= weightCount(parameters[index]);
            changed = true;
        }
        open = std::move(still);
    }
    return densities;
}

}  // namespace vitrine
