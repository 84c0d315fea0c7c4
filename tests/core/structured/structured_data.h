// A small trained model and windows of its text, and untrained ones with every kind of tensor.
#pragma once

#include "core/structured/slicer.h"
#include "tests/core/language/language_data.h"

namespace vitrine::testing {

struct StructuredData : LanguageData {
    // Trained once for all tests of a program.
    static const LanguageModel& trained() {
        static const std::unique_ptr<LanguageModel> model = [] {
            struct Maker : LanguageData {
                void TestBody() override {}
            } data;
            LanguageTrainingOptions options = data.trainingOptions();
            options.model.layers.resize(4, options.model.layers[0]);
            options.steps = 120;
            auto trainer = LanguageTrainer::create(options, data.texts());
            while ((*trainer)->step() < options.steps)
                EXPECT_TRUE((*trainer)->train());
            return (*trainer)->takeModel();
        }();
        return *model;
    }
    std::vector<at::Tensor> batches(int64_t count = 3) {
        std::vector<at::Tensor> list;
        for (int64_t i = 0; i < count; ++i) {
            at::Tensor ids = at::empty({4, 40}, at::kLong);
            texts()[0].tokens->read(i * 160, {ids.data_ptr<int64_t>(), 160});
            list.push_back(ids);
        }
        return list;
    }
    // Biases, norms of queries and keys, untied head; or LayerNorm1P without gates.
    static DecoderConfig richConfig(bool nemotron) {
        DecoderConfig config = smallConfig();
        config.tiedEmbeddings = false;
        config.modelType = nemotron ? "nemotron" : "qwen3";
        config.norm = nemotron ? NormKind::LayerNorm1P : NormKind::Rms;
        LayerSettings layer = config.layers[0];
        layer.attention.queryHeads = 6;
        layer.attention.queryKeyValueBias = layer.attention.outBias = true;
        layer.attention.queryKeyNorm = !nemotron;
        layer.feedForward.gated = !nemotron;
        layer.feedForward.activation = nemotron ? "relu2" : "silu";
        layer.feedForward.bias = true;
        config.layers.assign(3, layer);
        return config;
    }
    static std::unique_ptr<LanguageModel> randomModel(const DecoderConfig& config, uint64_t seed = 1) {
        auto model = std::move(*createLanguageModel(config, seed, 0.3));
        const at::NoGradGuard noGrad;
        at::manual_seed(int64_t(seed));
        for (at::Tensor& parameter : model->decoder().parameters())
            if (parameter.dim() == 1)
                parameter.add_(at::randn_like(parameter) * 0.2);
        model->decoder().setTrainable(false);
        return model;
    }
    StructureRanking ranked(const LanguageModel& model) {
        auto ranking = rankStructures(model, batches(), {}, job);
        EXPECT_TRUE(ranking) << (ranking ? "" : ranking.error().text());
        return std::move(*ranking);
    }
    static double difference(const LanguageModel& a, const LanguageModel& b, const at::Tensor& ids) {
        const at::NoGradGuard noGrad;
        const at::Tensor x = a.decoder().logits(ids), y = b.decoder().logits(ids);
        return ((x - y).norm() / x.norm()).item<double>();
    }
};

}  // namespace vitrine::testing
