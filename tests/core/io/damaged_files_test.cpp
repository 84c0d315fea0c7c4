// Small valid files of each format, cut at every length and with bytes changed at many places: each must give
// an error or tensors that can be read, never a crash. Worth most under the sanitizers.
#include "core/base/file.h"
#include "core/io/dequantize.h"
#include "core/io/safetensors.h"
#include "tests/core/io/gguf_builder.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

namespace vitrine {
namespace {

struct Outcome {
    int refused = 0, opened = 0;
};

class DamagedFiles : public ::testing::Test {
  protected:
    // Opens `content` and reads every tensor of it.
    void attempt(const std::string& content) {
        const auto path = folder_ / ("damaged" + extension_);
        std::filesystem::remove(path);  // writing over a file makes ext4 wait for the disk, 14,000 times here
        std::ofstream(path, std::ios::binary) << content;
        const auto source = openTensors(path);
        if (!source) {
            EXPECT_FALSE(source.error().message.empty());
            ++outcome_.refused;
            return;
        }
        ++outcome_.opened;
        for (const TensorInfo& info : (*source)->tensors()) {
            const auto read = (*source)->read(info.name);
            if (!read)
                continue;
            unsigned sum = 0;
            for (const std::byte byte : read->bytes)
                sum += unsigned(byte);
            total_ += sum;
            if (canDecode(info.dtype))
                EXPECT_TRUE(dequantize(*read)) << info.name;
        }
    }
    void damage(const std::string& good, const std::string& extension) {
        extension_ = extension;
        attempt(good);
        ASSERT_EQ(outcome_.opened, 1) << "the undamaged file must open";
        const size_t cutStep = std::max<size_t>(good.size() / 500, 1);
        for (size_t size = 0; size < good.size(); size += cutStep)
            attempt(good.substr(0, size));
        const size_t flipStep = std::max<size_t>(good.size() / 700, 1);
        for (size_t at = 0; at < good.size(); at += flipStep)
            for (const char change : {'\x01', '\x80', '\xff'}) {
                std::string bad = good;
                bad[at] = char(bad[at] ^ change);
                attempt(bad);
            }
        EXPECT_GT(outcome_.refused, 0);
    }
    std::string stored(const char* name) { return *readFile(testing::dataFolder() / "io" / name); }

    testing::TemporaryFolder folder_;
    std::string extension_;
    Outcome outcome_;
    uint64_t total_ = 0;
};

TEST_F(DamagedFiles, Safetensors) {
    const std::vector<float> values(6, 1.f);
    const auto bytes = std::as_bytes(std::span(values));
    ASSERT_TRUE(writeSafetensors(folder_ / "good",
                                 std::vector<TensorToWrite>{{"first", DType::F32, {2, 3}, bytes},
                                                            {"second", DType::BF16, {12}, bytes},
                                                            {"third", DType::F8E4M3, {4, 6}, bytes}},
                                 {{"format", "pt"}}));
    damage(*readFile(folder_ / "good"), ".safetensors");
}

TEST_F(DamagedFiles, Gguf) {
    damage(testing::smallGguf(), ".gguf");
}

TEST_F(DamagedFiles, TorchZip) {
    damage(stored("nested.pth"), ".pth");
}

TEST_F(DamagedFiles, TorchZipDeflated) {
    damage(stored("nested_deflated.pth"), ".pth");
}

TEST_F(DamagedFiles, TorchLegacy) {
    damage(stored("nested_legacy.pth"), ".pth");
}

TEST_F(DamagedFiles, TorchUnusual) {
    damage(stored("unusual.pth"), ".pth");
}

TEST_F(DamagedFiles, Llama2c) {
    using testing::raw;
    std::string file;
    for (const int32_t value : {8, 16, 2, 2, 1, 10, 4})
        file += raw(value);
    // embeddings, two layers, the last norm, rotary tables
    const size_t perLayer = 8 + 64 + 32 + 32 + 64 + 8 + 3 * 128;
    for (size_t i = 0; i < 80 + 2 * perLayer + 8 + 16; ++i)
        file += raw(float(i));
    damage(file, ".bin");
}

}  // namespace
}  // namespace vitrine
