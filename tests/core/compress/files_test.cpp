// Saved forms: masks, low-bit codes, packed 2:4 values, low-rank paths.
#include "core/compress/layer_offload.h"
#include "core/compress/mask_set.h"
#include "core/compress/sparsity.h"
#include "core/io/fp8.h"
#include "tests/core/compress/compress_data.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>

#include <fstream>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

NamedTensors someWeights() {
    return {{"layers.0.up.weight", at::randn({12, 20})}, {"layers.0.down.weight", at::randn({7, 13})}};
}

MaskSet masksFor(const NamedTensors& weights) {
    MaskSet masks;
    EXPECT_TRUE(masks.set("layers.0.up.weight",
                          *magnitudeMask(weights.at("layers.0.up.weight"), SparsityPattern::nOfM(2, 4))));
    EXPECT_TRUE(masks.set("layers.0.down.weight", *magnitudeMask(weights.at("layers.0.down.weight"),
                                                                 SparsityPattern::unstructured(0.6))));
    masks.fingerprint = weightFingerprint(weights);
    masks.metadata = {{"method", "magnitude"}};
    return masks;
}

TEST(MaskSet, ComesBackFromAFileInTheSizeOfItsPatterns) {
    at::manual_seed(1);
    const testing::TemporaryFolder folder;
    const auto weights = someWeights();
    const auto masks = masksFor(weights);
    EXPECT_TRUE(masks.is24("layers.0.up.weight"));
    EXPECT_FALSE(masks.is24("layers.0.down.weight"));
    // 60 groups, three a byte; 7 rows of 13 bits.
    EXPECT_EQ(masks.byteCount(), 20 + 7 * 2);
    ASSERT_TRUE(masks.save(folder / "masks.safetensors"));
    const auto loaded = MaskSet::load(folder / "masks.safetensors");
    ASSERT_TRUE(loaded) << messageOf(loaded);
    for (const auto& name : masks.names())
        EXPECT_TRUE(loaded->mask(name)->equal(*masks.mask(name))) << name;
    EXPECT_EQ(loaded->metadata.at("method"), "magnitude");
    EXPECT_EQ(loaded->fingerprint, masks.fingerprint);
    EXPECT_THAT(messageOf(loaded->mask("other")), HasSubstr("these masks have none for this tensor"));
}

TEST(MaskSet, AnyCopyOfTheCheckpointTakesThem) {
    at::manual_seed(2);
    const auto weights = someWeights();
    const auto masks = masksFor(weights);
    NamedTensors copy, half;
    for (const auto& [name, weight] : weights) {
        copy[name] = weight.clone();
        half[name] = weight.to(at::kBFloat16);
    }
    ASSERT_TRUE(masks.applyTo(copy));
    ASSERT_TRUE(masks.applyTo(half));
    for (const auto& [name, weight] : weights) {
        EXPECT_TRUE(copy[name].equal(weight * *masks.mask(name)));
        EXPECT_TRUE(half[name].equal(weight.to(at::kBFloat16) * *masks.mask(name)));
    }
}

TEST(MaskSet, AnotherModelIsRefusedAndLeftAsItWas) {
    at::manual_seed(3);
    const auto weights = someWeights();
    const auto masks = masksFor(weights);
    auto other = someWeights();
    const auto before = other.at("layers.0.up.weight").clone();
    EXPECT_THAT(messageOf(masks.applyTo(other)), HasSubstr("made for other weights"));
    EXPECT_TRUE(other.at("layers.0.up.weight").equal(before));
    NamedTensors narrow{{"layers.0.up.weight", at::zeros({12, 16})},
                        {"layers.0.down.weight", at::zeros({7, 13})}};
    EXPECT_THAT(
        messageOf(masks.applyTo(narrow)),
        ::testing::AllOf(HasSubstr("layers.0.up.weight"), HasSubstr("expected [12, 20], found [12, 16]")));
    NamedTensors empty;
    EXPECT_THAT(messageOf(masks.applyTo(empty)), HasSubstr("no such tensor"));
}

TEST(MaskSet, OnlyMasksAreTaken) {
    MaskSet masks;
    EXPECT_THAT(messageOf(masks.set("a", at::full({2, 4}, 0.5))), HasSubstr("nothing but 0 and 1"));
    EXPECT_THAT(messageOf(masks.set("a", at::ones({8}))), HasSubstr("rows, columns"));
}

TEST(MaskSet, DamagedFilesAreRefused) {
    at::manual_seed(4);
    const testing::TemporaryFolder folder;
    const auto file = folder / "masks.safetensors";
    ASSERT_TRUE(masksFor(someWeights()).save(file));
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(-1, std::ios::end);
    stream.put(char(0xff));  // no base-6 number
    stream.close();
    EXPECT_THAT(messageOf(MaskSet::load(file)), HasSubstr("do not make a mask"));
    CompressedWeights others;
    ASSERT_TRUE(others.save(folder / "others.safetensors"));
    EXPECT_THAT(messageOf(MaskSet::load(folder / "others.safetensors")), HasSubstr("no weight masks"));
}

