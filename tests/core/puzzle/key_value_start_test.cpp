#include "core/puzzle/key_value_start.h"

#include "core/models/language/decoder_block.h"
#include "core/puzzle/block_library.h"
#include "tests/core/structured/structured_data.h"

namespace vitrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct KeyValueStartTest : testing::StructuredData {
    // Four key/value heads with two query heads each, biases and norms.
    static std::unique_ptr<LanguageModel> model() {
        DecoderConfig config = richConfig(false);
        for (LayerSettings& layer : config.layers) {
            layer.attention.queryHeads = 8;
            layer.attention.keyValueHeads = 4;
        }
        return randomModel(config);
    }
    static PartVariant attentionOf(const LanguageModel& model, int64_t layer) {
        PartVariant part;
        const DecoderBlock& block = *model.decoder().block(layer);
        part.settings = block.settings();
        for (const auto& entry : block.named_parameters())
            if (entry.key().starts_with("self_attn.") || entry.key().starts_with("input_layernorm."))
                part.weights[entry.key()] = entry.value().detach().clone();
        return part;
    }
    static PartVariant feedForwardOf(const LanguageModel& model, int64_t layer) {
        PartVariant part;
        part.part = SubLayer::FeedForward;
        part.settings = model.decoder().block(layer)->settings();
        return part;
    }
    static at::Tensor updateOf(const LanguageModel& model, int64_t layer, const PartVariant& attention,
                               const at::Tensor& x) {
        const at::NoGradGuard noGrad;
        const auto block = makeVariantBlock(model.decoder(), layer, attention, feedForwardOf(model, layer));
        return block->attentionUpdate(x, model.decoder().begin(x.size(0), x.size(1)));
    }
    static at::Tensor stream(const LanguageModel& model) {
        at::manual_seed(5);
        return at::randn({2, 12, model.config().width});
    }
};

TEST_F(KeyValueStartTest, NamesAreReadBack) {
    for (const auto start : {KeyValueStart::Average, KeyValueStart::First, KeyValueStart::Prune})
        EXPECT_EQ(*keyValueStartFromName(keyValueStartName(start)), start);
    EXPECT_THAT(keyValueStartFromName("best").error().text(), HasSubstr("One of average, first, prune"));
}

TEST_F(KeyValueStartTest, AsManyHeadsAsBeforeAreTheSameAttention) {
    const auto parent = model();
    const at::Tensor x = stream(*parent), before = updateOf(*parent, 1, attentionOf(*parent, 1), x);
    for (const auto start : {KeyValueStart::Average, KeyValueStart::First, KeyValueStart::Prune}) {
        PartVariant part = attentionOf(*parent, 1);
        const auto weights = part.weights;
        keepKeyValueHeads(part.settings.attention, part.weights, 4, start,
                          at::tensor({1.0, 4.0, 2.0, 3.0}, at::kDouble));
        for (const auto& [name, weight] : weights)
            EXPECT_TRUE(part.weights.at(name).equal(weight)) << keyValueStartName(start) << " " << name;
        EXPECT_TRUE(updateOf(*parent, 1, part, x).equal(before));
    }
}

TEST_F(KeyValueStartTest, FirstKeepsTheFirstOfEachRun) {
    const auto parent = model();
    PartVariant part = attentionOf(*parent, 0);
    const auto weights = part.weights;
    keepKeyValueHeads(part.settings.attention, part.weights, 2, KeyValueStart::First, {});
    EXPECT_EQ(part.settings.attention.keyValueHeads, 2);
    const int64_t width = part.settings.attention.headWidth;
    for (const char* name : {"self_attn.k_proj.weight", "self_attn.v_proj.weight", "self_attn.k_proj.bias"}) {
        const at::Tensor& old = weights.at(name);
        EXPECT_TRUE(
            part.weights.at(name).equal(at::cat({old.narrow(0, 0, width), old.narrow(0, 2 * width, width)})))
            << name;
    }
    EXPECT_TRUE(part.weights.at("self_attn.q_proj.weight").equal(weights.at("self_attn.q_proj.weight")));
}

