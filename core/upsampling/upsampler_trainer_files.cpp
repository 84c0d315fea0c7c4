// Checkpoints of the training of an upsampler, and the folders that are used afterwards.
#include "core/base/file.h"
#include "core/io/tensor_source.h"
#include "core/nn/weights.h"
#include "core/upsampling/trainer_parts.h"

namespace vitrine {
namespace {

using Tensors = std::map<std::string, at::Tensor>;

constexpr const char* kHint = "Resume with the settings that the run was started with";

const char* guideName(featsharp::Guide guide) {
    switch (guide) {
        case featsharp::Guide::Bilateral:
            return "jbu";
        case featsharp::Guide::Jafar:
            return "jafar";
        case featsharp::Guide::Bilinear:
            return "bilinear";
        case featsharp::Guide::None:
            break;
    }
    return "";
}

// What the published code keeps beside the weights: upsample_args and train_config.
Json configurationOf(const UpsamplerOptions& options, const FrozenEncoder& encoder, int64_t step) {
    const bool featUp = options.method == UpsamplerMethod::FeatUp;
    Json json{{"model_type", featUp ? "featup" : "featsharp"},
              {"patch_size", encoder.patchSize},
              {"feat_dim", encoder.featureWidth},
              {"encoder", {{"name", encoder.name}, {"identity", encoder.identity}}},
              {"global_step", step},
              {"train_config",
               {{"num_training_steps", options.steps},
                {"batch_size", options.batch},
                {"n_jitters", options.views},
                {"lr", options.learningRate},
                {"warmup_steps", options.warmupSteps},
                {"spectral_reparam", options.spectral},
                {"bias_buffer", options.deBias},
                {"seed", options.seed}}}};
    json["upsample_args"] = {{"type", featUp ? "jbu_stack" : "featsharp"},
                             {"factor", options.fineFactor()},
                             {"normalizer", featUp ? (options.channelNorm ? "layer_norm" : "none")
                                            : options.standardised ? "phi-s"
                                                                   : "none"}};
    if (featUp)
        return json;
    json["model_resolution"] = encoder.side;
    json["upsample_factor"] = options.factor;
    json["inputs"] = Json::array();
    if (options.guide != featsharp::Guide::None)
        json["inputs"].push_back(guideName(options.guide));
    if (options.tiles)
        json["inputs"].push_back("tiles");
    json["window_size"] = options.windowSize;
    json["no_ln"] = !options.layerNorm;
    if (options.guide == featsharp::Guide::Jafar) {
        json["jafar_qk_dim"] = options.jafarWidth;
        json["jafar_num_heads"] = options.jafarHeads;
    }
    return json;
}

}  // namespace

Result<void> UpsamplerTrainer::save(const std::filesystem::path& file) const {
    const Parts& p = *parts_;
    Tensors state = p.optimizer->state();
    for (const auto& entry : p.root->named_parameters())
        state["model." + entry.key()] = entry.value().detach();
    if (p.spectral)
        state.merge(p.spectral->state());
    state["step"] = at::tensor({p.step}, at::kLong);
    state["statistics_ready"] = at::tensor({int64_t(p.statisticsReady)}, at::kLong);
    return writeTensors(file, state, {{"pictures", p.source.fingerprint()}, {"encoder", p.encoder.identity}});
}

Result<void> UpsamplerTrainer::restore(const std::filesystem::path& file) {
    Parts& p = *parts_;
    VITRINE_TRY(const auto source, openTensors(file));
    const auto same = [&](const char* key, const std::string& wanted) {
        const auto entry = source->metadata().find(key);
        return entry != source->metadata().end() && entry->second == wanted;
    };
    if (!same("pictures", p.source.fingerprint()))
        return fail(ErrorCode::InvalidArgument, "the checkpoint was made with other pictures", file.string(),
                    "Put the pictures back as they were, or start a new run");
    if (!same("encoder", p.encoder.identity))
        return fail(ErrorCode::InvalidArgument, "the checkpoint was made with another encoder", file.string(),
                    "Use the encoder that the run was started with, or start a new run");
    VITRINE_TRY(const Tensors state, readAllTensors(*source));
    const at::NoGradGuard noGrad;
    for (auto& entry : p.root->named_parameters()) {
        const auto it = state.find("model." + entry.key());
        if (it == state.end() || it->second.sizes() != entry.value().sizes())
            return fail(ErrorCode::ShapeMismatch, "the checkpoint holds another upsampler", entry.key(),
                        kHint);
        entry.value().copy_(it->second);
    }
    VITRINE_TRY_VOID(p.optimizer->restore(state));
    if (p.spectral)
        VITRINE_TRY_VOID(p.spectral->restore(state));
    if (!state.contains("step") || !state.contains("statistics_ready"))
        return fail(ErrorCode::InvalidFile, "this is no checkpoint of the training of an upsampler",
                    file.string());
    p.step = state.at("step").item<int64_t>();
    p.statisticsReady = state.at("statistics_ready").item<int64_t>() != 0;
    return {};
}

Result<void> UpsamplerTrainer::exportFolder(const std::filesystem::path& folder,
                                            const UpsamplerExport& wanted) const {
    const Parts& p = *parts_;
    Tensors tensors;
    for (const auto& entry : p.root->named_parameters())
        tensors[entry.key()] = entry.value().detach();
    for (const auto& entry : p.root->named_buffers())
        tensors[entry.key()] = entry.value();
    if (p.spectral)
        for (const auto& [name, weight] : p.spectral->folded())
            tensors[name] = weight;
    if (!wanted.trainingParts)
        std::erase_if(tensors, [](const auto& entry) {
            return entry.first.starts_with("downsampler.") || entry.first.starts_with("scale_net.");
        });
    for (auto& [name, tensor] : tensors)
        if (name.starts_with("upsampler."))
            tensor = tensor.to(wanted.type);
    std::error_code problem;
    std::filesystem::create_directories(folder, problem);
    if (problem)
        return fail(ErrorCode::IoFailure, "cannot make this folder: " + problem.message(), folder.string());
    VITRINE_TRY_VOID(writeTensors(folder / "model.safetensors", tensors, {{"format", "pt"}}));
    return writeFileAtomically(folder / "config.json",
                               configurationOf(p.options, p.encoder, p.step).dump(2) + "\n");
}

}  // namespace vitrine
