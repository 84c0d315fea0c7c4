#include "core/engine/elastic_reading.h"

#include "core/nn/weights.h"

#include <algorithm>

namespace vitrine {

Result<Json> tokenRoutes(ElasticObjective& objective, const LanguageModel& model,
                         const LanguageTrainingText& text, const Tokenizer& tokenizer, double budget,
                         int64_t length) {
    const int64_t count = std::min(length, text.heldOut.count);
    std::vector<int64_t> read(static_cast<size_t>(count));
    text.tokens->read(text.heldOut.first, read);
    Json tokens = Json::array(), shares = Json::array();
    for (const int64_t id : read) {
        VITRINE_TRY(std::string written, tokenizer.decode({id}));
        tokens.push_back(std::move(written));
    }
    const at::NoGradGuard plain;
    objective.follow(budget);
    model.decoder().hidden(at::tensor(read, at::kLong).unsqueeze(0).to(model.decoder().device()));
    const at::Tensor took = objective.lastShares();
    for (int64_t block = 0; block < took.size(0); ++block) {
        const float* first = took[block].const_data_ptr<float>();
        shares.push_back(std::vector<float>(first, first + count));
    }
    return Json{{"text", text.name}, {"tokens", std::move(tokens)}, {"shares", std::move(shares)}};
}

Result<void> saveRouters(const ElasticObjective& objective, const std::filesystem::path& file) {
    std::map<std::string, at::Tensor> tensors;
    for (const OptimizedParameter& parameter : objective.parameters())
        tensors[parameter.name] = parameter.tensor.detach();
    const ElasticOptions& options = objective.options();
    Json prices = Json::array();
    for (const double budget : options.budgets) {
        const auto found = objective.prices().find(budget);
        prices.push_back(found == objective.prices().end() ? 0 : found->second);
    }
    return writeTensors(file, tensors,
                        {{"kind", "vitrine_elastic_routers"},
                         {"budgets", Json(options.budgets).dump()},
                         {"neuron_shares", Json(options.space.neuronShares).dump()},
                         {"head_shares", Json(options.space.headShares).dump()},
                         {"prices", prices.dump()}});
}

}  // namespace vitrine
