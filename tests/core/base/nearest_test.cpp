#include "core/base/nearest.h"

#include <gtest/gtest.h>

namespace vitrine {

TEST(Nearest, CountsSwapsAsOneEdit) {
    EXPECT_EQ(editDistance("batch", "batch"), 0u);
    EXPECT_EQ(editDistance("bacth", "batch"), 1u);
    EXPECT_EQ(editDistance("", "abc"), 3u);
}

TEST(Nearest, SuggestsOnlyNearNames) {
    const std::vector<std::string> names = {"resolution", "batchSize", "layers"};
    EXPECT_EQ(nearestName("resoluton", names), "resolution");
    EXPECT_EQ(nearestName("BATCHSIZE", names), "batchSize");
    EXPECT_EQ(nearestName("temperature", names), std::nullopt);
}

}  // namespace vitrine
