#include "core/engine/structure_students.h"

#include <algorithm>
#include <numeric>
#include <set>

namespace vitrine {
namespace {

std::string nameOf(const StudentPlan& plan) {
    std::vector<std::string> parts;
    const auto add = [&](const char* what, int64_t value) {
        if (value > 0)
            parts.push_back(fmt::format("{} {}", what, value));
    };
    add("width", plan.sizes.width);
    add("heads", plan.sizes.heads);
    if (plan.mergeHeads != HeadMerge::None)
        parts.push_back(fmt::format("merged by {}", headMergeName(plan.mergeHeads)));
    add("neurons", plan.sizes.intermediate);
    add("depth", plan.sizes.depth);
    add("without attention", plan.attentionRemoved);
    add("without feed-forward", plan.feedForwardRemoved);
    if (plan.standIn == "mean")
        parts.emplace_back("mean stand-in");
    if (plan.standIn == "low_rank")
        parts.push_back(fmt::format("stand-in of rank {}", plan.rank));
    std::string name;
    for (const std::string& part : parts)
        name += (name.empty() ? "" : ", ") + part;
    return name.empty() ? "whole" : name;
}

Json numbers(const at::Tensor& values) {
    if (!values.defined())
        return {};
    const at::Tensor plain = values.to(at::kCPU, at::kDouble).contiguous();
    const double* data = plain.const_data_ptr<double>();
    return std::vector<double>(data, data + plain.numel());
}

// The least influential players of one kind (0 attention, 1 feed-forward), or as many by chance.
Result<std::vector<int64_t>> leastParts(const StructureRanking& ranking, const SelectionOptions& selection,
                                        int64_t kind, int64_t count) {
    if (count == 0)
        return std::vector<int64_t>{};
    const auto found = ranking.parts.find(selection.blockMetric);
    if (found == ranking.parts.end())
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("the ranking has no influence of parts by \"{}\"", selection.blockMetric),
                    "settings/block_metric");
    if (count > ranking.depth())
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} parts are to go of {} blocks", count, ranking.depth()), "settings/plans");
    const at::Tensor scores = found->second.slice(0, kind, std::nullopt, 2);
    std::vector<int64_t> order = removalOrder(scores);
    if (selection.selection == Selection::Random) {
        at::manual_seed(selection.seed + uint64_t(kind));
        order = removalOrder(at::rand({ranking.depth()}));
    }
    order.resize(size_t(count));
    for (int64_t& block : order)
        block = 2 * block + kind;
    return order;
}

// Influence from the order in which players went: the later, the more.
at::Tensor influenceOf(const std::vector<int64_t>& order, int64_t players) {
    at::Tensor influence = at::full({players}, double(players), at::kDouble);
    for (size_t i = 0; i < order.size(); ++i)
        influence[order[i]] = double(i);
    return influence;
}

void pairStates(Student& student, const DecoderConfig& config) {
    student.states.push_back({0, 0});
    int64_t behind = 0;
    for (const LayerSlice& layer : student.slice.layers) {
        const LayerSettings& source = config.layers[size_t(layer.source)];
        if ((layer.attention && source.attention.kind != SubLayerKind::NoOp) ||
            (layer.feedForward && source.feedForward.kind != SubLayerKind::NoOp))
            student.states.push_back({++behind, layer.source + 1});
    }
    if (student.slice.channels.defined() && student.slice.channels.numel() != config.width) {
        const int64_t width = student.slice.channels.numel();
        student.projection = at::zeros({width, config.width});
        student.projection.index_put_({at::arange(width, at::kLong), student.slice.channels},
                                      at::ones({width}));
    }
}

}  // namespace

