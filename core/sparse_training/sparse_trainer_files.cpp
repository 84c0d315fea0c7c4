// Checkpoints of sparse training, and networks whose channels are cut out.
#include "core/base/hash.h"
#include "core/nn/weights.h"
#include "core/sparse_training/sparse_trainer.h"

namespace vitrine {
namespace {

at::Tensor numbers(const std::vector<int64_t>& values) {
    return at::tensor(values, at::kLong);
}

}  // namespace

// What a resumed run must have in common with the one before.
std::string SparseTrainer::fingerprint() const {
    const SparseTrainingOptions& o = options_;
    std::string all = fmt::format("{} {} {} {} {} {} {} {} {} {}", o.seed, dataFingerprint_,
                                  sparseMethodName(o.method), int(o.units), int(o.saliency), o.density,
                                  int(o.layout), o.importanceSteps, o.accuracySteps, o.explorationSteps);
    all += fmt::format(" {} {} {} {} {} {} {} {} {} {}", o.exponentialDecay, o.reactivate,
                       o.freezeInExploration, int(o.exploreFrom), int(o.comingBack), o.unusedStartAtZero,
                       o.batch.size, o.batch.shift, o.batch.mirror, int(o.optimizer.kind));
    if (o.latency)
        all += fmt::format(" latency {} {} {}", o.latency->part, o.latency->group,
                           o.latency->table.fingerprint());
    for (const ClassifierParameter& parameter : network_.parameters())
        all += fmt::format(" {}[{}]", parameter.name, fmt::join(parameter.shape, ","));
    return sha256Hex(all);
}

std::map<std::string, at::Tensor> SparseTrainer::state() const {
    std::map<std::string, at::Tensor> state;
    for (size_t index = 0; index < values_.size(); ++index) {
        const std::string& name = network_.parameters()[index].name;
        state["value." + name] = values_[index];
        state["importance." + name] = importance_[index];
        if (!beforeExploration_.empty())
            state["before." + name] = beforeExploration_[index];
    }
    for (size_t index = 0; index < buffers_.size(); ++index)
        state["buffer." + network_.buffers()[index].name] = buffers_[index];
    structure_.save(state);
    for (size_t index = 0; index < beforeExchange_.size(); ++index)
        state[fmt::format("before_exchange.{}", index)] = beforeExchange_[index];
    optimizer_->save(state);
    state["leaving"] = numbers(leaving_);
    state["entered"] = numbers(entered_);
    state["counters"] = numbers({int64_t(stage_), stageStep_, step_, cycle_});
    state["amounts"] = at::tensor(std::vector<double>{exchanged_, cost_}, at::kDouble);
    return state;
}

Result<void> SparseTrainer::adopt(const std::map<std::string, at::Tensor>& state) {
    const at::NoGradGuard plain;
    const auto missing = [](const std::string& name) {
        return fail(ErrorCode::InvalidFile, "the checkpoint has no such tensor of this shape", name,
                    "Resume with the settings that the run was started with");
    };
    const auto read = [&](at::Tensor& into, const std::string& name) -> Result<void> {
        const auto found = state.find(name);
        if (found == state.end() || found->second.sizes() != into.sizes())
            return missing(name);
        into.copy_(found->second);
        return {};
    };
    const auto list = [&](const std::string& name) -> Result<std::vector<int64_t>> {
        const auto found = state.find(name);
        if (found == state.end() || found->second.scalar_type() != at::kLong || found->second.dim() != 1)
            return missing(name);
        const at::Tensor whole = found->second.contiguous();
        return std::vector<int64_t>(whole.const_data_ptr<int64_t>(),
                                    whole.const_data_ptr<int64_t>() + whole.numel());
    };
    beforeExploration_.clear();
    beforeExchange_.clear();
    for (size_t index = 0; index < values_.size(); ++index) {
        const std::string& name = network_.parameters()[index].name;
        VITRINE_TRY_VOID(read(values_[index], "value." + name));
        VITRINE_TRY_VOID(read(importance_[index], "importance." + name));
        if (state.contains("before." + name)) {
            beforeExploration_.push_back(at::zeros_like(values_[index]));
            VITRINE_TRY_VOID(read(beforeExploration_.back(), "before." + name));
        }
    }
    for (size_t index = 0; index < buffers_.size(); ++index)
        VITRINE_TRY_VOID(read(buffers_[index], "buffer." + network_.buffers()[index].name));
    VITRINE_TRY_VOID(structure_.restore(state));
    for (size_t index = 0; state.contains(fmt::format("before_exchange.{}", index)); ++index)
        beforeExchange_.push_back(state.at(fmt::format("before_exchange.{}", index)).clone());
    VITRINE_TRY_VOID(optimizer_->restore(state));
    VITRINE_TRY(leaving_, list("leaving"));
    VITRINE_TRY(entered_, list("entered"));
    VITRINE_TRY(const auto counters, list("counters"));
    at::Tensor amounts = at::zeros({2}, at::kDouble);
    VITRINE_TRY_VOID(read(amounts, "amounts"));
    if (counters.size() != 4 || counters[0] < 0 || counters[0] > int64_t(Stage::Exploration))
        return missing("counters");
    stage_ = Stage(counters[0]);
    stageStep_ = counters[1];
    step_ = counters[2];
    cycle_ = counters[3];
    exchanged_ = amounts[0].item<double>();
    cost_ = amounts[1].item<double>();
    masks_ = structure_.parameterMasks();
    return {};
}

Result<void> SparseTrainer::save(const std::filesystem::path& file) const {
    return writeTensors(file, state(), {{"fingerprint", fingerprint()}});
}

Result<void> SparseTrainer::restore(const std::filesystem::path& file) {
    VITRINE_TRY(const auto source, openTensors(file));
    const auto& metadata = source->metadata();
    const auto made = metadata.find("fingerprint");
    if (made == metadata.end() || made->second != fingerprint())
        return fail(ErrorCode::InvalidArgument,
                    "the checkpoint was made with another network, method, data or seed", file.string(),
                    "Put the settings and pictures back as they were, or start a new run");
    VITRINE_TRY(const auto state, readAllTensors(*source));
    return adopt(state).map_error([&](const Error& error) { return error.in(file.string()); });
}

TensorList SparseTrainer::cutWeights(TensorList& cutBuffers) const {
    TensorList weights = weightsInUse();
    cutBuffers = buffers_;
    if (options_.units != UnitKind::Channels)
        return weights;
    for (const UnitLayer& layer : structure_.layers()) {
        const at::Tensor stay = layer.active.nonzero().flatten();
        for (const ChannelGroup::Member& member : layer.group.members) {
            weights[member.parameter] =
                weights[member.parameter].index_select(member.dimension, stay).contiguous();
            // The statistics of a norm go with its scale.
            const std::string& name = network_.parameters()[member.parameter].name;
            if (!name.ends_with("bn1.weight"))
                continue;
            const std::string norm = name.substr(0, name.rfind('.'));
            for (size_t index = 0; index < cutBuffers.size(); ++index)
                if (network_.buffers()[index].name.starts_with(norm + "."))
                    cutBuffers[index] = cutBuffers[index].index_select(0, stay).contiguous();
        }
    }
    return weights;
}

}  // namespace vitrine
