#include "core/tokenizers/text_cleaning.h"

#include "core/base/json.h"
#include "core/tokenizers/html_entities.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> texts(const std::filesystem::path& folder) {
    return (*readJsonFile(folder / "meta.json"))["texts"].get<std::vector<std::string>>();
}

std::vector<int64_t> row(const Tokenizer& tokenizer, const std::string& text,
                         const TextTowerOptions& options) {
    const auto encoded = encodeForTextTower(tokenizer, text, options);
    EXPECT_TRUE(encoded) << encoded.error().text();
    return encoded->ids;
}

// Expected rows: a.input_ids of the cases' inputs.safetensors.
TEST(TextTower, ClipRowsAgree) {
    VITRINE_SHARED_DATA(folder, "goldens/clip");
    const auto tokenizer = openTokenizer(folder);
    ASSERT_TRUE(tokenizer) << tokenizer.error().text();
    const auto options = textTowerOptions(*tokenizer, 11, TextCleaning::None);
    const auto captions = texts(folder);
    EXPECT_THAT(row(*tokenizer, captions[0], options),
                ElementsAre(865, 320, 648, 620, 852, 859, 843, 527, 854, 837, 866));
    EXPECT_THAT(row(*tokenizer, captions[1], options),
                ElementsAre(865, 594, 670, 567, 863, 519, 527, 714, 866, 866, 866));
    EXPECT_THAT(row(*tokenizer, captions[2], options),
                ElementsAre(865, 527, 866, 866, 866, 866, 866, 866, 866, 866, 866));
}

TEST(TextTower, OpenClipRowsAgree) {
    VITRINE_SHARED_DATA(folder, "goldens/open_clip");
    const auto tokenizer = openTokenizer(folder);
    ASSERT_TRUE(tokenizer) << tokenizer.error().text();
    auto options = textTowerOptions(*tokenizer, 20, TextCleaning::OpenClip);
    options.padId = 0;  // open_clip fills with zeros
    const auto captions = texts(folder);
    EXPECT_THAT(row(*tokenizer, captions[0], options),
                ElementsAre(866, 320, 678, 662, 538, 343, 867, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
    EXPECT_THAT(row(*tokenizer, captions[1], options), ElementsAre(866, 583, 697, 565, 795, 519, 529, 652, 82,
                                                                   72, 67, 324, 867, 0, 0, 0, 0, 0, 0, 0));
}

TEST(TextTower, SiglipRowsAgree) {
    VITRINE_SHARED_DATA(folder, "goldens/siglip2_fixed");
    const auto tokenizer = openTokenizer(folder);
    ASSERT_TRUE(tokenizer) << tokenizer.error().text();
    auto options = textTowerOptions(*tokenizer, 16, TextCleaning::Siglip);
    options.padId = 1;  // text_config.pad_token_id
    const auto captions = texts(folder);
    EXPECT_THAT(row(*tokenizer, captions[1], options),
                ElementsAre(48, 82, 40, 5, 93, 12, 104, 1, 1, 1, 1, 1, 1, 1, 1, 1));
    VITRINE_SHARED_DATA(naflex, "goldens/siglip2_naflex");
    const auto gemma = openTokenizer(naflex);
    ASSERT_TRUE(gemma) << gemma.error().text();
    EXPECT_THAT(row(*gemma, texts(naflex)[0], textTowerOptions(*gemma, 16, TextCleaning::None)),
                ElementsAre(310, 266, 274, 316, 316, 301, 317, 276, 312, 338, 307, 397, 319, 320, 324, 313));
}

TEST(TextTower, CutsLongTextsBeforeTheEndToken) {
    VITRINE_SHARED_DATA(folder, "goldens/clip");
    const auto tokenizer = openTokenizer(folder);
    auto options = textTowerOptions(*tokenizer, 5, TextCleaning::None);
    const auto encoded = encodeForTextTower(*tokenizer, texts(folder)[0], options);
    ASSERT_TRUE(encoded);
    EXPECT_THAT(encoded->ids, ElementsAre(865, 320, 648, 620, 866));
    EXPECT_TRUE(encoded->truncated);
    EXPECT_EQ(encoded->length, 5);
    options.contextLength = 1;
    EXPECT_EQ(encodeForTextTower(*tokenizer, "a", options).error().code, ErrorCode::InvalidArgument);
}

TEST(TextCleaning, RepairsWhatCaptionsSuffer) {
    const auto clean = [](std::string_view text) { return cleanText(text, TextCleaning::OpenClip); };
    EXPECT_EQ(clean("  A  Cat\r\n&amp;amp; DOG "), "a cat & dog");
    EXPECT_EQ(clean("caf\xC3\x83\xC2\xA9"), "caf\xC3\xA9");           // UTF-8 read as Latin-1
    EXPECT_EQ(clean("it\xC3\xA2\xE2\x82\xAC\xE2\x84\xA2s"), "it's");  // a curly quote read as Windows-1252
    EXPECT_EQ(clean("caf\xC3\xA9"), "caf\xC3\xA9");                   // sound text stays
    EXPECT_EQ(clean("\x1B[31mred\x1B[0m"), "red");
    EXPECT_EQ(clean("&lt;b&gt; &#233; &#x20AC; &copy &bogus;"), "<b> \xC3\xA9 \xE2\x82\xAC \xC2\xA9 &bogus;");
    EXPECT_EQ(cleanText("A, b. C!", TextCleaning::Siglip), "a b c");
    EXPECT_EQ(cleanText("\xCE\xA3\xCE\x9F\xCE\xA3", TextCleaning::Siglip),
              "\xCF\x83\xCE\xBF\xCF\x82");  // final sigma
}

TEST(HtmlEntities, ReadsReferences) {
    EXPECT_EQ(unescapeHtml("&Alpha;&zwj;&#0;&#1114112;&#xD800;&&;&#;&#x;"),
              "\xCE\x91\xE2\x80\x8D\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD&&;&#;&#x;");
    EXPECT_EQ(unescapeHtml("&notit; &eacutex"), "\xC2\xACit; \xC3\xA9x");
}

}  // namespace
}  // namespace vitrine
