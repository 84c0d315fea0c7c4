#include "core/io/safetensors.h"

#include "core/base/file.h"
#include "core/io/model_folder.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>

#include <cstring>

namespace vitrine {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

std::string withHeader(const std::string& header, size_t dataBytes) {
    const uint64_t size = header.size();
    std::string file(reinterpret_cast<const char*>(&size), 8);
    return file + header + std::string(dataBytes, '\1');
}

class Safetensors : public ::testing::Test {
  protected:
    fs::path put(const std::string& name, const std::string& content) {
        EXPECT_TRUE(writeFileAtomically(folder_ / name, content));
        return folder_ / name;
    }
    void refuses(const std::string& content, const std::string& reason) {
        const auto opened = openTensors(put("bad.safetensors", content));
        ASSERT_FALSE(opened) << reason;
        EXPECT_EQ(opened.error().code, ErrorCode::InvalidFile);
        EXPECT_THAT(opened.error().text(), HasSubstr(reason));
    }
    testing::TemporaryFolder folder_;
};

TEST_F(Safetensors, WritesWhatItReads) {
    const std::vector<float> values{1, 2, 3, 4, 5, 6};
    const std::vector<uint16_t> half{0x3c00, 0x4000};
    const std::byte packed[2] = {std::byte(0x12), std::byte(0x34)};
    const std::vector<TensorToWrite> tensors{{"b.10", DType::F32, {2, 3}, std::as_bytes(std::span(values))},
                                             {"b.2", DType::BF16, {2}, std::as_bytes(std::span(half))},
                                             {"four", DType::F4, {2, 2}, packed},
                                             {"fp8", DType::F8E4M3, {2}, packed},
                                             {"none", DType::F32, {0, 7}, {}},
                                             {"one", DType::F8E5M2, {}, std::span(packed, 1)}};
    ASSERT_TRUE(writeSafetensors(folder_ / "a.safetensors", tensors, {{"format", "pt"}}));
    const auto source = openTensors(folder_ / "a.safetensors");
    ASSERT_TRUE(source) << source.error().text();
    ASSERT_EQ((*source)->tensors().size(), tensors.size());
    EXPECT_EQ((*source)->tensors()[0].name, "b.2");
    EXPECT_EQ((*source)->tensors()[1].name, "b.10");
    EXPECT_EQ((*source)->metadata().at("format"), "pt");
    for (const TensorToWrite& tensor : tensors) {
        const auto read = (*source)->read(tensor.name);
        ASSERT_TRUE(read);
        EXPECT_EQ(read->info.dtype, tensor.dtype);
        EXPECT_EQ(read->info.shape, tensor.shape);
        ASSERT_EQ(read->bytes.size(), tensor.bytes.size());
        EXPECT_TRUE(std::equal(read->bytes.begin(), read->bytes.end(), tensor.bytes.begin()));
    }
    const auto missing = (*source)->read("fourr");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, ErrorCode::NotFound);
    EXPECT_THAT(missing.error().hint, HasSubstr("four"));
    EXPECT_EQ((*source)->find("b.10")->shapeText(), "[2, 3]");
}

