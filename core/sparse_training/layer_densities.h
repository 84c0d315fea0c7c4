// How many weights each layer may keep, for one density of the whole network.
#pragma once

#include "core/base/result.h"
#include "core/image_training/classifier_network.h"

#include <optional>
#include <string>
#include <vector>

namespace vitrine {

enum class DensityLayout {
    Erk,     // Erdős–Rényi kernel (Mocanu et al. 2018, Evci et al. 2020): small layers stay denser
    Uniform  // the same in all layers but the first, which stays dense
};

Result<DensityLayout> densityLayoutFromName(const std::string& name);  // "erk", "uniform"

// For each parameter the part of its weights that stays, nothing for those that are not prunable. The parts
// make `density` of all prunable weights (Erk) or of all but the first layer's (Uniform). InvalidArgument for
// a density outside (0, 1].
Result<std::vector<std::optional<double>>> layerDensities(const std::vector<ClassifierParameter>& parameters,
                                                          double density, DensityLayout layout);

}  // namespace vitrine
