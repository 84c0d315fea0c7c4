#include "core/models/model.h"
#include "tests/core/models/golden_check.h"
#include "tests/support/test_data.h"

#include <gtest/gtest.h>

namespace vitrine {

TEST(Sam3, MatchesReferences) {
    VITRINE_SHARED_DATA(folder, "goldens/sam3");
    testing::expectMatchesReferences(folder);
}

TEST(Sam3, EncodesOnePictureSize) {
    VITRINE_SHARED_DATA(folder, "goldens/sam3");
    const auto model = loadModel(folder, {});
    ASSERT_TRUE(model) << model.error().text();
    const VisionEncoder& encoder = *(*model)->encoder();
    EncodeRequest request;
    request.layers = {0, 4};
    const auto output = encoder.encode(at::rand({2, 3, 112, 112}), request);
    ASSERT_TRUE(output) << output.error().text();
    EXPECT_EQ(output->features.sizes(), at::IntArrayRef({2, 16, 8, 8}));
    EXPECT_EQ(output->layers[1].features.sizes(), at::IntArrayRef({2, 48, 8, 8}));
    EXPECT_FALSE(encoder.encode(at::rand({1, 3, 56, 56}), {}));
}

}  // namespace vitrine
