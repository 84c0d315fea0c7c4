#include "core/base/file.h"
#include "core/base/json.h"
#include "core/tokenizers/byte_level.h"
#include "core/tokenizers/tokenizer.h"
#include "core/tokenizers/tokenizer_cases.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>

#include <sstream>

namespace vitrine {
namespace {

namespace fs = std::filesystem;

// The ggml pairs: strings each followed by a marker line, and one line of ids per string.
std::vector<std::string> readStrings(const fs::path& file) {
    const std::string text = *readFile(file);
    const std::string marker = "\n__ggml_vocab_test__\n";
    std::vector<std::string> out;
    for (size_t begin = 0, end; (end = text.find(marker, begin)) != std::string::npos;
         begin = end + marker.size())
        out.push_back(text.substr(begin, end - begin));
    return out;
}

std::vector<std::vector<int64_t>> readIds(const fs::path& file) {
    std::vector<std::vector<int64_t>> out;
    std::istringstream lines(*readFile(file));
    for (std::string line; std::getline(lines, line);) {
        std::istringstream numbers(line);
        out.emplace_back();
        for (int64_t id; numbers >> id;)
            out.back().push_back(id);
    }
    return out;
}

class GgmlVocabulary : public ::testing::TestWithParam<const char*> {};

TEST_P(GgmlVocabulary, GivesThePublishedIds) {
    VITRINE_SHARED_DATA(folder, "data/tokenizers/ggml_vocab");
    const std::string name = std::string("ggml-vocab-") + GetParam() + ".gguf";
    const auto tokenizer = openTokenizer(folder / name);
    ASSERT_TRUE(tokenizer) << tokenizer.error().text();
    const auto strings = readStrings(folder / (name + ".inp"));
    const auto expected = readIds(folder / (name + ".out"));
    ASSERT_EQ(strings.size(), expected.size());
    ASSERT_EQ(strings.size(), 46u);
    for (size_t i = 0; i < strings.size(); ++i) {
        const auto found = tokenizer->encode(strings[i], {.addSpecialTokens = false});
        ASSERT_TRUE(found) << found.error().text();
        EXPECT_EQ(found->ids, expected[i]) << "string " << i << ": " << strings[i];
    }
}

INSTANTIATE_TEST_SUITE_P(All, GgmlVocabulary,
                         ::testing::Values("gpt-2", "llama-spm", "falcon", "deepseek-llm", "bert-bge"));

// vocab.json + merges.txt alone must give what tokenizer.json of the same folder gives.
class VocabMerges : public ::testing::TestWithParam<const char*> {};

TEST_P(VocabMerges, AgreesWithTokenizerJson) {
    VITRINE_SHARED_DATA(golden, std::string("goldens/") + GetParam());
    testing::TemporaryFolder folder;
    for (const char* name : {"vocab.json", "merges.txt", "tokenizer_config.json"})
        fs::copy_file(golden / name, folder / name);
    const auto tokenizer = openTokenizer(folder.path());
    ASSERT_TRUE(tokenizer) << tokenizer.error().text();
    const auto cases = readJsonFile(golden / "cases.json");
    ASSERT_TRUE(cases);
    for (const Json& item : *cases) {
        const std::string text = item["text"].get<std::string>();
        if (text.find("<|") != std::string::npos)
            continue;  // which tokens are special is known to tokenizer.json alone
        EXPECT_EQ(Json(tokenizer->encode(text, {.addSpecialTokens = false})->ids), item["ids_no_special"])
            << text;
    }
}

INSTANTIATE_TEST_SUITE_P(All, VocabMerges,
                         ::testing::Values("tokenizer_gpt2", "tokenizer_qwen2", "tokenizer_clip"));

TEST(VocabularyFiles, ClipMergesGiveTheKnownIds) {
    VITRINE_SHARED_DATA(file, "data/tokenizers/clip/bpe_simple_vocab_16e6.txt.gz");
    const auto tokenizer = openTokenizer(file);
    ASSERT_TRUE(tokenizer) << tokenizer.error().text();
    EXPECT_EQ(tokenizer->vocabularySize(), 49408);
    // The ids that the documentation of CLIP and of its ports gives.
    EXPECT_THAT(tokenizer->encode("a photo of a cat")->ids,
                ::testing::ElementsAre(49406, 320, 1125, 539, 320, 2368, 49407));
    EXPECT_THAT(tokenizer->encode("Hello  World!", {.addSpecialTokens = false})->ids,
                ::testing::ElementsAre(3306, 1002, 256));
    EXPECT_EQ(*tokenizer->decode({320, 1125}), "a</w>photo</w>");
}

// vocab.txt of the WordPiece golden, made from its tokenizer.json.
TEST(VocabularyFiles, VocabTextAgreesWithTokenizerJson) {
    VITRINE_SHARED_DATA(golden, "goldens/tokenizer_wordpiece");
    testing::TemporaryFolder folder;
    const auto json = readJsonFile(golden / "tokenizer.json");
    std::vector<std::string> lines;
    for (const auto& [token, id] : (*json)["model"]["vocab"].items()) {
        lines.resize(std::max<size_t>(lines.size(), id.get<size_t>() + 1));
        lines[id.get<size_t>()] = token;
    }
    std::string text;
    for (const std::string& line : lines)
        text += line + "\n";
    ASSERT_TRUE(writeFileAtomically(folder / "vocab.txt", text));
    fs::copy_file(golden / "cases.json", folder / "cases.json");
    const auto result = compareTokenizerCases(folder.path());
    ASSERT_TRUE(result) << result.error().text();
    EXPECT_EQ(result->fields, 72 * 4);
    for (const CaseMismatch& mismatch : result->mismatches)
        ADD_FAILURE() << mismatch.index << " " << mismatch.field << " " << mismatch.expected << " "
                      << mismatch.found;
}

std::string base64(std::string_view bytes) {
    static constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (size_t i = 0; i < bytes.size(); i += 3) {
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; ++k)
            bits = bits << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
        for (size_t k = 0; k < 4; ++k)
            out += i + k <= bytes.size() ? alphabet[bits >> (18 - 6 * k) & 63] : '=';
    }
    return out;
}

// tekken.json of the Tekken golden, made from its tokenizer.json: the ids must not change.
TEST(VocabularyFiles, TekkenAgreesWithTokenizerJson) {
    VITRINE_SHARED_DATA(golden, "goldens/tokenizer_tekken");
    const auto json = readJsonFile(golden / "tokenizer.json");
    std::map<int64_t, std::string> byId;
    for (const auto& [token, id] : (*json)["model"]["vocab"].items())
        byId[id.get<int64_t>()] = token;
    Json tekken = {{"config", Json::object()}, {"vocab", Json::array()}, {"special_tokens", Json::array()}};
    for (const Json& token : (*json)["added_tokens"]) {
        tekken["special_tokens"].push_back({{"rank", token["id"]}, {"token_str", token["content"]}});
        byId.erase(token["id"].get<int64_t>());
    }
    const int64_t specials = byId.begin()->first;
    tekken["config"]["default_num_special_tokens"] = specials;
    for (const auto& [id, token] : byId)
        tekken["vocab"].push_back({{"rank", id - specials}, {"token_bytes", base64(*fromByteLevel(token))}});
    testing::TemporaryFolder folder;
    ASSERT_TRUE(writeFileAtomically(folder / "tekken.json", tekken.dump()));
    fs::copy_file(golden / "cases.json", folder / "cases.json");
    const auto result = compareTokenizerCases(folder.path());
    ASSERT_TRUE(result) << result.error().text();
    EXPECT_EQ(result->cases, 72);
    for (const CaseMismatch& mismatch : result->mismatches)
        ADD_FAILURE() << mismatch.index << " " << mismatch.field << " " << mismatch.expected << " "
                      << mismatch.found;
}

}  // namespace
}  // namespace vitrine
