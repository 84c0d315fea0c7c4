// Rankings as safetensors files.
#include "core/nn/weights.h"
#include "core/structured/structure_ranking.h"

namespace vitrine {
namespace {

constexpr const char* kKind = "structure ranking";

using State = std::map<std::string, at::Tensor>;

at::Tensor find(const State& state, const std::string& name) {
    const auto it = state.find(name);
    return it == state.end() ? at::Tensor() : it->second;
}

void putScores(const std::string& name, const std::map<std::string, at::Tensor>& scores, State& state) {
    for (const auto& [metric, values] : scores)
        state[name + "." + metric] = values;
}

}  // namespace

Result<void> StructureRanking::save(const std::filesystem::path& file) const {
    State state;
    for (size_t i = 0; i < neurons.size(); ++i) {
        neurons[i].save(fmt::format("neurons.{}", i), state);
        heads[i].save(fmt::format("heads.{}", i), state);
        if (downNorms[i].defined()) {
            state[fmt::format("down_norms.{}", i)] = downNorms[i];
            state[fmt::format("weight_norms.{}", i)] = weightNorms[i];
        }
    }
    for (size_t i = 0; i < norms.size(); ++i)
        norms[i].save(fmt::format("norms.{}", i), state);
    putScores("blocks", blocks, state);
    putScores("parts", parts, state);
    state["stream_norms"] = streamNorms;
    state["stream_cosines"] = streamCosines;
    state["head_widths"] = at::tensor(headWidths, at::kLong);
    const Json about{{"model", source.modelHash}, {"data", source.dataHash},       {"seed", source.seed},
                     {"windows", source.windows}, {"length", source.windowLength}, {"tokens", tokens}};
    return writeTensors(file, state, {{"kind", kKind}, {"source", about.dump()}});
}

Result<StructureRanking> StructureRanking::load(const std::filesystem::path& file) {
    VITRINE_TRY(const auto tensors, openTensors(file));
    const auto& metadata = tensors->metadata();
    const auto kind = metadata.find("kind"), about = metadata.find("source");
    if (kind == metadata.end() || kind->second != kKind || about == metadata.end())
        return fail(ErrorCode::InvalidFile, "this is no ranking of structures", file.string(),
                    "Give the ranking.safetensors of a run of prune-structures");
    VITRINE_TRY(const Json source, parseJson(about->second, file.string()));
    VITRINE_TRY(const State state, readAllTensors(*tensors));
    StructureRanking ranking;
    ranking.source = {source.value("model", ""), source.value("data", ""), source.value("seed", uint64_t(0)),
                      source.value("windows", int64_t(0)), source.value("length", int64_t(0))};
    ranking.tokens = source.value("tokens", int64_t(0));
    const at::Tensor widths = find(state, "head_widths");
    if (!widths.defined() || widths.scalar_type() != at::kLong)
        return fail(ErrorCode::InvalidFile, "the ranking lacks head_widths", file.string());
    const int64_t depth = widths.numel();
    for (int64_t i = 0; i < depth; ++i) {
        ranking.headWidths.push_back(widths[i].item<int64_t>());
        ranking.neurons.push_back(AxisSums::fromState(fmt::format("neurons.{}", i), state));
        ranking.heads.push_back(AxisSums::fromState(fmt::format("heads.{}", i), state));
        ranking.downNorms.push_back(find(state, fmt::format("down_norms.{}", i)));
        ranking.weightNorms.push_back(find(state, fmt::format("weight_norms.{}", i)));
    }
    for (int64_t i = 0; i < 2 * depth + 1; ++i)
        ranking.norms.push_back(AxisSums::fromState(fmt::format("norms.{}", i), state));
    for (const auto& [name, values] : state) {
        if (name.starts_with("blocks."))
            ranking.blocks[name.substr(7)] = values;
        if (name.starts_with("parts."))
            ranking.parts[name.substr(6)] = values;
    }
    ranking.streamNorms = find(state, "stream_norms");
    ranking.streamCosines = find(state, "stream_cosines");
    return ranking;
}

}  // namespace vitrine
