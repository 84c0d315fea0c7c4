#include "core/models/language/decoder_block.h"
#include "tests/core/models/language/small_decoder.h"

#include <gmock/gmock.h>

#include <set>

namespace vitrine {
namespace {

using testing::smallConfig;
using testing::smallModel;
using testing::someIds;

TEST(Decoder, BlockByBlockIsTheWhole) {
    at::NoGradGuard noGrad;
    const auto model = smallModel(testing::mixedConfig());
    ASSERT_TRUE(model);
    const Decoder& decoder = model->decoder();
    const at::Tensor ids = someIds(2, 11);
    const DecoderPass pass = decoder.begin(ids);
    at::Tensor x = decoder.embed(ids);
    for (int64_t i = 0; i < decoder.depth(); ++i)
        x = decoder.runBlock(i, x, pass);
    EXPECT_TRUE(at::equal(decoder.head(decoder.finalNorm(x)), decoder.logits(ids)));
}

TEST(Decoder, LinearLayersAreKnownByPlaceAndName) {
    const auto model = smallModel(smallConfig(2));
    ASSERT_TRUE(model);
    const auto linears = model->decoder().linears();
    ASSERT_EQ(linears.size(), 14u);
    const auto parameters = model->decoder().named_parameters();
    for (const auto& layer : linears) {
        const std::string name = model->decoder().linearName(layer->place()) + ".weight";
        ASSERT_TRUE(parameters.contains(name)) << name;
        EXPECT_TRUE(parameters[name].is_same(layer->weight)) << name;
    }
    EXPECT_EQ(linears[7]->place().block, 1);
    EXPECT_EQ(linears[7]->group(), LinearGroup::QueryKeyValue);
    EXPECT_EQ(model->decoder().linearName(linears[13]->place()), "model.layers.1.mlp.down_proj");
}

class Recorder : public DecoderObserver {
  public:
    explicit Recorder(bool outputs) : outputs_(outputs) {}
    void onInput(int64_t block, LinearGroup group, const at::Tensor& x) override {
        inputs[{block, group}] = x.clone();
    }
    bool wantsOutputs() const override { return outputs_; }
    void onOutput(const LinearPlace& place, const at::Tensor& y) override {
        results[{place.block, place.role}] = y.clone();
    }
    void onNorm(int64_t block, SubLayer which, const at::Tensor&) override { norms.insert({block, which}); }
    void onUpdate(int64_t block, SubLayer which, const at::Tensor&, const at::Tensor& update) override {
        updates[{block, which}] = update.clone();
    }
    void onBlock(int64_t block, const at::Tensor& in, const at::Tensor& out) override {
        blocks[block] = {in.clone(), out.clone()};
    }
    bool wantsAttention(int64_t block) const override { return block == 1; }
    void onAttention(int64_t, const at::Tensor& p) override { attention = p; }

    std::map<std::pair<int64_t, LinearGroup>, at::Tensor> inputs;
    std::map<std::pair<int64_t, LinearRole>, at::Tensor> results;
    std::map<std::pair<int64_t, SubLayer>, at::Tensor> updates;
    std::map<int64_t, std::pair<at::Tensor, at::Tensor>> blocks;
    std::set<std::pair<int64_t, SubLayer>> norms;
    at::Tensor attention;

