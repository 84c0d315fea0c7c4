// Damaged files and texts that were made to hurt.
#include "core/base/file.h"
#include "core/tokenizers/tokenizer.h"
#include "core/tokenizers/unicode.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>

#include <random>

namespace vitrine {
namespace {

Tokenizer open(const std::filesystem::path& path) {
    auto tokenizer = openTokenizer(path);
    if (!tokenizer)
        throw std::runtime_error(tokenizer.error().text());
    return *tokenizer;
}

// A text without a place to cut must not cost quadratic time: these would run into the time limit.
class LongWord : public ::testing::TestWithParam<const char*> {};

TEST_P(LongWord, IsEncodedAndReadBack) {
    VITRINE_SHARED_DATA(folder, std::string("goldens/") + GetParam());
    const Tokenizer tokenizer = open(folder);
    for (const char* unit : {"a", "\xE4\xBD\xA0", " ", "\xCC\x81"}) {
        std::string text;
        while (text.size() < 300'000)
            text += unit;
        const auto encoded = tokenizer.encode(text, {.addSpecialTokens = false});
        ASSERT_TRUE(encoded) << encoded.error().text();
        EXPECT_EQ(encoded->ids.size(), encoded->offsets.size());
        if (!encoded->offsets.empty()) {
            EXPECT_LE(encoded->offsets.back().end, text.size());
        }
        ASSERT_TRUE(tokenizer.decode(encoded->ids));
    }
}

INSTANTIATE_TEST_SUITE_P(All, LongWord,
                         ::testing::Values("tokenizer_gpt2", "tokenizer_llama3", "tokenizer_qwen2",
                                           "tokenizer_tekken", "tokenizer_llama2", "tokenizer_gemma",
                                           "tokenizer_clip", "tokenizer_wordpiece",
                                           "tokenizer_siglip_unigram", "tokenizer_llama2/tokenizer.model",
                                           "tokenizer_siglip_unigram/spiece.model"));

TEST(HostileText, TenMegabytesOfOneCharacterAreOneWord) {
    VITRINE_SHARED_DATA(folder, "goldens/tokenizer_gpt2");
    const Tokenizer tokenizer = open(folder);
    const std::string text(10'000'000, 'a');
    const auto encoded = tokenizer.encode(text);
    ASSERT_TRUE(encoded) << encoded.error().text();
    EXPECT_EQ(encoded->offsets.back().end, text.size());
    EXPECT_EQ(*tokenizer.decode(encoded->ids), text);
}

TEST(HostileText, BrokenUtf8IsReadAsReplacementCharacters) {
    VITRINE_SHARED_DATA(folder, "goldens/tokenizer_gpt2");
    const Tokenizer tokenizer = open(folder);
    const std::string broken =
        std::string("a\xFF") + "b\xE4\xBD" + "c\xC0\x80" + std::string(1, '\0') + "\xED\xA0\x80";
    const auto encoded = tokenizer.encode(broken);
    ASSERT_TRUE(encoded);
    EXPECT_EQ(encoded->ids, tokenizer.encode(unicode::sanitizeUtf8(broken))->ids);
    for (const ByteRange& range : encoded->offsets)
        EXPECT_LE(range.end, broken.size());
    EXPECT_EQ(encoded->offsets.back().end, broken.size());
    EXPECT_EQ(*tokenizer.decode(encoded->ids), unicode::sanitizeUtf8(broken));
}

TEST(HostileText, RandomBytesNeverCrashAndOffsetsStayInside) {
    VITRINE_SHARED_DATA(goldens, "goldens");
    std::mt19937 random(7);
    for (const char* name :
         {"tokenizer_gpt2", "tokenizer_clip", "tokenizer_llama2", "tokenizer_gemma/tokenizer.model",
          "tokenizer_siglip_unigram", "tokenizer_siglip_unigram/spiece.model", "tokenizer_wordpiece"}) {
        const Tokenizer tokenizer = open(goldens / name);
        for (int round = 0; round < 300; ++round) {
            std::string text(random() % 60, '\0');
            for (char& c : text)
                c = static_cast<char>(round % 3 == 0 ? random()
                                                     : "ab <|end>\xE2\x96\x81\xCC\x81"[random() % 15]);
            const auto encoded = tokenizer.encode(text, {.withPieces = true});
            ASSERT_TRUE(encoded) << encoded.error().text();
            ASSERT_EQ(encoded->pieces.size(), encoded->ids.size());
            for (const ByteRange& range : encoded->offsets) {
                ASSERT_LE(range.begin, range.end);
                ASSERT_LE(range.end, text.size());
            }
            const auto decoded = tokenizer.decode(encoded->ids);
            ASSERT_TRUE(decoded);
            EXPECT_TRUE(unicode::isValidUtf8(*decoded));
        }
    }
}

TEST(HostileText, DecodeNamesTheIdThatIsOutside) {
    VITRINE_SHARED_DATA(golden, "goldens/tokenizer_llama2");
    for (const auto& path : {golden / "tokenizer.json", golden / "tokenizer.model"}) {
        const Tokenizer tokenizer = open(path);
        for (const int64_t id : {int64_t(-1), tokenizer.vocabularySize(), INT64_MAX, INT64_MIN}) {
            const auto decoded = tokenizer.decode({5, id});
            ASSERT_FALSE(decoded);
            EXPECT_EQ(decoded.error().code, ErrorCode::InvalidArgument);
            EXPECT_THAT(decoded.error().message, ::testing::HasSubstr(std::to_string(id)));
        }
    }
}

// Every prefix length class and single flipped bytes: an error or a tokenizer, never a crash.
TEST(HostileFile, TruncatedAndFlippedFilesAreRefusedOrRead) {
    VITRINE_SHARED_DATA(goldens, "goldens");
    testing::TemporaryFolder folder;
    std::mt19937 random(11);
    for (const char* name : {"tokenizer_llama2/tokenizer.model", "tokenizer_siglip_unigram/spiece.model",
                             "tokenizer_gpt2/tokenizer.json", "tokenizer_wordpiece/tokenizer.json"}) {
        const std::string whole = *readFile(goldens / name);
        const std::filesystem::path file = folder / std::filesystem::path(name).filename();
        for (int round = 0; round < 30; ++round) {
            std::string bytes = whole;
            if (round % 2 == 0)
                bytes.resize(random() % bytes.size());
            else
                bytes[random() % bytes.size()] = static_cast<char>(random());
            ASSERT_TRUE(writeFileAtomically(file, bytes));
            const auto tokenizer = openTokenizer(file);
            if (!tokenizer) {
                EXPECT_FALSE(tokenizer.error().message.empty());
                continue;
            }
            const auto encoded = tokenizer->encode("The model \xE4\xBD\xA0 <0x41>");
            if (encoded) {
                EXPECT_TRUE(tokenizer->decode(encoded->ids));
            }
        }
    }
}

TEST(HostileFile, SaysWhatIsMissing) {
    testing::TemporaryFolder folder;
    const auto missing = openTokenizer(folder / "nothing.json");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, ErrorCode::NotFound);
    const auto empty = openTokenizer(folder.path());
    ASSERT_FALSE(empty);
    EXPECT_THAT(empty.error().text(), ::testing::AllOf(::testing::HasSubstr("tokenizer.json"),
                                                       ::testing::HasSubstr("spiece.model")));
    for (const char* content : {"", "{", "[]", "7", "null", "{\"model\":7}", "{\"model\":{}}", "\xFF\xFE"}) {
        ASSERT_TRUE(writeFileAtomically(folder / "tokenizer.json", content));
        const auto tokenizer = openTokenizer(folder.path());
        ASSERT_FALSE(tokenizer) << content;
        EXPECT_THAT(tokenizer.error().where, ::testing::HasSubstr("tokenizer.json")) << content;
    }
    for (const char* content : {"", "\x0A", "\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", "\x0A\x05"}) {
        ASSERT_TRUE(writeFileAtomically(folder / "x.model", content));
        EXPECT_EQ(openTokenizer(folder / "x.model").error().code, ErrorCode::InvalidFile);
    }
    ASSERT_TRUE(writeFileAtomically(folder / "x.bin", "a"));
    EXPECT_EQ(openTokenizer(folder / "x.bin").error().code, ErrorCode::UnknownFamily);
}

}  // namespace
}  // namespace vitrine