TEST(MaskSet, FlippedPartCountsPlacesThatChanged) {
    EXPECT_EQ(flippedPart(at::tensor({1, 0, 1, 0}), at::tensor({1, 1, 0, 0})), 0.5);
}

TEST(LowBitMatrix, EveryFormatComesBackToTheBit) {
    at::manual_seed(5);
    const testing::TemporaryFolder folder;
    const auto weight = at::randn({9, 150});
    CompressedWeights saved;
    for (const char* name :
         {"int2", "int3", "int4", "int8", "int4_symmetric", "fp8_e4m3", "fp8_e5m2", "nf4", "nvfp4"}) {
        auto& layer = saved.layers[name];
        layer.rows = 9;
        layer.columns = 150;
        layer.lowBit = *quantize(weight, *LowBitFormatSpec::fromName(name));
    }
    ASSERT_TRUE(saved.save(folder / "weights.safetensors"));
    const auto loaded = CompressedWeights::load(folder / "weights.safetensors");
    ASSERT_TRUE(loaded) << messageOf(loaded);
    ASSERT_EQ(loaded->layers.size(), saved.layers.size());
    for (const auto& [name, layer] : saved.layers) {
        EXPECT_TRUE(loaded->layers.at(name).weight().equal(layer.weight())) << name;
        EXPECT_EQ(loaded->layers.at(name).lowBit->spec, layer.lowBit->spec) << name;
    }
    // The bytes that are counted are the bytes of the file behind its header.
    std::ifstream stream(folder / "weights.safetensors", std::ios::binary);
    uint64_t header = 0;
    stream.read(reinterpret_cast<char*>(&header), 8);
    EXPECT_EQ(std::filesystem::file_size(folder / "weights.safetensors"),
              8 + header + uint64_t(saved.byteCount()));
}

TEST(LowBitMatrix, BitsPerWeightAreThoseOfTheFormats) {
    const auto weight = at::randn({64, 1024});
    const auto bits = [&](const char* name) {
        return quantize(weight, *LowBitFormatSpec::fromName(name))->bitsPerWeight();
    };
    EXPECT_NEAR(bits("nvfp4"), 4.5, 1e-3);
    EXPECT_NEAR(bits("fp8_e4m3"), 8, 1e-3);
    EXPECT_NEAR(bits("nf4"), 4.5, 1e-3);
    EXPECT_NEAR(bits("int4"), 4 + 40. / 128, 1e-3);
}

TEST(LowBitMatrix, Fp8IsThatOfTheFileFormats) {
    at::manual_seed(6);
    const auto weight = (at::randn({6, 40}) * 3).contiguous();
    const auto found = *quantize(weight, *LowBitFormatSpec::fromName("fp8_e4m3"));
    const auto expected = fp8Quantize(Fp8Format::E4M3, Fp8Scaling::Tensor,
                                      {weight.const_data_ptr<float>(), size_t(weight.numel())}, 6, 40);
    EXPECT_TRUE(found.packed.flatten().equal(at::tensor(at::ArrayRef<uint8_t>(expected.codes), at::kByte)));
}

TEST(LowBitMatrix, BadInputIsNamed) {
    EXPECT_THAT(messageOf(LowBitFormatSpec::fromName("int9")), HasSubstr("Known: int2"));
    EXPECT_THAT(messageOf(quantize(at::full({2, 4}, std::nan("")), {})), HasSubstr("NaN or infinity"));
    const auto matrix = *quantize(at::randn({2, 8}), *LowBitFormatSpec::fromName("int4"));
    auto parts = matrix.parts();
    parts["scales"] = at::ones({2, 2});
    EXPECT_THAT(messageOf(LowBitMatrix::fromParts(matrix.manifest(), parts)),
                HasSubstr("scales: expected [2, 1]"));
    parts.erase("packed");
    EXPECT_THAT(messageOf(LowBitMatrix::fromParts(matrix.manifest(), parts)), HasSubstr("packed"));
}

TEST(CompressedWeights, SparseAndLowRankComeBack) {
    at::manual_seed(7);
    const testing::TemporaryFolder folder;
    const auto x = unevenInputs(60, 20);
    const auto weight = at::randn({12, 20});
    const auto pruned = weight * *magnitudeMask(weight, SparsityPattern::nOfM(2, 4));
    CompressedWeights saved;
    saved.metadata["base"] = "model";
    auto& layer = saved.layers["layers.0.up"];
    layer.rows = 12;
    layer.columns = 20;
    layer.sparse = *pack24(pruned);
    layer.lowRank = *compensate(weight - pruned, statisticsOf(x), LowRankMethod::Eora, 3);
    auto& half = saved.layers["layers.0.half"];
    half.rows = 12;
    half.columns = 20;
    half.sparse = *pack24(pruned.to(at::kBFloat16));
    ASSERT_TRUE(saved.save(folder / "weights.safetensors"));
    const auto loaded = CompressedWeights::load(folder / "weights.safetensors");
    ASSERT_TRUE(loaded) << messageOf(loaded);
    EXPECT_TRUE(loaded->layers.at("layers.0.up").weight().equal(layer.weight()));
    EXPECT_TRUE(loaded->layers.at("layers.0.half").weight().equal(pruned.to(at::kBFloat16)));
    EXPECT_EQ(loaded->metadata.at("base"), "model");
    EXPECT_EQ(loaded->byteCount(), saved.byteCount());
}

