// Every kind of section of tokenizer.json against what the reference library does with it
// (tests/data/tokenizers/make_sections.py).
#include "core/base/json.h"
#include "core/tokenizers/tokenizer_json.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

class Sections : public ::testing::Test {
  protected:
    static const Json& cases() {
        static const Json json = *readJsonFile(testing::dataFolder() / "tokenizers/sections.json");
        return json["cases"];
    }

    static std::string describe(const Json& document) {
        Json shown = document;
        shown.erase("model");
        return shown.dump();
    }

    static Result<Tokenizer> make(const Json& document) {
        auto definition = parseTokenizerJson(document.dump(), "case");
        if (!definition)
            return fail(definition.error());
        auto made = makeTokenizer(std::move(*definition), "case");
        if (!made)
            return fail(made.error());
        return Tokenizer(std::move(*made));
    }
};

TEST_F(Sections, IdsAgreeWithTheReference) {
    size_t compared = 0;
    for (const Json& item : cases()) {
        if (!item.contains("ids"))
            continue;
        const auto tokenizer = make(item["tokenizer"]);
        ASSERT_TRUE(tokenizer) << tokenizer.error().text();
        for (size_t i = 0; i < item["texts"].size(); ++i, ++compared) {
            const std::string text = item["texts"][i].get<std::string>();
            const auto found = tokenizer->encode(text);
            ASSERT_TRUE(found) << found.error().text();
            EXPECT_EQ(Json(found->ids), item["ids"][i]) << describe(item["tokenizer"]) << "\ntext: " << text;
            for (const ByteRange& range : found->offsets) {
                EXPECT_LE(range.begin, range.end);
                EXPECT_LE(range.end, text.size());
            }
        }
    }
    EXPECT_GT(compared, 300u);
}

TEST_F(Sections, WordsAgreeWithTheReference) {
    size_t compared = 0;
    for (const Json& item : cases()) {
        if (!item.contains("offsets"))
            continue;
        const auto tokenizer = make(item["tokenizer"]);
        ASSERT_TRUE(tokenizer) << tokenizer.error().text();
        for (size_t i = 0; i < item["texts"].size(); ++i, ++compared) {
            const std::string text = item["texts"][i].get<std::string>();
            const auto found = tokenizer->encode(text);
            ASSERT_TRUE(found) << found.error().text();
            Json offsets = Json::array();
            for (const ByteRange& range : found->offsets)
                offsets.push_back(Json::array({range.begin, range.end}));
            EXPECT_EQ(offsets, item["offsets"][i]) << describe(item["tokenizer"]) << "\ntext: " << text;
        }
    }
    EXPECT_GT(compared, 900u);
}

TEST_F(Sections, DecodersAgreeWithTheReference) {
    size_t compared = 0;
    for (const Json& item : cases()) {
        if (!item.contains("decoded"))
            continue;
        const auto tokenizer = make(item["tokenizer"]);
        ASSERT_TRUE(tokenizer) << tokenizer.error().text();
        for (size_t i = 0; i < item["rows"].size(); ++i, ++compared) {
            const auto found = tokenizer->decode(item["rows"][i].get<std::vector<int64_t>>());
            ASSERT_TRUE(found) << found.error().text();
            EXPECT_EQ(Json(*found), item["decoded"][i]) << describe(item["tokenizer"]) << "\nrow " << i;
        }
    }
    EXPECT_GT(compared, 100u);
}

TEST_F(Sections, RefusesUnknownKindsByName) {
    const Json base = cases()[0]["tokenizer"];
    const std::pair<const char*, const char*> known[] = {{"normalizer", "BertNormalizer, Lowercase, NFC"},
                                                         {"pre_tokenizer", "BertPreTokenizer, ByteLevel"},
                                                         {"post_processor", "BertProcessing, ByteLevel"},
                                                         {"decoder", "BPEDecoder, ByteFallback"},
                                                         {"model", "BPE, Unigram, WordPiece"}};
    for (const auto& [section, list] : known) {
        Json document = base;
        if (std::string_view(section) == "model")
            document["model"]["type"] = "Telepathy";
        else
            document[section] = {{"type", "Telepathy"}};
        const auto tokenizer = make(document);
        ASSERT_FALSE(tokenizer) << section;
        EXPECT_EQ(tokenizer.error().code, ErrorCode::UnknownFamily);
        EXPECT_THAT(tokenizer.error().text(),
                    ::testing::AllOf(::testing::HasSubstr("Telepathy"), ::testing::HasSubstr(list)));
    }
}

TEST_F(Sections, RefusesContradictoryContent) {
    Json base = cases()[0]["tokenizer"];
    base["normalizer"] = nullptr;
    const auto codeOf = [&](const char* model) {
        Json document = base;
        document["model"] = Json::parse(model);
        const auto tokenizer = make(document);
        return tokenizer ? "accepted" : errorCodeName(tokenizer.error().code);
    };
    EXPECT_STREQ(codeOf(R"({"type":"BPE","vocab":{"a":0,"b":1},"merges":["a b"]})"), "invalid_file");
    EXPECT_STREQ(codeOf(R"({"type":"BPE","vocab":{"a":0,"ab":1},"merges":[["a","b"]]})"), "invalid_file");
    EXPECT_STREQ(codeOf(R"({"type":"BPE","vocab":{"a":0},"merges":["a"]})"), "invalid_file");
    EXPECT_STREQ(codeOf(R"({"type":"BPE","vocab":{"a":0},"merges":[7]})"), "invalid_file");
    EXPECT_STREQ(codeOf(R"({"type":"BPE","vocab":{"a":-1},"merges":[]})"), "invalid_file");
    EXPECT_STREQ(codeOf(R"({"type":"BPE","vocab":{"a":99999999999},"merges":[]})"), "invalid_file");
    EXPECT_STREQ(codeOf(R"({"type":"BPE","vocab":{"a":0,"b":0},"merges":[]})"), "invalid_file");
    EXPECT_STREQ(codeOf(R"({"type":"BPE","vocab":{"a":"0"},"merges":[]})"), "invalid_file");
    EXPECT_STREQ(codeOf(R"({"type":"BPE","vocab":[],"merges":[]})"), "invalid_file");
    EXPECT_STREQ(codeOf(R"({"type":"BPE","vocab":{"a":0},"merges":[],"dropout":0.1})"), "unsupported");
    EXPECT_STREQ(codeOf(R"({"type":"Unigram","vocab":[["a"]],"unk_id":0})"), "invalid_file");
    EXPECT_STREQ(codeOf(R"({"type":"Unigram","vocab":[["a",-1]],"unk_id":5})"), "invalid_file");
    EXPECT_STREQ(codeOf(R"({"type":"WordPiece","vocab":{"a":0}})"), "invalid_file");
    EXPECT_STREQ(codeOf(R"({"type":"BPE","vocab":{"a":0},"merges":[]})"), "accepted");
}

}  // namespace
}  // namespace vitrine