Result<std::vector<StudentPlan>> studentPlansFrom(const Json& settings) {
    std::vector<StudentPlan> plans;
    std::set<std::string> names;
    const auto add = [&](StudentPlan plan, const std::string& name) {
        plan.name = name;
        for (int count = 2; !names.insert(plan.name).second; ++count)
            plan.name = fmt::format("{} ({})", name, count);
        plans.push_back(plan);
    };
    for (const Json& entry : settings["plans"]) {
        StudentPlan plan;
        plan.sizes = {entry.value("width", int64_t(0)), entry.value("heads", int64_t(0)),
                      entry.value("intermediate", int64_t(0)), entry.value("depth", int64_t(0))};
        VITRINE_TRY(plan.mergeHeads, headMergeFromName(entry.value("merge_heads", "none")));
        if (plan.mergeHeads != HeadMerge::None && plan.sizes.heads == 0)
            return fail(ErrorCode::InvalidArgument, "heads are to be merged, but all of them stay",
                        fmt::format("settings/plans/{}/merge_heads", &entry - &settings["plans"][0]),
                        "Say in \"heads\" how many stay");
        plan.attentionRemoved = entry.value("attention_removed", int64_t(0));
        plan.feedForwardRemoved = entry.value("feed_forward_removed", int64_t(0));
        plan.standIn = entry.value("stand_in", "none");
        plan.rank = plan.standIn == "low_rank" ? entry.value("rank", int64_t(8)) : 0;
        const std::string given = entry.value("name", "");
        const std::string name = given.empty() ? nameOf(plan) : given;
        add(plan, name);
        if (settings["controls"]) {
            plan.control = true;
            add(plan, "random control: " + name);
        }
    }
    return plans;
}

Result<std::vector<StudentPlan>> searchPlansFrom(const Json& settings, const DecoderConfig& config) {
    SearchBudget budget;
    budget.parameters = settings["search_parameters"];
    budget.bytes = settings["search_bytes"];
    budget.profile.batch = settings["search_batch"];
    std::vector<StudentPlan> plans;
    if (budget.parameters == 0 && budget.bytes == 0)
        return plans;
    const SearchGrid grid{settings["search_widths"], settings["search_heads"],
                          settings["search_intermediates"], settings["search_depths"]};
    VITRINE_TRY(const auto candidates, searchCandidates(config, grid, budget, settings["search_candidates"]));
    for (const SearchCandidate& candidate : candidates) {
        StudentPlan plan;
        plan.sizes = candidate.sizes;
        plan.candidate = true;
        plan.name = "candidate: " + nameOf(plan);
        plans.push_back(plan);
    }
    return plans;
}

Result<SelectionOptions> selectionFrom(const Json& settings, uint64_t seed) {
    SelectionOptions options;
    VITRINE_TRY(options.aggregation.sequence, reductionFromName(settings["over_tokens"]));
    VITRINE_TRY(options.aggregation.windows, reductionFromName(settings["over_windows"]));
    const std::string score = settings["neuron_score"];
    options.neuronScore = score == "times_down_norm" ? NeuronScore::TimesDownNorm
                          : score == "weight_norm"   ? NeuronScore::WeightNorm
                                                     : NeuronScore::Activation;
    options.blockMetric = settings["block_metric"];
    options.seed = seed;
    return options;
}

