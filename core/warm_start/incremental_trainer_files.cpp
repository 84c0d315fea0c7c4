// Checkpoints of training on chunks.
#include "core/base/hash.h"
#include "core/nn/weights.h"
#include "core/warm_start/incremental_trainer.h"

namespace vitrine {

// What a resumed run must have in common with the one before.
std::string IncrementalTrainer::fingerprint() const {
    const IncrementalOptions& o = options_;
    std::string all = fmt::format("{} {} {} {} {} {} {} {} {} {}", o.seed, int(o.start), o.shrink, o.perturb,
                                  int(o.features), o.featureWeight, o.featureFades, o.consolidationWeight,
                                  int(o.distillation), o.distillationWeight);
    all += fmt::format(" {} {} {} {} {} {} {} {} {}", o.temperature, o.pullBack, o.replayed, o.epochs,
                       o.batch.size, o.batch.shift, o.batch.mirror, o.learningRate, int(o.optimizer.kind));
    for (const LabelledPictures& chunk : chunks_)
        all += " " + chunk.fingerprint();
    for (size_t index = 0; index < network_.parameters().size(); ++index) {
        const ClassifierParameter& parameter = network_.parameters()[index];
        all += fmt::format(" {}[{}]", parameter.name, fmt::join(parameter.shape, ","));
        if (masks_[index].defined())
            all += fmt::format("/{}", masks_[index].sum().item<int64_t>());
    }
    return sha256Hex(all);
}

std::map<std::string, at::Tensor> IncrementalTrainer::state() const {
    std::map<std::string, at::Tensor> state;
    const auto keep = [&](const char* prefix, const std::vector<ClassifierParameter>& names,
                          const TensorList& tensors) {
        for (size_t index = 0; index < tensors.size(); ++index)
            state[prefix + names[index].name] = tensors[index];
    };
    keep("weight.", network_.parameters(), weights_);
    keep("buffer.", network_.buffers(), buffers_);
    keep("teacher_weight.", network_.parameters(), teacherWeights_);
    keep("teacher_buffer.", network_.buffers(), teacherBuffers_);
    optimizer_->save(state);
    state["counters"] = at::tensor(std::vector<int64_t>{chunk_, chunkStep_, step_}, at::kLong);
    return state;
}

Result<void> IncrementalTrainer::adopt(const std::map<std::string, at::Tensor>& state) {
    const at::NoGradGuard plain;
    const auto missing = [](const std::string& name) {
        return fail(ErrorCode::InvalidFile, "the checkpoint has no such tensor of this shape", name,
                    "Resume with the settings that the run was started with");
    };
    const auto read = [&](const std::string& prefix, const std::vector<ClassifierParameter>& names,
                          TensorList& tensors) -> Result<void> {
        TensorList found;
        for (const ClassifierParameter& parameter : names) {
            const auto at = state.find(prefix + parameter.name);
            if (at == state.end() || at->second.sizes() != at::IntArrayRef(parameter.shape))
                return missing(prefix + parameter.name);
            found.push_back(at->second.clone());
        }
        tensors = std::move(found);
        return {};
    };
    const auto counters = state.find("counters");
    if (counters == state.end() || counters->second.numel() != 3 ||
        counters->second.scalar_type() != at::kLong)
        return missing("counters");
    const auto number = [&](int64_t index) { return counters->second[index].item<int64_t>(); };
    if (number(0) < 0 || number(0) >= int64_t(chunks_.size()))
        return missing("counters");
    VITRINE_TRY_VOID(read("weight.", network_.parameters(), weights_));
    VITRINE_TRY_VOID(read("buffer.", network_.buffers(), buffers_));
    if (number(0) > 0) {
        VITRINE_TRY_VOID(read("teacher_weight.", network_.parameters(), teacherWeights_));
        VITRINE_TRY_VOID(read("teacher_buffer.", network_.buffers(), teacherBuffers_));
    }
    chunk_ = number(0);
    chunkStep_ = number(1);
    step_ = number(2);
    openChunk();
    makeOptimizer();
    return optimizer_->restore(state);
}

Result<void> IncrementalTrainer::save(const std::filesystem::path& file) const {
    return writeTensors(file, state(), {{"fingerprint", fingerprint()}});
}

Result<void> IncrementalTrainer::restore(const std::filesystem::path& file) {
    VITRINE_TRY(const auto source, openTensors(file));
    const auto& metadata = source->metadata();
    const auto made = metadata.find("fingerprint");
    if (made == metadata.end() || made->second != fingerprint())
        return fail(ErrorCode::InvalidArgument,
                    "the checkpoint was made with another network, terms, data or seed", file.string(),
                    "Put the settings and pictures back as they were, or start a new run");
    VITRINE_TRY(const auto state, readAllTensors(*source));
    return adopt(state).map_error([&](const Error& error) { return error.in(file.string()); });
}

}  // namespace vitrine
