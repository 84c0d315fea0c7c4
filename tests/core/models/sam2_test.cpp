#include "core/models/model.h"
#include "tests/core/models/golden_check.h"
#include "tests/support/test_data.h"

#include <gtest/gtest.h>

namespace vitrine {

TEST(Sam2, MatchesReferences) {
    VITRINE_SHARED_DATA(folder, "goldens/sam2");
    testing::expectMatchesReferences(folder);
}

TEST(Sam2, EncodesOtherSizesAndNamesAcceptedOnes) {
    VITRINE_SHARED_DATA(folder, "goldens/sam2");
    const auto model = loadModel(folder, {});
    ASSERT_TRUE(model) << model.error().text();
    const VisionEncoder& encoder = *(*model)->encoder();
    ASSERT_EQ(encoder.info().sizeMultiple, 32);
    EncodeRequest request;
    request.layers = {0, 2, 6};
    const auto output = encoder.encode(at::rand({2, 3, 64, 96}), request);
    ASSERT_TRUE(output) << output.error().text();
    EXPECT_EQ(output->features.sizes(), at::IntArrayRef({2, 32, 4, 6}));
    EXPECT_EQ(output->layers[0].features.sizes(), at::IntArrayRef({2, 8, 16, 24}));
    EXPECT_EQ(output->layers[1].features.sizes(), at::IntArrayRef({2, 16, 8, 12}));
    EXPECT_EQ(output->layers[2].features.sizes(), at::IntArrayRef({2, 64, 2, 3}));
    const auto wrong = encoder.encode(at::rand({1, 3, 80, 64}), {});
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().code, ErrorCode::InvalidArgument);
}

}  // namespace vitrine
