#include "tests/core/models/golden_check.h"

#include "core/models/reference_calls.h"

#include <gtest/gtest.h>

namespace vitrine::testing {

void expectMatchesReferences(const std::filesystem::path& folder) {
    const auto model = loadModel(folder, {});
    ASSERT_TRUE(model) << model.error().text();
    const auto data = ReferenceData::read(folder);
    ASSERT_TRUE(data) << data.error().text();
    if (const VisionEncoder* encoder = (*model)->encoder()) {
        const auto output = encoder->encode(
            at::rand({1, 3, encoder->info().preferredHeight, encoder->info().preferredWidth}), {});
        ASSERT_TRUE(output) << output.error().text();
        EXPECT_FALSE(output->features.requires_grad()) << "the pass keeps its activations for gradients";
    }
    std::vector<VerifyRow> rows;
    for (const Json& call : data->meta.at("calls"))
        if (!isPreprocessingCall(call))
            compareCall(rows, **model, call, *data, at::kCPU);
    EXPECT_FALSE(rows.empty());
    for (const VerifyRow& row : rows)
        EXPECT_TRUE(row.passed) << row.tensor << " " << row.shape << ": largest error " << row.maxError
                                << " (" << row.errorPerStd << " of std), tolerance " << row.tolerance << " "
                                << row.note;
}

}  // namespace vitrine::testing
