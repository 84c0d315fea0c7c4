// A small trained model, and its elastic training.
#pragma once

#include "core/flextron/elastic_objective.h"
#include "tests/core/language/language_data.h"

namespace vitrine::testing {

struct ElasticData : LanguageData {
    std::unique_ptr<LanguageModel> trained() {
        LanguageTrainingOptions options = trainingOptions();
        options.steps = 250;
        auto trainer = LanguageTrainer::create(options, texts());
        EXPECT_TRUE(trainer);
        while ((*trainer)->step() < options.steps)
            EXPECT_TRUE((*trainer)->train());
        return (*trainer)->takeModel();
    }
    std::unique_ptr<LanguageModel> sorted(const LanguageModel& model) {
        const at::Tensor ids = at::arange(0, 192, at::kLong).remainder(257).reshape({4, 48});
        auto made = sortedModel(model, {ids}, job);
        EXPECT_TRUE(made) << made.error().text();
        return std::move(*made);
    }
    struct Training {
        std::shared_ptr<ElasticObjective> objective;
        std::unique_ptr<LanguageTrainer> trainer;
    };
    Training training(std::shared_ptr<const LanguageModel> teacher, const ElasticOptions& elastic) {
        auto model = sorted(*teacher);
        auto objective = ElasticObjective::create(model->decoder(), teacher, elastic);
        EXPECT_TRUE(objective) << objective.error().text();
        LanguageTrainingOptions options = trainingOptions();
        options.steps = elastic.steps;
        options.learningRate = 1e-3;
        options.weightDecay = 0;
        auto trainer = LanguageTrainer::continueWith(options, texts(), std::move(model), *objective);
        EXPECT_TRUE(trainer) << trainer.error().text();
        return {*objective, std::move(*trainer)};
    }
    static ElasticOptions bothAxes(int64_t steps) {
        ElasticOptions elastic;
        elastic.space.headShares = {1, 0.5};
        elastic.budgets = {1, 0.7, 0.5};
        elastic.routerRate = 30;
        elastic.steps = steps;
        elastic.seed = 3;
        return elastic;
    }
};

}  // namespace vitrine::testing
