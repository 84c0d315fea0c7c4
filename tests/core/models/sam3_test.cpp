#include "core/models/reference_calls.h"
#include "tests/support/test_data.h"

#include <gtest/gtest.h>

namespace vitrine {

TEST(Sam3, ImageEncoderMatchesReferences) {
    VITRINE_SHARED_DATA(folder, "goldens/sam3");
    const auto model = loadModel(folder, {});
    ASSERT_TRUE(model) << model.error().text();
    const auto data = ReferenceData::read(folder);
    ASSERT_TRUE(data) << data.error().text();
    Json call = data->meta.at("calls").at(0);
    Json outputs = Json::array();
    for (const Json& name : call.at("outputs"))
        if (name.get<std::string>().starts_with("a.vision."))
            outputs.push_back(name);
    call["outputs"] = outputs;
    std::vector<VerifyRow> rows;
    compareCall(rows, **model, call, *data, at::kCPU);
    EXPECT_EQ(rows.size(), 13u);
    for (const VerifyRow& row : rows)
        EXPECT_TRUE(row.passed) << row.tensor << " " << row.shape << ": largest error " << row.maxError
                                << ", tolerance " << row.tolerance << " " << row.note;
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