// What is pruned computes what the parent does without the removed groups.
TEST_F(KeyValueStartTest, PruneIsTheParentWithoutTheRemovedGroups) {
    const auto parent = model();
    const at::Tensor x = stream(*parent);
    const at::Tensor scores = at::tensor({1.0, 4.0, 2.0, 3.0}, at::kDouble);
    for (const auto& [count, removed] :
         {std::pair{2, std::vector<int64_t>{0, 2}}, std::pair{1, std::vector<int64_t>{0, 2, 3}}}) {
        PartVariant pruned = attentionOf(*parent, 2), silenced = pruned;
        keepKeyValueHeads(pruned.settings.attention, pruned.weights, count, KeyValueStart::Prune, scores);
        at::Tensor& out = silenced.weights.at("self_attn.o_proj.weight");
        const int64_t group = out.size(1) / 4;
        for (const int64_t head : removed)
            out.narrow(1, head * group, group).zero_();
        const at::Tensor expected = updateOf(*parent, 2, silenced, x);
        EXPECT_TRUE(updateOf(*parent, 2, pruned, x).allclose(expected, 1e-5, 1e-6)) << count;
        EXPECT_FALSE(updateOf(*parent, 2, attentionOf(*parent, 2), x).allclose(expected, 1e-3, 1e-3));
        // All queries are still there, and those of removed groups can learn.
        EXPECT_EQ(pruned.weights.at("self_attn.q_proj.weight").sizes(),
                  parent->decoder().block(2)->linear(LinearRole::Query)->weight.sizes());
    }
}

TEST_F(KeyValueStartTest, ScoresAreWhatAGroupAddsToTheStream) {
    const auto parent = model();
    const AttentionSettings settings = parent->config().layers[0].attention;
    at::manual_seed(3);
    const int64_t columns = settings.queryHeads * settings.headWidth, group = columns / 4;
    const at::Tensor heads = at::randn({2, 5, columns}), out = at::randn({7, columns});
    KeyValueScores scores;
    scores.add(heads.narrow(0, 0, 1), out, settings);
    scores.add(heads.narrow(0, 1, 1), out, settings);
    for (int64_t head = 0; head < 4; ++head) {
        const at::Tensor alone = at::zeros_like(heads);
        alone.narrow(2, head * group, group).copy_(heads.narrow(2, head * group, group));
        const double expected = alone.matmul(out.t()).norm(2, 2).mean().item<double>();
        EXPECT_NEAR(scores.scores()[head].item<double>(), expected, 1e-5 * expected);
    }
    EXPECT_FALSE(KeyValueScores().scores().defined());
}

TEST_F(KeyValueStartTest, TheLibraryBeginsAsAsked) {
    const auto parent = model();
    std::vector<double> errors;
    for (const auto start : {KeyValueStart::Average, KeyValueStart::First, KeyValueStart::Prune}) {
        VariantGrid grid{{2}, {}, false, false, false, false, start};
        auto library = startLibrary(*parent, ranked(*parent), grid, batches(), job);
        ASSERT_TRUE(library) << library.error().text();
        ASSERT_EQ(library->layers[0].attention.size(), 2u);
        EXPECT_THAT(library->layers[0].attention[1].name,
                    start == KeyValueStart::Average ? std::string("2 key/value heads")
                    : start == KeyValueStart::First ? std::string("2 key/value heads (first)")
                                                    : std::string("2 key/value heads (prune)"));
        ASSERT_TRUE(distilLayer(*parent, 0, batches(), {.steps = 0}, *library, job));
        errors.push_back(library->layers[0].attention[1].errorBefore);
        // It is written and read as a model like any other.
        const auto child = assemble(*parent, *library, {{1, 0}, {1, 0}, {0, 0}});
        ASSERT_TRUE(child) << child.error().text();
        ASSERT_TRUE(saveLanguageModel(**child, folder / keyValueStartName(start)));
        const auto loaded = loadLanguageModel(folder / keyValueStartName(start), {});
        ASSERT_TRUE(loaded) << loaded.error().text();
        EXPECT_EQ(difference(**child, **loaded, batches()[0]), 0);
    }
    EXPECT_NE(errors[0], errors[1]);
    EXPECT_NE(errors[0], errors[2]);
    for (const double error : errors)
        EXPECT_GT(error, 0);
}

}  // namespace
}  // namespace vitrine
