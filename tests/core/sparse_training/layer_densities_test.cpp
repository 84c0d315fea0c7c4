#include "core/sparse_training/layer_densities.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

std::vector<ClassifierParameter> resnet20() {
    const auto network = ClassifierNetwork::create({.kind = ClassifierKind::ResNet});
    EXPECT_TRUE(network);
    return network->parameters();
}

double weights(const ClassifierParameter& parameter) {
    double count = 1;
    for (const int64_t size : parameter.shape)
        count *= double(size);
    return count;
}

TEST(LayerDensities, ErkMakesTheTotalAndFollowsTheFormula) {
    const auto parameters = resnet20();
    for (const double density : {0.01, 0.05, 0.1, 0.5, 0.9, 1.}) {
        const auto densities = layerDensities(parameters, density, DensityLayout::Erk);
        ASSERT_TRUE(densities);
        double kept = 0, all = 0, factor = 0;
        for (size_t index = 0; index < parameters.size(); ++index) {
            ASSERT_EQ((*densities)[index].has_value(), parameters[index].prunable);
            if (!parameters[index].prunable)
                continue;
            const double part = *(*densities)[index], count = weights(parameters[index]);
            EXPECT_LE(part, 1);
            kept += part * count;
            all += count;
            if (part == 1)
                continue;
            double sizes = 0;
            for (const int64_t size : parameters[index].shape)
                sizes += double(size);
            const double own = part * count / sizes;
            EXPECT_NEAR(factor == 0 ? own : factor, own, 1e-9 * own);
            factor = own;
        }
        EXPECT_NEAR(kept / all, density, 1e-9);
    }
}

TEST(LayerDensities, UniformKeepsTheFirstLayerDense) {
    const auto parameters = resnet20();
    const auto densities = layerDensities(parameters, 0.1, DensityLayout::Uniform);
    ASSERT_TRUE(densities);
    bool first = true;
    for (size_t index = 0; index < parameters.size(); ++index)
        if (parameters[index].prunable) {
            EXPECT_DOUBLE_EQ(*(*densities)[index], first ? 1 : 0.1) << parameters[index].name;
            first = false;
        }
    EXPECT_FALSE(layerDensities(parameters, 0, DensityLayout::Erk));
    EXPECT_FALSE(layerDensities(parameters, 1.1, DensityLayout::Erk));
}

}  // namespace
}  // namespace vitrine
