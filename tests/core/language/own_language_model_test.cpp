// The language model that the project ships, resources/models/vitrine_lm.
#include "core/models/language/language_model.h"
#include "core/tokenizers/tokenizer.h"
#include "tests/support/test_data.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

std::filesystem::path shippedFolder() {
    return testing::sourceFolder() / "resources" / "models" / "vitrine_lm";
}

struct KnownLoss {
    const char* text;
    std::vector<int64_t> firstTokens;
    int64_t tokens;
    double natsPerToken;  // what transformers computes from the shipped folder, in float32
};

TEST(OwnLanguageModel, GivesTheLossesThatTransformersGives) {
    const auto model = loadLanguageModel(shippedFolder(), {});
    ASSERT_TRUE(model) << model.error().text();
    const auto tokenizer = openTokenizer(shippedFolder());
    ASSERT_TRUE(tokenizer) << tokenizer.error().text();
    const at::NoGradGuard noGrad;
    for (const KnownLoss& known :
         {KnownLoss{"And it came to pass, when the LORD had spoken unto Moses, that the children of Israel "
                    "went up.",
                    {461, 373, 1095, 294, 984, 12},
                    22,
                    1.498399},
          KnownLoss{
              "The driver registers a platform device and returns zero on success, or a negative error code.",
              {419, 475, 1925, 262, 1770, 496},
              19,
              3.879901}}) {
        const auto encoded = tokenizer->encode(known.text, {.addSpecialTokens = false});
        ASSERT_TRUE(encoded) << encoded.error().text();
        const std::vector<int64_t>& ids = encoded->ids;
        ASSERT_EQ(int64_t(ids.size()), known.tokens);
        EXPECT_TRUE(std::equal(known.firstTokens.begin(), known.firstTokens.end(), ids.begin()));
        const double loss =
            (*model)->decoder().tokenLosses(at::tensor(ids).unsqueeze(0)).mean().item<double>();
        EXPECT_NEAR(loss, known.natsPerToken, 1e-4) << known.text;
    }
}

}  // namespace
}  // namespace vitrine
