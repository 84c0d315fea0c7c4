#include "core/io/torch_archive.h"

#include "core/base/file.h"
#include "core/io/dequantize.h"
#include "core/io/pickle.h"
#include "core/io/zip_archive.h"
#include "tests/core/io/zip_builder.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>

#include <cmath>

namespace vitrine {
namespace {

using ::testing::HasSubstr;
using testing::torchZip;
namespace fs = std::filesystem;

std::vector<float> values(const TensorSource& source, const std::string& name) {
    const auto read = source.read(name);
    EXPECT_TRUE(read) << name;
    if (!read)
        return {};
    auto floats = dequantize(*read);
    EXPECT_TRUE(floats) << name;
    return floats.value_or(std::vector<float>());
}

// The same dictionary written by torch 2.11 in four ways (tests/data/io/README.md).
class TorchWritten : public ::testing::TestWithParam<const char*> {};

TEST_P(TorchWritten, TensorsAreReadByTheirStrides) {
    const auto opened = openTensors(testing::dataFolder() / "io" / GetParam());
    ASSERT_TRUE(opened) << opened.error().text();
    const TensorSource& source = **opened;
    EXPECT_EQ(source.tensors().size(), 14u);
    EXPECT_EQ(source.metadata().at("epoch"), "12");
    EXPECT_EQ(source.metadata().at("rate"), "0.5");
    EXPECT_EQ(source.metadata().at("note"), "hello");
    EXPECT_EQ(source.metadata().count("skipped_tensors"), 0u);
    const auto plain = values(source, "model.plain"), transposed = values(source, "model.transposed");
    ASSERT_EQ(plain.size(), 24u);
    ASSERT_EQ(transposed.size(), 24u);
    for (size_t row = 0; row < 4; ++row)
        for (size_t column = 0; column < 6; ++column) {
            EXPECT_EQ(plain[row * 6 + column], float(row * 6 + column));
            EXPECT_EQ(transposed[column * 4 + row], float(row * 6 + column));
        }
    EXPECT_EQ(source.find("model.transposed")->shapeText(), "[6, 4]");
    EXPECT_EQ(values(source, "model.column"), (std::vector<float>{2, 8, 14, 20}));
    EXPECT_EQ(values(source, "model.tail"),
              (std::vector<float>{12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23}));
    EXPECT_EQ(values(source, "model.expanded"), (std::vector<float>{1, 1, 1, 2, 2, 2}));
    EXPECT_EQ(values(source, "model.scalar"), std::vector<float>{7.5});
    EXPECT_EQ(source.find("model.scalar")->dtype, DType::F64);
    EXPECT_EQ(values(source, "model.half"), (std::vector<float>{1.5, -2}));
    EXPECT_EQ(values(source, "model.brain"), (std::vector<float>{1.5, -2}));
    EXPECT_EQ(values(source, "model.long"), (std::vector<float>{1099511627776.f, -1}));
    EXPECT_EQ(values(source, "model.flags"), (std::vector<float>{1, 0}));
    EXPECT_EQ(source.find("model.none")->shapeText(), "[0, 3]");
    EXPECT_EQ(values(source, "model.parameter"), (std::vector<float>{1, 1}));
    EXPECT_EQ(values(source, "history.0"), std::vector<float>{3});
    EXPECT_EQ(values(source, "history.1.deep"), std::vector<float>{4});
}

INSTANTIATE_TEST_SUITE_P(Files, TorchWritten,
                         ::testing::Values("nested.pth", "nested_legacy.pth", "nested_protocol4.pth",
                                           "nested_deflated.pth"));

TEST(TorchArchive, SkipsWhatItCannotRepresent) {
    const auto opened = openTensors(testing::dataFolder() / "io" / "unusual.pth");
    ASSERT_TRUE(opened) << opened.error().text();
    EXPECT_EQ(values(**opened, "fp8"), (std::vector<float>{1, 448}));
    EXPECT_EQ(values(**opened, "u16"), (std::vector<float>{1, 65535}));
    EXPECT_EQ(values(**opened, "kept"), std::vector<float>{5});
    EXPECT_EQ((*opened)->tensors().size(), 3u);
    const std::string skipped = (*opened)->metadata().at("skipped_tensors");
    for (const char* name : {"c128 (", "q (quantised)", "sparse (sparse_tensor)"})
        EXPECT_THAT(skipped, HasSubstr(name));
}

class HostileArchive : public ::testing::Test {
  protected:
    void refuses(const std::string& content, const std::string& reason) {
        ASSERT_TRUE(writeFileAtomically(folder_ / "bad.pth", content));
        const auto opened = openTensors(folder_ / "bad.pth");
        ASSERT_FALSE(opened) << reason;
        EXPECT_EQ(opened.error().code, ErrorCode::InvalidFile) << opened.error().text();
        EXPECT_THAT(opened.error().text(), HasSubstr(reason));
    }
    // A dictionary {"w": tensor} over a storage "0" of `elements` floats; storage data of 24 bytes.
    static std::string tensorZip(int elements, const std::string& offset, const std::string& shape,
                                 const std::string& strides) {
        const std::string pickle =
            "(dS'w'\nctorch._utils\n_rebuild_tensor_v2\n((S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nI" +
            std::to_string(elements) + "\ntQL" + offset + "L\n" + shape + strides + "I00\n(dtRs.";
        return torchZip({{"a/data.pkl", pickle}, {"a/data/0", std::string(24, '\0')}});
    }
    testing::TemporaryFolder folder_;
};

TEST_F(HostileArchive, NothingIsCalled) {
    const fs::path witness = folder_ / "witness";
    const std::string command = "touch " + witness.string();
    refuses(torchZip({{"a/data.pkl", "cos\nsystem\n(S'" + command + "'\ntR."}}), "it would call os.system");
    refuses(torchZip({{"a/data.pkl", "(S'" + command + "'\nios\nsystem\n."}}), "os.system");
    refuses(torchZip({{"a/data.pkl", "cbuiltins\neval\n(S'1'\ntR."}}), "builtins.eval");
    refuses(torchZip({{"a/data.pkl", "\x80\x04\x8c\x05posix\x8c\x06system\x93."}}), "posix.system");
    refuses(torchZip({{"a/data.pkl", "ctorch.nn.modules.linear\nLinear\n)\x81."}}),
            "torch.nn.modules.linear.Linear");
    // A dotted name would be looked up through attributes.
    refuses(torchZip({{"a/data.pkl", "ctorch.storage\nos.system.Storage\n(tR."}}), "os.system.Storage");
    refuses(torchZip({{"a/data.pkl", "ctorch\nFloatStorage\n(tR."}}), "torch.FloatStorage");
    refuses(torchZip({{"a/data.pkl", "ccollections\nOrderedDict\n)\x81."}}), "collections.OrderedDict");
    EXPECT_FALSE(fs::exists(witness));
}

TEST_F(HostileArchive, TensorsStayInsideTheirStorage) {
    ASSERT_TRUE(writeFileAtomically(folder_ / "good.pth", tensorZip(6, "0", "(I2\nI3\nt", "(I3\nI1\nt")));
    const auto good = openTensors(folder_ / "good.pth");
    ASSERT_TRUE(good) << good.error().text();
    EXPECT_EQ(values(**good, "w").size(), 6u);
    refuses(tensorZip(6, "1", "(I2\nI3\nt", "(I3\nI1\nt"), "leaves its storage");
    refuses(tensorZip(6, "0", "(I2\nI3\nt", "(I30\nI1\nt"), "leaves its storage");
    refuses(tensorZip(6, "0", "(I2\nI-3\nt", "(I3\nI1\nt"), "leaves its storage");
    refuses(tensorZip(6, "5", "(I2\nI3\nt", "(I-3\nI1\nt"), "leaves its storage");
    refuses(tensorZip(6, "-1", "(I2\nt", "(I1\nt"), "not described");
    refuses(tensorZip(6, "9223372036854775807", "(I2\nt", "(L9223372036854775807L\nt"), "leaves its storage");
    refuses(tensorZip(6, "0", "(L4611686018427387904L\nI4\nt", "(I1\nI1\nt"), "leaves its storage");
    refuses(tensorZip(6, "0", "(I2\nI3\nt", "(I1\nt"), "not described");
    refuses(tensorZip(7, "0", "(I2\nt", "(I1\nt"), "has 24 bytes, not 28");
}

TEST_F(HostileArchive, ExpandedTensorsAreBounded) {
    ASSERT_TRUE(
        writeFileAtomically(folder_ / "huge.pth", tensorZip(6, "0", "(L1000000000000L\nt", "(I0\nt")));
    const auto opened = openTensors(folder_ / "huge.pth");
    ASSERT_TRUE(opened) << opened.error().text();
    EXPECT_TRUE((*opened)->tensors().empty());
    EXPECT_THAT((*opened)->metadata().at("skipped_tensors"), HasSubstr("expanded to 4000000000000 bytes"));
}

TEST_F(HostileArchive, PicklesWithoutEnd) {
    refuses(torchZip({{"a/data.pkl", "(dS'w'\n"}}), "truncated");
    refuses(torchZip({{"a/data.pkl", "."}}), "no value");
    refuses(torchZip({{"a/data.pkl", "R."}}), "0x52");
    refuses(torchZip({{"a/data.pkl", "h\x05."}}), "0x68");
    refuses(torchZip({{"a/data.pkl", "\xfe."}}), "0xfe");
    refuses(torchZip({{"a/data.pkl", "]q" + std::string(1, '\0') + "h" + std::string(1, '\0') + "a."}}),
            "nested");
    std::string doubling = "]";  // each list holds the one before twice
    for (int i = 0; i < 40; ++i)
        doubling +=
            "q\x01]h\x01"
            "ah\x01"
            "a";
    refuses(torchZip({{"a/data.pkl", doubling + "."}}), "nested");
    std::string deep(3'000'000, '(');
    refuses(torchZip({{"a/data.pkl", deep + "."}}), "no value");
    refuses("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", "truncated");
}

TEST_F(HostileArchive, DamagedZips) {
    refuses("PK\x03\x04", "too short");
    refuses("PK\x03\x04" + std::string(100, 'x'), "directory is missing");
    const std::string good = torchZip({{"a/data.pkl", "}."}});
    refuses(good.substr(0, good.size() - 30), "directory is missing");
    refuses(torchZip({{"a/other", "}."}}), "no data.pkl");
    refuses(torchZip({{"a/constants.pkl", "}."}}), "TorchScript");
    refuses(torchZip({{"a/data.pkl", "}."}, {"a/data.pkl", "}."}}), "occurs twice");
    std::string changed = good;
    changed[changed.find("}.")] = ']';
    refuses(changed, "checksum");
}

TEST(TrainedCheckpoints, OpenWithAllTheirTensors) {
    VITRINE_SHARED_DATA(folder, "data/encoders");
    const std::pair<const char*, size_t> files[] = {{"vit_mnist_tiny/mnist_vit.pth", 19},
                                                    {"vit_mnist_tiny/mnist_vit_qat.pth", 15},
                                                    {"aliked/aliked-t16.pth", 76},
                                                    {"aliked/aliked-t16.safetensors", 76},
                                                    {"vit_cifar10/vit_cifar10.safetensors", 0},
                                                    {"resnet_cifar10/resnet20.safetensors", 0},
                                                    {"resnet_cifar10/resnet32.safetensors", 0},
                                                    {"resnet_cifar10/resnet56.safetensors", 0},
                                                    {"efficientnet_lite0/efficientnet_lite0.safetensors", 0}};
    for (const auto& [name, count] : files) {
        const auto opened = openTensors(folder / name);
        ASSERT_TRUE(opened) << opened.error().text();
        const TensorSource& source = **opened;
        EXPECT_FALSE(source.tensors().empty()) << name;
        if (count)
            EXPECT_EQ(source.tensors().size(), count) << name;
        for (const TensorInfo& info : source.tensors())
            for (const float value : values(source, info.name))
                ASSERT_TRUE(std::isfinite(value)) << name << " " << info.name;
    }
    // The same network in two formats.
    const auto pickled = openTensors(folder / "aliked/aliked-t16.pth");
    const auto plain = openTensors(folder / "aliked/aliked-t16.safetensors");
    size_t equal = 0;
    for (const TensorInfo& info : (*pickled)->tensors())
        if ((*plain)->find(info.name))
            equal += values(**pickled, info.name) == values(**plain, info.name);
    EXPECT_EQ(equal, (*pickled)->tensors().size());
}

}  // namespace
}  // namespace vitrine