  private:
    bool outputs_;
};

TEST(Decoder, ObserversSeeInputsOutputsAndUpdates) {
    at::NoGradGuard noGrad;
    const auto model = smallModel(smallConfig());
    ASSERT_TRUE(model);
    const Decoder& decoder = model->decoder();
    const at::Tensor ids = someIds(2, 9);
    const at::Tensor plain = decoder.logits(ids);
    for (const bool outputs : {false, true}) {
        Recorder recorder(outputs);
        EXPECT_TRUE(at::allclose(decoder.logits(ids, {.observer = &recorder}), plain, 1e-4, 1e-5));
        EXPECT_EQ(recorder.inputs.size(), 12u);
        EXPECT_EQ(recorder.norms.size(), 6u);
        EXPECT_EQ(recorder.results.size(), outputs ? 21u : 0u);
        for (const auto& layer : decoder.linears()) {
            const LinearPlace& place = layer->place();
            const at::Tensor& x = recorder.inputs.at({place.block, layer->group()});
            EXPECT_EQ(x.size(-1), layer->inFeatures());
            if (outputs)
                EXPECT_TRUE(at::allclose(recorder.results.at({place.block, place.role}),
                                         at::linear(x, layer->weight), 1e-4, 1e-5));
        }
        const auto& [in, out] = recorder.blocks.at(1);
        EXPECT_TRUE(at::allclose(in + recorder.updates.at({1, SubLayer::Attention}) +
                                     recorder.updates.at({1, SubLayer::FeedForward}),
                                 out, 1e-4, 1e-5));
        ASSERT_EQ(recorder.attention.sizes(), (std::vector<int64_t>{2, 4, 9, 9}));
        EXPECT_TRUE(at::allclose(recorder.attention.sum(-1), at::ones({2, 4, 9}), 1e-4, 1e-5));
        EXPECT_EQ(recorder.attention.triu(1).abs().max().item<float>(), 0.0f);
    }
}

TEST(Decoder, AReplacedProductEqualsTheChangedWeight) {
    at::NoGradGuard noGrad;
    const auto model = smallModel(smallConfig()), changed = smallModel(smallConfig());
    ASSERT_TRUE(model && changed);
    const at::Tensor ids = someIds(1, 12);
    const at::Tensor before = model->decoder().logits(ids);
    const auto linears = model->decoder().linears(), others = changed->decoder().linears();
    for (size_t i = 0; i < linears.size(); ++i) {
        const at::Tensor mask =
            at::arange(linears[i]->weight.numel()).remainder(4).lt(2).view_as(linears[i]->weight);
        linears[i]->replaceProduct([mask](const at::Tensor& x, const nn::Linear& own) {
            return at::linear(x, own.weight * mask, own.bias);
        });
        others[i]->weight.mul_(mask);
    }
    const at::Tensor masked = model->decoder().logits(ids);
    EXPECT_TRUE(at::allclose(masked, changed->decoder().logits(ids), 1e-4, 1e-5));
    EXPECT_FALSE(at::allclose(masked, before, 1e-2, 1e-2));
    for (const auto& layer : linears)
        layer->replaceProduct({});
    EXPECT_TRUE(at::equal(model->decoder().logits(ids), before));
}

TEST(Decoder, WeightsWrittenInPlaceOrAnewCountAtOnce) {
    at::NoGradGuard noGrad;
    const auto model = smallModel(smallConfig());
    ASSERT_TRUE(model);
    const at::Tensor ids = someIds(1, 6);
    const at::Tensor before = model->decoder().logits(ids);
    const auto key = model->decoder().block(0)->linear(LinearRole::Key);
    const at::Tensor old = key->weight.clone();
    key->weight.copy_(old * 2);
    const at::Tensor inPlace = model->decoder().logits(ids);
    key->weight.copy_(old);
    key->weight.set_data(old * 2);
    EXPECT_TRUE(at::allclose(model->decoder().logits(ids), inPlace, 1e-4, 1e-5));
    EXPECT_FALSE(at::allclose(inPlace, before, 1e-4, 1e-5));
}

TEST(Decoder, BlocksCanBeTakenOutAndExchanged) {
    at::NoGradGuard noGrad;
    const auto model = smallModel(smallConfig());
    ASSERT_TRUE(model);
    Decoder& decoder = model->decoder();
    const at::Tensor ids = someIds(1, 8);
    const DecoderPass pass = decoder.begin(ids);
    const at::Tensor expected = decoder.head(
        decoder.finalNorm(decoder.runBlock(2, decoder.runBlock(0, decoder.embed(ids), pass), pass)));
    decoder.removeBlocks({1});
    EXPECT_EQ(decoder.depth(), 2);
    EXPECT_EQ(decoder.config().depth(), 2);
    EXPECT_TRUE(at::equal(decoder.logits(ids), expected));
    EXPECT_TRUE(decoder.named_parameters().contains("model.layers.1.mlp.up_proj.weight"));
    EXPECT_FALSE(decoder.named_parameters().contains("model.layers.2.mlp.up_proj.weight"));
    EXPECT_EQ(decoder.block(1)->linear(LinearRole::Up)->place().block, 1);

    LayerSettings without = decoder.config().layers[1];
    without.attention.kind = without.feedForward.kind = SubLayerKind::NoOp;
    decoder.setBlock(1, decoder.makeBlock(1, without));
    EXPECT_TRUE(at::equal(decoder.logits(ids),
                          decoder.head(decoder.finalNorm(decoder.runBlock(0, decoder.embed(ids), pass)))));
}

TEST(Decoder, RecomputedGradientsAreThoseOfThePlainPass) {
    const auto model = smallModel(smallConfig());
    ASSERT_TRUE(model);
    Decoder& decoder = model->decoder();
    decoder.setTrainable(true);
    const at::Tensor ids = someIds(2, 10);
    std::vector<at::Tensor> plain;
    for (const bool recompute : {false, true}) {
        for (at::Tensor& parameter : decoder.parameters())
            parameter.mutable_grad() = at::Tensor();
        decoder.tokenLosses(ids, {.recompute = recompute}).mean().backward();
        const auto parameters = decoder.parameters();
        for (size_t i = 0; i < parameters.size(); ++i) {
            ASSERT_TRUE(parameters[i].grad().defined());
            if (!recompute)
                plain.push_back(parameters[i].grad().clone());
            else
                EXPECT_LT((plain[i] - parameters[i].grad()).norm().item<double>(),
                          1e-5 * plain[i].norm().item<double>());
        }
    }
}

// The fast paths without gradients (joined projections, turns in place, norms by rows) agree with the plain
// ones.
TEST(Decoder, TrainingAndInferenceAgree) {
    for (const bool normed : {false, true}) {
        DecoderConfig config = smallConfig();
        for (LayerSettings& layer : config.layers)
            layer.attention.queryKeyNorm = normed;
        const auto model = smallModel(config);
        ASSERT_TRUE(model);
        const at::Tensor ids = someIds(2, 10);
        at::Tensor inference;
        {
            at::NoGradGuard noGrad;
            inference = model->decoder().logits(ids);
        }
        model->decoder().setTrainable(true);
        EXPECT_TRUE(at::allclose(model->decoder().logits(ids), inference, 1e-4, 1e-5));
    }
}

// Gradients reach the input through frozen blocks, which blockwise distillation needs.
TEST(Decoder, FrozenBlocksLetGradientsThrough) {
    const auto model = smallModel(smallConfig(1));
    ASSERT_TRUE(model);
    model->decoder().setTrainable(false);
    const auto run = [&](const at::Tensor& x) {
        return model->decoder().runBlock(0, x, model->decoder().begin(1, 5)).pow(2).sum();
    };
    const at::Tensor x = at::randn({1, 5, 24}).requires_grad_(true);
    run(x).backward();
    at::NoGradGuard noGrad;
    at::Tensor step = at::zeros_like(x);
    step[0][2][7] = 1e-2;
    const double slope = (run(x + step) - run(x - step)).item<double>() / 2e-2;
    EXPECT_NEAR(x.grad()[0][2][7].item<double>(), slope, 0.02 * std::abs(slope) + 1e-2);
}

TEST(Decoder, ACopyIsIndependent) {
    at::NoGradGuard noGrad;
    const auto model = smallModel(testing::mixedConfig());
    ASSERT_TRUE(model);
    const auto copy = model->clone();
    const at::Tensor ids = someIds(1, 7), before = model->decoder().logits(ids);
    EXPECT_TRUE(at::equal(copy->decoder().logits(ids), before));
    copy->decoder().linears()[0]->weight.zero_();
    EXPECT_TRUE(at::equal(model->decoder().logits(ids), before));
    EXPECT_FALSE(at::equal(copy->decoder().logits(ids), before));
}

}  // namespace
}  // namespace vitrine
