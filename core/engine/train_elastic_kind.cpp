#include "core/engine/train_elastic_kind.h"

#include "core/base/freed_memory.h"
#include "core/engine/elastic_reading.h"
#include "core/engine/objective_job.h"
#include "core/engine/settings_group.h"
#include "core/flextron/elastic_objective.h"
#include "core/flextron/loss_surrogate.h"
#include "core/structured/structure_cost.h"

namespace vitrine {
namespace fs = std::filesystem;
namespace {

// clang-format off
constexpr const char* kElastic = R"json({
  "neuron_shares": {"type": "array", "items": {"type": "number", "exclusiveMinimum": 0, "maximum": 1}, "minItems": 1, "default": [1, 0.75, 0.5, 0.25], "title": "Shares of neurons", "description": "Widths that a feed-forward part may be cut to, descending from 1."},
  "head_shares": {"type": "array", "items": {"type": "number", "exclusiveMinimum": 0, "maximum": 1}, "minItems": 1, "default": [1], "title": "Shares of heads", "description": "Of the query heads of each key/value head, descending from 1."},
  "budgets": {"type": "array", "items": {"type": "number", "exclusiveMinimum": 0, "maximum": 1}, "minItems": 1, "default": [1, 0.75, 0.5, 0.35], "title": "Budgets", "description": "Part of the parameters that can be cut, descending from 1; each has a model in the end."},
  "routed": {"type": "boolean", "default": true, "title": "Routers", "description": "Off: all blocks are cut alike."},
  "read_text": {"type": "boolean", "default": false, "title": "Routers read the text", "description": "Each token's state chooses widths of its own beside the budget, which then holds in the mean over text. There is nothing to cut out: the whole model and its routers are kept."},
  "full_share": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.33, "title": "Steps of the whole model", "description": "The other steps are shared evenly by the other budgets."},
  "hidden": {"type": "integer", "minimum": 1, "maximum": 65536, "default": 128, "title": "Width of the routers"},
  "router_rate": {"type": "number", "exclusiveMinimum": 0, "default": 60, "title": "Rate factor of the routers"},
  "scale_end": {"type": "number", "exclusiveMinimum": 0, "default": 10, "title": "Scale of the logits, last", "description": "It begins with 1."},
  "tau_end": {"type": "number", "exclusiveMinimum": 0, "default": 0.05, "title": "Temperature, last", "description": "It begins with 1."},
  "calibration_windows": {"type": "integer", "minimum": 1, "default": 64, "title": "Calibration windows", "description": "For the order of neurons and heads."},
  "surrogate_samples": {"type": "integer", "minimum": 0, "default": 0, "title": "Choices for a surrogate", "description": "So many random ones are measured in the end; a small network learns to predict them and looks for better ones for each budget, which are measured and kept where they are. 0: the routers' are taken."}})json";
// clang-format on

Json trainElasticSchema() {
    Json properties = Json::object();
    addObjectiveSettings(properties, 300, 5e-4, 5e-5);
    properties["warmup_steps"]["default"] = 10;
    properties["weight_decay"]["default"] = 0;
    addSettingsGroup(properties, kElastic, "Sizes");
    return {{"type", "object"}, {"required", {"model", "texts"}}, {"properties", std::move(properties)}};
}

constexpr int64_t kPricedWindows = 16;  // on which routers that read the text meet their budgets
constexpr int64_t kShownTokens = 48;

class TrainElasticJob : public ObjectiveJob {
  public:
    using ObjectiveJob::ObjectiveJob;

  protected:
    Result<Prepared> prepare() override {
        VITRINE_TRY_VOID(readOptions());
        VITRINE_TRY_VOID(options_.validate(dense().config()));
        Prepared prepared;
        // The order is a function of model, texts and seed: a run that goes on makes the same one.
        VITRINE_TRY(prepared.model,
                    sortedModel(dense(), calibration(settings()["calibration_windows"]), run_.job()));
        teacher_ = dense().clone();
        VITRINE_TRY(objective_, ElasticObjective::create(prepared.model->decoder(), teacher_, options_));
        prepared.objective = objective_;
        if (options_.readsText)
            priced_ = calibration(std::min<int64_t>(kPricedWindows, settings()["calibration_windows"]));
        return prepared;
    }

    Result<void> settingsChanged() override {
        objective_->setSteps(settings()["steps"]);
        return {};
    }

    // The whole model is what the loop measures.
    Result<void> settle() override {
        objective_->settle(sameChoice(dense().config(), {}));
        return {};
    }

    Result<void> observe(int64_t step) override {
        if (!isDue(settings(), "evaluate_every", step))
            return {};
        for (const double budget : options_.budgets) {
            const std::string name = fmt::format("budget {:g}", budget);
            VITRINE_TRY(const Measured now, options_.readsText
                                                ? measureReading(budget)
                                                : measureCut(objective_->choiceFor(budget), budget));
            run_.metric("sizes/" + name + "/nats per token", step, meanLoss(now.heldOut));
            run_.metric("sizes/" + name + "/size", step, now.size);
            run_.metric("sizes/" + name + "/largest probability", step, now.largestProbability);
            for (size_t block = 0; block < now.neurons.size(); ++block) {
                run_.metric(fmt::format("routes/{}/block {} neurons", name, block), step, now.neurons[block]);
                if (options_.space.headShares.size() > 1)
                    run_.metric(fmt::format("routes/{}/block {} heads", name, block), step, now.heads[block]);
            }
        }
        return {};
    }