TEST_F(Safetensors, RefusesHostileHeaders) {
    refuses("", "too few");
    refuses("1234567", "too few");
    refuses(withHeader("{}", 0).substr(0, 9), "claims 2 bytes");
    refuses(std::string("\xff\xff\xff\xff\xff\xff\xff\xff", 8) + "{}", "claims 18446744073709551615");
    refuses(withHeader("[]", 0), "does not start with");
    refuses(withHeader("{\"a\":", 0), "not valid JSON");
    refuses(withHeader("{} x", 0), "not valid JSON");
    const auto one = [](const std::string& name, const std::string& shape, const std::string& offsets) {
        return "\"" + name + "\":{\"dtype\":\"F32\",\"shape\":" + shape + ",\"data_offsets\":" + offsets +
               "}";
    };
    refuses(withHeader("{" + one("a", "[2]", "[0,8]") + "}", 7), "truncated");
    refuses(withHeader("{" + one("a", "[2]", "[0,8]") + "}", 9), "belong to none");
    refuses(withHeader("{" + one("a", "[3]", "[0,8]") + "}", 8), "takes 12 bytes");
    refuses(withHeader("{" + one("a", "[2]", "[8,0]") + "}", 8), "data_offsets are 8 to 0");
    refuses(withHeader("{" + one("a", "[2]", "[0,8,9]") + "}", 8), "more than two");
    refuses(withHeader("{" + one("a", "[-2]", "[0,8]") + "}", 8), "holds -2");
    refuses(withHeader("{" + one("a", "[4611686018427387904,4]", "[0,0]") + "}", 0), "impossible size");
    refuses(withHeader("{" + one("a", "[4611686018427387904,4,0]", "[0,0]") + "}", 0), "impossible size");
    refuses(withHeader("{" + one("a", "[18446744073709551615]", "[0,4]") + "}", 4), "impossible shape");
    refuses(withHeader("{" + one("a", "[2]", "[0,8]") + "," + one("b", "[2]", "[4,12]") + "}", 12),
            "overlaps");
    refuses(withHeader("{" + one("a", "[2]", "[0,8]") + "," + one("b", "[1]", "[12,16]") + "}", 16),
            "gap of 4");
    refuses(withHeader("{" + one("a", "[1]", "[0,4]") + "," + one("a", "[1]", "[4,8]") + "}", 8),
            "listed twice");
    refuses(withHeader("{\"a\xff\":1}", 0), "not valid JSON");
    refuses(withHeader("{\"a\":{\"dtype\":\"F33\",\"shape\":[],\"data_offsets\":[0,4]}}", 4),
            "unknown dtype \"F33\"");
    refuses(withHeader("{\"a\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,2]}}", 2),
            "impossible size");
    refuses(withHeader("{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4), "lacks");
    refuses(withHeader("{\"a\":{\"b\":{\"c\":{}}}}", 0), "deeper");
    std::string deep = "{\"a\":";
    deep.append(2'000'000, '[');
    refuses(withHeader(deep, 0), "a list where none belongs");
}

TEST_F(Safetensors, RefusesAHeaderAbove100Megabytes) {
    const auto file = put("big.safetensors", "");
    fs::resize_file(file, 120'000'000);  // sparse
    const uint64_t size = 110'000'000;
    FILE* raw = std::fopen(file.c_str(), "r+b");
    ASSERT_TRUE(raw);
    std::fwrite(&size, 8, 1, raw);
    std::fclose(raw);
    const auto opened = openSafetensors(file);
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().message, HasSubstr("at most 100000000"));
}

TEST_F(Safetensors, ShardsFollowTheIndex) {
    const std::vector<float> value{7};
    const auto bytes = std::as_bytes(std::span(value));
    ASSERT_TRUE(writeSafetensors(folder_ / "m-1.safetensors",
                                 std::vector<TensorToWrite>{{"a", DType::F32, {1}, bytes}}));
    ASSERT_TRUE(writeSafetensors(folder_ / "m-2.safetensors",
                                 std::vector<TensorToWrite>{{"b", DType::F32, {}, bytes}}));
    const std::string name = "model.safetensors.index.json";
    put(name, R"({"metadata":{"total_size":8},"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors"}})");
    const auto source = openTensors(folder_.path());
    ASSERT_TRUE(source) << source.error().text();
    EXPECT_EQ((*source)->tensors().size(), 2u);
    EXPECT_EQ((*source)->metadata().at("total_size"), "8");
    EXPECT_EQ((*source)->read("b")->info.file, folder_ / "m-2.safetensors");
    const auto refusesIndex = [&](const std::string& index, const std::string& reason) {
        put(name, index);
        const auto opened = openTensors(folder_.path());
        ASSERT_FALSE(opened) << reason;
        EXPECT_THAT(opened.error().text(), HasSubstr(reason));
    };
    refusesIndex(R"({"weight_map":{"a":"../m-1.safetensors"}})", "outside the folder");
    refusesIndex(R"({"weight_map":{"a":"x/../../m-1.safetensors"}})", "outside the folder");
    refusesIndex(R"({"weight_map":{"a":"/etc/passwd"}})", "outside the folder");
    refusesIndex(R"({"weight_map":{"a":"m-3.safetensors"}})", "no such file");
    refusesIndex(R"({"weight_map":{"c":"m-1.safetensors"}})", "it does not");
    refusesIndex(R"({"weight_map":{"c":3}})", "must be a file name");
    refusesIndex(R"({"weights":{}})", "weight_map");
    refusesIndex("{", "not valid JSON");
}

TEST_F(Safetensors, OpensAThousandTensors) {
    std::vector<TensorToWrite> tensors;
    const std::vector<float> values(16);
    for (int i = 0; i < 1000; ++i)
        tensors.push_back({fmt::format("encoder.layers.{}.attention.weight", i),
                           DType::F32,
                           {4, 4},
                           std::as_bytes(std::span(values))});
    ASSERT_TRUE(writeSafetensors(folder_ / "many.safetensors", tensors));
    const auto source = openSafetensors(folder_ / "many.safetensors");
    ASSERT_TRUE(source);
    ASSERT_EQ((*source)->tensors().size(), 1000u);
    EXPECT_EQ((*source)->tensors()[999].name, "encoder.layers.999.attention.weight");
}

TEST_F(Safetensors, RefusesToWriteWhatWouldLie) {
    const std::byte four[4]{};
    EXPECT_FALSE(writeSafetensors(folder_ / "x", std::vector<TensorToWrite>{{"a", DType::F32, {2}, four}}));
    EXPECT_FALSE(writeSafetensors(folder_ / "x", std::vector<TensorToWrite>{{"a", DType::F32, {1}, four},
                                                                            {"a", DType::F32, {1}, four}}));
    EXPECT_FALSE(
        writeSafetensors(folder_ / "x", std::vector<TensorToWrite>{{"\xff", DType::F32, {1}, four}}));
    EXPECT_FALSE(fs::exists(folder_ / "x"));
}

TEST_F(Safetensors, BytesAreAskedForInTurn) {
    const std::vector<TensorToWrite> tensors{
        {"a", DType::F32, {1}, {}}, {"b", DType::F32, {2}, {}}, {"c", DType::U8, {3}, {}}};
    std::vector<size_t> asked;
    std::vector<std::byte> bytes;  // of one tensor at a time
    const auto bytesOf = [&](size_t index) -> std::span<const std::byte> {
        asked.push_back(index);
        bytes.assign(std::array<size_t, 3>{4, 8, 3}[index], std::byte(index + 1));
        return bytes;
    };
    ASSERT_TRUE(writeSafetensors(folder_ / "x", tensors, bytesOf));
    EXPECT_EQ(asked, (std::vector<size_t>{0, 1, 2}));
    const auto source = openSafetensors(folder_ / "x");
    ASSERT_TRUE(source) << source.error().text();
    for (const auto& [name, value] : std::map<std::string, int>{{"a", 1}, {"b", 2}, {"c", 3}}) {
        const auto read = (*source)->read(name);
        ASSERT_TRUE(read);
        for (const std::byte byte : read->bytes)
            EXPECT_EQ(int(byte), value) << name;
    }
    // Too few bytes for the second: what was there before stays.
    const auto size = fs::file_size(folder_ / "x");
    const auto wrong =
        writeSafetensors(folder_ / "x", tensors, [&](size_t) { return std::span(bytes).first(3); });
    ASSERT_FALSE(wrong);
    EXPECT_EQ(fs::file_size(folder_ / "x"), size);
}

TEST_F(Safetensors, FoldersWithoutWeightsAndWrongPaths) {
    EXPECT_EQ(openTensors(folder_ / "nothing").error().code, ErrorCode::NotFound);
    EXPECT_EQ(openTensors(folder_.path()).error().code, ErrorCode::NotFound);
    fs::create_directory(folder_ / "model.safetensors");
    EXPECT_FALSE(openTensors(folder_.path()));
}

TEST_F(Safetensors, ModelFolderHasAStableIdentity) {
    const std::vector<float> one(1000, 1.f), two(1000, 2.f);
    const auto write = [&](const std::vector<float>& values) {
        ASSERT_TRUE(writeSafetensors(
            folder_ / "model.safetensors",
            std::vector<TensorToWrite>{{"w", DType::F32, {1000}, std::as_bytes(std::span(values))}}));
    };
    put("config.json", R"({"model_type":"clip"})");
    write(one);
    const auto model = openModelFolder(folder_.path());
    ASSERT_TRUE(model) << model.error().text();
    EXPECT_EQ(model->modelType(), "clip");
    const std::string first = *model->identity();
    EXPECT_EQ(first, *openModelFolder(folder_.path())->identity());
    write(two);
    EXPECT_NE(first, *openModelFolder(folder_.path())->identity());
    EXPECT_EQ(openModelFolder(folder_.path(), "other.json").error().code, ErrorCode::NotFound);
}

TEST(SafetensorsShared, OpensEveryReferenceFolder) {
    VITRINE_SHARED_DATA(goldens, "goldens");
    int opened = 0;
    for (const auto& entry : fs::recursive_directory_iterator(goldens)) {
        if (entry.path().extension() != ".safetensors")
            continue;
        const auto source = openSafetensors(entry.path());
        ASSERT_TRUE(source) << source.error().text();
        ++opened;
    }
    EXPECT_GT(opened, 100);
    const auto model = openModelFolder(goldens / "open_clip");
    ASSERT_TRUE(model) << model.error().text();
    EXPECT_EQ(model->modelType(), "open_clip");
}

}  // namespace
}  // namespace vitrine