Result<Student> makeStudent(const LanguageModel& teacher, const StructureRanking& ranking,
                            const StudentPlan& plan, const SelectionOptions& selection,
                            const std::vector<at::Tensor>& calibration, JobContext& job) {
    SelectionOptions options = selection;
    if (plan.control)
        options.selection = Selection::Random;
    const bool standIns = plan.standIn != "none";
    VITRINE_TRY(auto attention, leastParts(ranking, options, 0, plan.attentionRemoved));
    VITRINE_TRY(const auto feedForward, leastParts(ranking, options, 1, plan.feedForwardRemoved));
    attention.insert(attention.end(), feedForward.begin(), feedForward.end());
    if (standIns && plan.sizes.depth > 0 && !attention.empty())
        return fail(ErrorCode::InvalidArgument, "stand-ins take the place of blocks or of parts, not of both",
                    "settings/plans/" + plan.name, "Make two plans of it");
    Student student;
    VITRINE_TRY(student.slice, planFor(teacher.config(), ranking, plan.sizes, options));
    Players players = Players::Parts;
    SlicePlan cut = student.slice;
    if (standIns) {
        // Removed players stay in place until their stand-ins are fitted, on the narrowed model.
        student.removed = attention;
        if (plan.sizes.depth > 0) {
            players = Players::Blocks;
            StructureSizes sizes = plan.sizes;
            sizes.depth = 0;
            VITRINE_TRY(cut, planFor(teacher.config(), ranking, sizes, options));
            for (int64_t block = 0; block < teacher.config().depth(); ++block)
                if (std::none_of(student.slice.layers.begin(), student.slice.layers.end(),
                                 [&](const LayerSlice& layer) { return layer.source == block; }))
                    student.removed.push_back(block);
        }
        student.slice = cut;
    } else {
        for (LayerSlice& layer : student.slice.layers)
            for (const int64_t part : attention)
                if (part / 2 == layer.source)
                    (part % 2 == 0 ? layer.attention : layer.feedForward) = false;
    }
    if (plan.mergeHeads == HeadMerge::None) {
        VITRINE_TRY(student.model, sliceModel(teacher, student.slice));
    } else {
        VITRINE_TRY(const SlicePlan order, sortedPlan(teacher.config(), ranking, options));
        VITRINE_TRY(const auto merged, mergeHeads(teacher, student.slice, order, plan.mergeHeads));
        VITRINE_TRY(student.model, sliceModel(*merged, student.slice));
    }
    if (standIns && !student.removed.empty()) {
        VITRINE_TRY(auto emulated,
                    emulateRemoved(*student.model, student.removed, calibration, {players, plan.rank}, job));
        student.model = std::move(emulated.model);
        student.standIns = std::move(emulated.reports);
    }
    pairStates(student, teacher.config());
    return student;
}

Result<void> addInfluence(const LanguageModel& model, const std::vector<at::Tensor>& batches,
                          const std::string& metric, uint64_t seed, StructureRanking& ranking,
                          JobContext& job, const std::vector<Players>& of) {
    const bool loss = metric.ends_with("loss");
    for (const Players players : of) {
        auto& scores = players == Players::Blocks ? ranking.blocks : ranking.parts;
        if (scores.contains(metric))
            continue;
        const int64_t count = (players == Players::Blocks ? 1 : 2) * model.config().depth();
        if (metric.starts_with("iterative")) {
            VITRINE_TRY(const auto order,
                        iterativeOrder(model.decoder(), batches, players,
                                       loss ? CostKind::Loss : CostKind::Logits, count - 1, job));
            scores[metric] = influenceOf(order, count);
        } else if (metric.starts_with("shapley")) {
            VITRINE_TRY(const auto values,
                        shapleyInfluence(model.decoder(), batches, {{players, {}}, 0.5, 10, seed}, job));
            scores["shapley_loss"] = values.loss;
            scores["shapley_logit"] = values.logits;
        } else {
            VITRINE_TRY(const auto values, leaveOneOut(model.decoder(), batches, {players, {}}, job));
            scores["loss"] = RemovalCosts::influence(values.loss);
            scores["logit"] = RemovalCosts::influence(values.logits);
        }
    }
    return {};
}

Json rankingJson(const StructureRanking& ranking, const SelectionOptions& selection) {
    Json neurons = Json::array(), heads = Json::array(), cosines = Json::array();
    for (int64_t i = 0; i < ranking.depth(); ++i) {
        neurons.push_back(numbers(ranking.neuronScores(i, selection.aggregation, selection.neuronScore)));
        heads.push_back(numbers(ranking.headScores(i, selection.aggregation)));
    }
    for (int64_t i = 0; ranking.streamCosines.defined() && i < ranking.streamCosines.size(0); ++i)
        cosines.push_back(numbers(ranking.streamCosines[i]));
    Json blocks = Json::object(), parts = Json::object();
    for (const auto& [metric, values] : ranking.blocks)
        blocks[metric] = numbers(values);
    for (const auto& [metric, values] : ranking.parts)
        parts[metric] = numbers(values);
    return {{"channels", numbers(ranking.channelScores(selection.aggregation))},
            {"neurons", std::move(neurons)},
            {"heads", std::move(heads)},
            {"blocks", std::move(blocks)},
            {"parts", std::move(parts)},
            {"stream_norms", numbers(ranking.streamNorms)},
            {"stream_cosines", std::move(cosines)}};
}

}  // namespace vitrine