    Result<void> exportResults() override {
        VITRINE_TRY_VOID(settle());
        const fs::path folder = outputFolder();
        Json lineage{{"method", "flextron"}, {"texts", settings()["texts"]}, {"dense", denseScores()}};
        const SaveLanguageModelOptions options = saveOptions(lineage);
        VITRINE_TRY_VOID(saveLanguageModel(trainer().model(), folder / "elastic", options));
        VITRINE_TRY_VOID(keepModelFiles("elastic", folder / "elastic", options.lineage));
        VITRINE_TRY_VOID(consultSurrogate());
        Json rows = Json::array();
        for (const double budget : options_.budgets) {
            VITRINE_TRY(Json row,
                        options_.readsText ? readingRow(budget) : exportBudget(budget, folder, lineage));
            rows.push_back(std::move(row));
        }
        if (options_.readsText) {
            VITRINE_TRY_VOID(settle());
            const fs::path file = folder / "elastic" / "routers.safetensors";
            VITRINE_TRY_VOID(saveRouters(*objective_, file));
            VITRINE_TRY(
                [[maybe_unused]] const StoredFile routers,
                run_.putArtifactFile("elastic/routers.safetensors", file,
                                     {.kind = "model", .mediaType = {}, .provenance = options.lineage}));
        }
        VITRINE_TRY(
            [[maybe_unused]] const StoredFile stored,
            run_.putArtifact("sizes.json", Json{{"dense", denseScores()}, {"sizes", rows}}.dump(2) + "\n",
                             {.kind = "report", .mediaType = "application/json"}));
        return {};
    }

  private:
    Result<void> readOptions() {
        const Json& s = settings();
        options_.space = {s["neuron_shares"].get<std::vector<double>>(),
                          s["head_shares"].get<std::vector<double>>()};
        options_.budgets = s["budgets"].get<std::vector<double>>();
        options_.routed = s["routed"];
        options_.readsText = s["read_text"];
        if (options_.readsText && s["surrogate_samples"] > 0)
            return fail(ErrorCode::InvalidArgument,
                        "a surrogate proposes widths of blocks, and here each token has its own",
                        "settings/surrogate_samples", "Set it to 0, or switch read_text off.");
        options_.fullShare = s["full_share"];
        options_.hidden = s["hidden"];
        options_.routerRate = s["router_rate"];
        options_.scaleEnd = s["scale_end"];
        options_.tauEnd = s["tau_end"];
        options_.steps = s["steps"];
        options_.seed = run_.seed();
        return {};
    }

    ElasticChoice choiceFor(double budget) const {
        const auto found = better_.find(budget);
        return found == better_.end() ? objective_->choiceFor(budget) : found->second;
    }

    struct Measured {
        Json heldOut;
        double size = 1, largestProbability = 1;
        std::vector<double> neurons, heads;  // shares of each block
    };
    Result<Measured> measureCut(const ElasticChoice& choice, double budget) {
        objective_->settle(choice);
        Measured now{{},
                     elasticShare(dense().config(), options_.space, choice),
                     objective_->largestProbability(budget),
                     {},
                     {}};
        VITRINE_TRY(now.heldOut, scores(trainer().model()));
        for (const BlockChoice& one : choice) {
            now.neurons.push_back(options_.space.neuronShares[size_t(one.neurons)]);
            now.heads.push_back(options_.space.headShares[size_t(one.heads)]);
        }
        return now;
    }
    Result<Measured> measureReading(double budget) {
        objective_->meetOnText(trainer().model().decoder(), priced_, budget, budget);
        objective_->follow(budget);
        VITRINE_TRY(Json held, scores(trainer().model()));
        const TextRoutes routes = objective_->routes();
        return Measured{std::move(held), routes.size, routes.largestProbability, routes.neurons,
                        routes.heads};
    }

    Result<Json> readingRow(double budget) {
        VITRINE_TRY(const Measured now, measureReading(budget));
        VITRINE_TRY(const Tokenizer tokenizer, openTokenizer(tokenizerPath()));
        VITRINE_TRY(Json routes,
                    tokenRoutes(*objective_, trainer().model(), trainer().texts().front(), tokenizer, budget,
                                std::min<int64_t>(kShownTokens, settings()["length"])));
        run_.log(
            fmt::format("budget {:g}: size {:.3f} in the mean over text, {:.4f} nats per token on held-out "
                        "text",
                        budget, now.size, meanLoss(now.heldOut)));
        Json shares = Json::array();
        for (size_t block = 0; block < now.neurons.size(); ++block)
            shares.push_back({{"neurons", now.neurons[block]}, {"heads", now.heads[block]}});
        const at::Tensor table = elasticParameters(dense().config(), options_.space);
        const double elastic =
            (table.select(1, 0).sum() + table.select(1, int64_t(options_.space.neuronShares.size())).sum())
                .item<double>();
        return Json{
            {"budget", budget},
            {"size", now.size},
            {"parameters", double(structureCost(dense().config(), {}).parameters) - (1 - now.size) * elastic},
            {"nats_per_token", meanLoss(now.heldOut)},
            {"held_out", now.heldOut},
            {"chosen_by", "text"},
            {"largest_probability", now.largestProbability},
            {"blocks", std::move(shares)},
            {"routes", std::move(routes)}};
    }

