#include "core/tokenizers/tokenizer_cases.h"

#include "core/base/file.h"
#include "core/base/json.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

namespace fs = std::filesystem;

class GoldenTokenizer : public ::testing::TestWithParam<const char*> {};

TEST_P(GoldenTokenizer, AgreesWithTheReferenceInEveryField) {
    VITRINE_SHARED_DATA(folder, std::string("goldens/") + GetParam());
    const auto result = compareTokenizerCases(folder);
    ASSERT_TRUE(result) << result.error().text();
    EXPECT_EQ(result->cases, 72);
    EXPECT_GE(result->fields, 72 * 4);
    EXPECT_THAT(result->ignoredFields, ::testing::IsEmpty());
    for (const CaseMismatch& mismatch : result->mismatches)
        ADD_FAILURE() << "case " << mismatch.index << ", " << mismatch.field << "\nexpected "
                      << mismatch.expected << "\nfound    " << mismatch.found;
}

INSTANTIATE_TEST_SUITE_P(All, GoldenTokenizer,
                         ::testing::Values("tokenizer_clip", "tokenizer_gemma", "tokenizer_gpt2",
                                           "tokenizer_llama2", "tokenizer_llama3", "tokenizer_qwen2",
                                           "tokenizer_siglip_unigram", "tokenizer_tekken",
                                           "tokenizer_wordpiece"));

TEST(TokenizerCases, ReportsAWrongIdWithCaseAndField) {
    VITRINE_SHARED_DATA(golden, "goldens/tokenizer_gpt2");
    testing::TemporaryFolder folder;
    fs::copy_file(golden / "tokenizer.json", folder.path() / "tokenizer.json");
    auto cases = readJsonFile(golden / "cases.json");
    ASSERT_TRUE(cases);
    (*cases)[7]["ids"][0] = 0;
    (*cases)[3]["left_by_a_later_version"] = 1;
    ASSERT_TRUE(writeFileAtomically(folder.path() / "cases.json", cases->dump()));
    const auto result = compareTokenizerCases(folder.path());
    ASSERT_TRUE(result) << result.error().text();
    EXPECT_THAT(result->ignoredFields, ::testing::ElementsAre("left_by_a_later_version"));
    ASSERT_FALSE(result->mismatches.empty());
    EXPECT_EQ(result->mismatches[0].index, 7);
    EXPECT_EQ(result->mismatches[0].field, "ids");
}

TEST(TokenizerCases, RefusesFilesThatAreNoCases) {
    testing::TemporaryFolder folder;
    EXPECT_EQ(compareTokenizerCases(folder.path()).error().code, ErrorCode::NotFound);
    ASSERT_TRUE(writeFileAtomically(folder.path() / "cases.json", "{}"));
    EXPECT_EQ(compareTokenizerCases(folder.path()).error().code, ErrorCode::InvalidFile);
}

}  // namespace
}  // namespace vitrine
