// Checkpoints of a training, and its spread over processes.
#include "core/base/hash.h"
#include "core/language/language_trainer.h"

namespace vitrine {

// What a resumed run must have in common with the one before.
std::string LanguageTrainer::fingerprint() const {
    std::string all =
        fmt::format("{} {} {} {} ", options_.seed, options_.length, options_.batch, options_.accumulation) +
        decoderConfigJson(options_.model, "float32").dump();
    for (const LanguageTrainingText& text : texts_)
        all += fmt::format(" {} {} {} {} {}", text.tokens->info().corpusHash,
                           text.tokens->info().tokenizerIdentity, text.training.first, text.training.count,
                           text.weight);
    if (objective_)
        all += " " + objective_->fingerprint();
    return sha256Hex(all);
}

std::map<std::string, at::Tensor> LanguageTrainer::state() const {
    std::map<std::string, at::Tensor> state = optimizer_->state();
    for (const auto& entry : model_->decoder().named_parameters())
        state[entry.key()] = entry.value().detach();
    if (objective_)
        for (const OptimizedParameter& parameter : objective_->parameters())
            state["objective." + parameter.name] = parameter.tensor.detach();
    state["step"] = at::tensor({step_}, at::kLong);
    return state;
}

Result<void> LanguageTrainer::adopt(const std::map<std::string, at::Tensor>& state) {
    const at::NoGradGuard noGrad;
    const auto adoptOne = [&](const std::string& name, const at::Tensor& tensor) -> Result<void> {
        const auto it = state.find(name);
        if (it == state.end() || it->second.sizes() != tensor.sizes())
            return fail(ErrorCode::ShapeMismatch, "the checkpoint holds another model", name,
                        "Resume with the settings that the run was started with");
        tensor.copy_(it->second);
        return {};
    };
    for (const auto& entry : model_->decoder().named_parameters())
        VITRINE_TRY_VOID(adoptOne(entry.key(), entry.value()));
    if (objective_)
        for (const OptimizedParameter& parameter : objective_->parameters())
            VITRINE_TRY_VOID(adoptOne("objective." + parameter.name, parameter.tensor));
    VITRINE_TRY_VOID(optimizer_->restore(state));
    const auto step = state.find("step");
    if (step == state.end())
        return fail(ErrorCode::InvalidFile, "this is no checkpoint of a training");
    step_ = step->second.item<int64_t>();
    return {};
}

Result<void> LanguageTrainer::save(const std::filesystem::path& file) const {
    return writeTensors(file, state(), {{"fingerprint", fingerprint()}});
}

Result<void> LanguageTrainer::restore(const std::filesystem::path& file) {
    VITRINE_TRY(const auto source, openTensors(file));
    const auto& metadata = source->metadata();
    const auto made = metadata.find("fingerprint");
    if (made == metadata.end() || made->second != fingerprint())
        return fail(ErrorCode::InvalidArgument,
                    "the checkpoint was made with another model, text, batch or seed", file.string(),
                    "Put the settings and texts back as they were, or start a new run");
    VITRINE_TRY(const auto state, readAllTensors(*source));
    return adopt(state).map_error([&](const Error& error) { return error.in(file.string()); });
}

Result<void> LanguageTrainer::join(World& world) {
    if (options_.batch % world.size() != 0)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("a batch of {} cannot be shared by {} processes in equal parts",
                                options_.batch, world.size()),
                    "settings/batch", fmt::format("Take a multiple of {}", world.size()));
    std::map<std::string, at::Tensor> shared;
    if (world.isFirst())
        shared = state();
    VITRINE_TRY_VOID(world.share(shared));
    if (!world.isFirst())
        VITRINE_TRY_VOID(adopt(shared));
    world_ = &world;
    return {};
}

}  // namespace vitrine