    Result<double> lossOf(const ElasticChoice& choice) {
        objective_->settle(choice);
        VITRINE_TRY(const Json held, scores(trainer().model()));
        return meanLoss(held);
    }

    // Half of the measured choices are kept back to tell how well it predicts.
    Result<void> consultSurrogate() {
        better_.clear();
        const int64_t count = settings()["surrogate_samples"];
        if (count == 0)
            return {};
        std::vector<SurrogateSample> known, fresh;
        Json points = Json::array();
        run_.job().beginStage("measuring choices", count);
        for (const ElasticChoice& choice :
             randomChoices(dense().config(), options_.space, count, run_.seed())) {
            VITRINE_TRY_VOID(run_.job().checkStop());
            VITRINE_TRY(const double loss, lossOf(choice));
            (known.size() < size_t(count + 1) / 2 ? known : fresh).push_back({choice, loss});
            run_.job().advance();
        }
        VITRINE_TRY(const auto judge, LossSurrogate::fit(dense().config(), options_.space, known));
        for (const SurrogateSample& sample : fresh)
            points.push_back({{"predicted", judge.predict(sample.choice)}, {"measured", sample.loss}});
        std::vector<SurrogateSample> all = known;
        all.insert(all.end(), fresh.begin(), fresh.end());
        VITRINE_TRY(const auto surrogate, LossSurrogate::fit(dense().config(), options_.space, all));
        for (const double budget : options_.budgets)
            if (const auto wanted = surrogate.bestFor(budget, options_.deadZone); wanted && budget < 1) {
                VITRINE_TRY(const double now, lossOf(objective_->choiceFor(budget)));
                VITRINE_TRY(const double then, lossOf(*wanted));
                run_.log(fmt::format("budget {:g}: routers {:.4f}, surrogate {:.4f} nats per token", budget,
                                     now, then));
                if (then < now)
                    better_[budget] = *wanted;
            }
        const Json report{{"error_on_unseen", judge.error(fresh)}, {"unseen", std::move(points)}};
        VITRINE_TRY([[maybe_unused]] const StoredFile stored,
                    run_.putArtifact("surrogate.json", report.dump(2) + "\n",
                                     {.kind = "report", .mediaType = "application/json"}));
        return settle();
    }

    Result<Json> exportBudget(double budget, const fs::path& folder, Json lineage) {
        const ElasticChoice choice = choiceFor(budget);
        VITRINE_TRY(const auto cut, cutModel(trainer().model(), options_.space, choice));
        VITRINE_TRY(const Json held, scores(*cut));
        Json shares = Json::array();
        for (const BlockChoice& one : choice)
            shares.push_back({{"neurons", options_.space.neuronShares[size_t(one.neurons)]},
                              {"heads", options_.space.headShares[size_t(one.heads)]}});
        const double size = elasticShare(dense().config(), options_.space, choice);
        const std::string name = fmt::format("budget-{:g}", budget);
        lineage["budget"] = budget;
        lineage["blocks"] = shares;
        lineage["held_out"] = held;
        const SaveLanguageModelOptions options = saveOptions(lineage);
        VITRINE_TRY_VOID(saveLanguageModel(*cut, folder / name, options));
        VITRINE_TRY_VOID(keepModelFiles(name, folder / name, options.lineage));
        run_.log(fmt::format("budget {:g}: size {:.3f}, {:.4f} nats per token on held-out text", budget, size,
                             meanLoss(held)));
        const StructureCost cost = structureCost(cut->config(), {});
        return Json{{"budget", budget},
                    {"size", size},
                    {"parameters", cost.parameters},
                    {"nats_per_token", meanLoss(held)},
                    {"held_out", held},
                    {"chosen_by", better_.contains(budget) ? "surrogate" : "routers"},
                    {"largest_probability", objective_->largestProbability(budget)},
                    {"blocks", shares}};
    }

    ElasticOptions options_;
    std::shared_ptr<const LanguageModel> teacher_;
    std::shared_ptr<ElasticObjective> objective_;
    std::vector<at::Tensor> priced_;          // windows, where routers read the text
    std::map<double, ElasticChoice> better_;  // than the routers', by budget
};

}  // namespace

JobKind trainElasticKind() {
    JobKind kind;
    kind.name = "train-elastic";
    kind.summary = "Train a language model that can be cut to many sizes, with routers that shape them";
    kind.settingsSchema = trainElasticSchema();
    kind.run = [](RunContext& run) {
        keepFreedMemory();
        return TrainElasticJob(run).execute();
    };
    return kind;
}

}  // namespace vitrine
