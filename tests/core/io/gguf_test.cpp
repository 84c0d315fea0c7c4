#include "core/io/gguf.h"

#include "core/base/file.h"
#include "core/io/dequantize.h"
#include "core/io/gguf_types.h"
#include "core/io/llama2c.h"
#include "tests/core/io/gguf_builder.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>

#include <cmath>

namespace vitrine {
namespace {

using testing::ggufText;
using ::testing::HasSubstr;
using testing::raw;

class Gguf : public ::testing::Test {
  protected:
    Result<GgufFile> open(const std::string& content) {
        EXPECT_TRUE(writeFileAtomically(folder_ / "a.gguf", content));
        return openGguf(folder_ / "a.gguf");
    }
    testing::TemporaryFolder folder_;
};

TEST_F(Gguf, ReadsMetadataAndTensors) {
    const auto file = open(testing::smallGguf());
    ASSERT_TRUE(file) << file.error().text();
    EXPECT_EQ(file->version, 3u);
    EXPECT_EQ(file->metadata["llama.block_count"], 7);
    EXPECT_EQ(file->metadata["tokenizer.ggml.tokens"].size(), 2u);
    EXPECT_EQ(file->metadata["tokenizer.ggml.tokens"][1], "\xff");
    EXPECT_EQ(file->tensors->metadata().at("general.name"), "small");
    const auto plain = dequantize(*file->tensors->read("w"));
    ASSERT_TRUE(plain);
    EXPECT_EQ(*plain, (std::vector<float>{0, 1, 2, 3, 4, 5}));
    EXPECT_EQ(file->tensors->find("w")->shape, (std::vector<int64_t>{2, 3}));
    const auto blocks = dequantize(*file->tensors->read("q"));
    ASSERT_TRUE(blocks);
    for (int i = 0; i < 32; ++i)
        EXPECT_EQ((*blocks)[size_t(i)], 0.5f * float(i - 16));
    EXPECT_TRUE(openTensors(folder_ / "a.gguf"));
}

TEST_F(Gguf, RefusesLies) {
    const std::string good = testing::smallGguf();
    const auto refuses = [&](const std::string& content, const std::string& reason) {
        const auto file = open(content);
        ASSERT_FALSE(file) << reason;
        EXPECT_THAT(file.error().text(), HasSubstr(reason));
    };
    const std::string head = "GGUF" + raw<uint32_t>(3);
    refuses("GGUF", "not a GGUF file");
    refuses("GGUF" + raw<uint32_t>(1) + std::string(40, '\0'), "version 1");
    refuses("GGUF" + raw<uint32_t>(0x03000000) + std::string(40, '\0'), "big-endian");
    refuses(head + raw<uint64_t>(uint64_t(1) << 60) + raw<uint64_t>(0), "more entries");
    refuses(head + raw<uint64_t>(0) + raw<uint64_t>(1) + ggufText("k") + raw<uint32_t>(99) + raw<uint64_t>(0),
            "unknown metadata type");
    refuses(head + raw<uint64_t>(0) + raw<uint64_t>(1) + raw<uint64_t>(UINT64_MAX) + raw<uint64_t>(0),
            "longer than the file");
    refuses(head + raw<uint64_t>(0) + raw<uint64_t>(1) + ggufText("k") + raw<uint32_t>(9) + raw<uint32_t>(0) +
                raw<uint64_t>(uint64_t(1) << 50),
            "longer than the file");
    std::string nested;
    for (int i = 0; i < 10; ++i)
        nested += raw<uint32_t>(9) + raw<uint64_t>(1);
    refuses(head + raw<uint64_t>(0) + raw<uint64_t>(1) + ggufText("k") + raw<uint32_t>(9) + nested,
            "nested too deeply");
    refuses(good.substr(0, good.size() - 1), "truncated");
    std::string misaligned = good;
    misaligned[misaligned.find(ggufText("w")) + 9 + 4 + 16 + 4] = 1;
    refuses(misaligned, "not aligned");
    std::string ragged = good;
    ragged[ragged.find(ggufText("q")) + 9 + 4] = 31;
    refuses(ragged, "whole blocks");
}

TEST_F(Gguf, NamesTensorsItCannotRead) {
    std::string file = testing::smallGguf();
    char& type = file[file.find(ggufText("q")) + 9 + 4 + 8];
    const std::pair<char, const char*> types[] = {{16, "IQ2_XXS"}, {99, "ggml type 99"}};
    for (const auto& [number, name] : types) {
        type = number;
        const auto opened = open(file);
        ASSERT_TRUE(opened) << opened.error().text();
        EXPECT_EQ(opened->tensors->tensors().size(), 1u);
        EXPECT_EQ(opened->tensors->metadata().at("skipped_tensors"), fmt::format("q ({})", name));
    }
}

TEST_F(Gguf, RefusesRaggedAndTruncatedBlocks) {
    std::string file = testing::smallGguf();
    const size_t entry = file.find(ggufText("q")) + 9 + 4;
    file[entry + 8] = 12;  // Q4_K, whose blocks have 256 values
    const auto ragged = open(file);
    ASSERT_FALSE(ragged);
    EXPECT_THAT(ragged.error().text(), HasSubstr("\"q\": rows of 32 values"));
    EXPECT_THAT(ragged.error().text(), HasSubstr("blocks of Q4_K (256 values)"));
    file[entry] = 0;
    file[entry + 1] = 1;  // 256 values, 144 bytes: the file has 34
    EXPECT_THAT(open(file).error().text(), HasSubstr("truncated"));
    file.append(144 - 34 - 1, '\0');
    EXPECT_THAT(open(file).error().text(), HasSubstr("truncated"));
    file.push_back('\0');
    EXPECT_TRUE(open(file));
}

TEST(GgmlTypes, HaveTheirNames) {
    for (uint32_t number = 0; number < 64; ++number)
        if (const auto dtype = dtypeOfGgml(number)) {
            EXPECT_EQ(ggmlTypeName(number), dtypeName(*dtype));
        }
    EXPECT_EQ(dtypeOfGgml(14), DType::Q6_K);
    EXPECT_FALSE(dtypeOfGgml(19));
    EXPECT_EQ(ggmlTypeName(19), "IQ1_S");
    EXPECT_EQ(
        readableGgmlTypes(),
        "F32, F16, BF16, F64, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS");
}

TEST(GgufShared, VocabularyFilesOpen) {
    VITRINE_SHARED_DATA(folder, "data/tokenizers/ggml_vocab");
    int opened = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() != ".gguf")
            continue;
        const auto file = openGguf(entry.path());
        ASSERT_TRUE(file) << file.error().text();
        EXPECT_GT(file->metadata["tokenizer.ggml.tokens"].size(), 30000u) << entry.path();
        EXPECT_TRUE(file->metadata["tokenizer.ggml.model"].is_string());
        ++opened;
    }
    EXPECT_GE(opened, 5);
}

TEST(Llama2c, OpensStories260K) {
    VITRINE_SHARED_DATA(file, "data/language_models/stories260K/stories260K.bin");
    const auto source = openTensors(file);
    ASSERT_TRUE(source) << source.error().text();
    EXPECT_EQ((*source)->metadata().at("dim"), "64");
    EXPECT_EQ((*source)->metadata().at("vocab_size"), "512");
    const TensorInfo* embedding = (*source)->find("tok_embeddings.weight");
    ASSERT_TRUE(embedding);
    EXPECT_EQ(embedding->shapeText(), "[512, 64]");
    EXPECT_EQ((*source)->find("output.weight"), nullptr);
    // Root-mean-square gains of a trained model are positive numbers near 1: a wrong offset would show here.
    const auto gains = dequantize(*(*source)->read("norm.weight"));
    ASSERT_TRUE(gains);
    for (const float gain : *gains) {
        EXPECT_GT(gain, 0.1f);
        EXPECT_LT(gain, 20.f);
    }
    const auto sentencePieces = file.parent_path() / "tok512.bin";
    EXPECT_FALSE(openTensors(sentencePieces));
}

}  // namespace
}  // namespace vitrine