TEST(CompressedWeights, LowBitValuesOfSparseWeightsArePackedTogether) {
    at::manual_seed(8);
    const testing::TemporaryFolder folder;
    const auto weight = at::randn({10, 172});
    const auto pruned = weight * *magnitudeMask(weight, SparsityPattern::nOfM(2, 4));
    CompressedWeights saved;
    for (const char* name : {"int4", "int3", "nf4", "fp8_e4m3", "int8_symmetric"}) {
        const auto codes = *quantize(pruned, *LowBitFormatSpec::fromName(name));
        const auto layer = sparseLowBit(codes.decode(), codes);
        ASSERT_TRUE(layer) << name;
        EXPECT_TRUE(layer->weight().equal(codes.decode())) << name;
        EXPECT_LT(layer->byteCount(), codes.byteCount()) << name;
        saved.layers[name] = *layer;
    }
    ASSERT_TRUE(saved.save(folder / "weights.safetensors"));
    const auto loaded = CompressedWeights::load(folder / "weights.safetensors");
    ASSERT_TRUE(loaded) << messageOf(loaded);
    for (const auto& [name, layer] : saved.layers)
        EXPECT_TRUE(loaded->layers.at(name).weight().equal(layer.weight())) << name;
    const auto blocks = *quantize(pruned, *LowBitFormatSpec::fromName("nvfp4"));
    EXPECT_FALSE(sparseLowBit(blocks.decode(), blocks));
    EXPECT_FALSE(sparseLowBit(weight, *quantize(weight, *LowBitFormatSpec::fromName("int4"))));
}

TEST(LayerOffload, LayersComeBackToTheBitAndLeaveNoFile) {
    at::manual_seed(9);
    const testing::TemporaryFolder folder;
    std::map<std::string, at::Tensor> expected;
    LayerOffload offload(folder.path(), 2000);
    for (int i = 0; i < 8; ++i) {
        const auto weight = at::randn({16, 24});
        const auto pruned = weight * *magnitudeMask(weight, SparsityPattern::nOfM(2, 4));
        CompressedLinear layer;
        layer.rows = 16;
        layer.columns = 24;
        if (i % 3 == 0)
            layer.dense = weight;
        else if (i % 3 == 1)
            layer.sparse = *pack24(pruned);
        else
            layer.lowBit = *quantize(weight, *LowBitFormatSpec::fromName("int4"));
        const auto name = fmt::format("layers.{}.up", i);
        expected[name] = layer.weight();
        ASSERT_TRUE(offload.add(name, std::move(layer)));
        EXPECT_LE(offload.bytesInMemory(), 2000);
        EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
    }
    EXPECT_GT(offload.bytesOffloaded(), 2000);
    const auto all = offload.take();
    EXPECT_EQ(offload.bytesInMemory() + offload.bytesOffloaded(), 0);
    ASSERT_EQ(all.layers.size(), expected.size());
    for (const auto& [name, weight] : expected)
        EXPECT_TRUE(all.layers.at(name).weight().equal(weight)) << name;
    // What lies on disk can be saved like any other.
    ASSERT_TRUE(all.save(folder / "weights.safetensors"));
    EXPECT_EQ(CompressedWeights::load(folder / "weights.safetensors")->byteCount(), all.byteCount());
}

TEST(LayerOffload, AFolderThatCannotBeWrittenIsSaid) {
    const testing::TemporaryFolder folder;
    LayerOffload offload(folder / "missing", 100);
    CompressedLinear layer;
    layer.rows = layer.columns = 8;
    layer.dense = at::zeros({8, 8});
    EXPECT_THAT(messageOf(offload.add("layers.0.up", layer)),
                HasSubstr("packed layers on their way to disk"));
}

TEST(CompressedWeights, GroupsWithMoreThanTwoWeightsAreNotPacked) {
    auto weight = at::zeros({3, 12});
    weight[1].slice(0, 4, 7).fill_(1);
    EXPECT_THAT(messageOf(pack24(weight)),
                HasSubstr("1 groups of four have more than two weights, the first in row 1, columns 4 on"));
    EXPECT_THAT(messageOf(pack24(at::zeros({3, 10}))), HasSubstr("10 inputs are no whole groups of 4"));
}

}  // namespace
}  // namespace vitrine
