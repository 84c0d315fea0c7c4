#include "core/models/language/foreign_layouts.h"
#include "core/models/language/language_model.h"
#include "core/models/language/sentence_encoder.h"

namespace vitrine {
namespace {

using Derive = Result<at::Tensor> (*)(const std::string&, const DecoderConfig&, const TensorSource&);

// Projections that joinProjections has copied already.
bool isJoined(const std::string& name) {
    for (const char* part : {"q_proj", "k_proj", "v_proj", "gate_proj"})
        if (name.find(part) != std::string::npos)
            return true;
    return false;
}

Result<std::unique_ptr<LanguageModel>> loadWith(const ModelFolder& folder, const LoadOptions& options,
                                                DecoderConfig config, Derive derive) {
    auto model = std::make_unique<LanguageModel>(std::move(config));
    LoadRules rules;
    rules.refuseLeftovers = !derive;
    // Older exports hold the turning frequencies, and some the tied head a second time.
    for (int64_t i = 0; i < model->config().depth(); ++i)
        rules.ignoredPrefixes.push_back(fmt::format("model.layers.{}.self_attn.rotary_emb.", i));
    if (model->config().tiedEmbeddings)
        rules.ignoredPrefixes.push_back("lm_head.weight");
    if (derive)
        rules.derive = [&](const std::string& name, const TensorSource& source) {
            return derive(name, model->config(), source);
        };
    VITRINE_TRY_VOID(loadWeights(model->decoder(), *folder.weights, options, rules));
    // What was taken over as it is lies in the mapped file still, which must not be written to: pruning and
    // training do. Converted and decoded tensors have memory of their own, which LibTorch may resize.
    model->decoder().joinProjections();
    at::NoGradGuard noGrad;
    for (auto& entry : model->decoder().named_parameters())
        if (!isJoined(entry.key()) && !entry.value().storage().resizable())
            entry.value().set_data(entry.value().detach().clone());
    return model;
}

Result<std::unique_ptr<Model>> loadFolder(const ModelFolder& folder, const LoadOptions& options) {
    VITRINE_TRY(DecoderConfig config, decoderConfigFrom(folder.config, "config.json"));
    VITRINE_TRY(auto model, loadWith(folder, options, std::move(config), nullptr));
    return model;
}

Result<std::unique_ptr<Model>> loadLlama2c(const ModelFolder& folder, const LoadOptions& options) {
    VITRINE_TRY(DecoderConfig config, llama2cConfig(folder));
    VITRINE_TRY(auto model, loadWith(folder, options, std::move(config), llama2cTensor));
    return model;
}

Result<std::unique_ptr<Model>> loadGguf(const ModelFolder& folder, const LoadOptions& options) {
    VITRINE_TRY(DecoderConfig config, ggufConfig(folder));
    VITRINE_TRY(auto model, loadWith(folder, options, std::move(config), ggufTensor));
    return model;
}

ModelFamily folderFamily(const std::string& type, const std::string& summary) {
    return {type, summary,
            [type](const ModelFolder& folder) {
                return folder.modelType() == type && !isLlama2c(folder) && !isGgufDecoder(folder);
            },
            loadFolder};
}

}  // namespace

std::vector<ModelFamily> languageFamilies() {
    return {folderFamily("llama", "Llama 2 and 3 language models, Llama 3.1's rotary scaling, and their kin"),
            folderFamily("mistral", "Mistral language models with a sliding window"),
            folderFamily("qwen2", "Qwen2 and Qwen2.5 language models"),
            folderFamily("qwen3", "Qwen3 dense language models"),
            folderFamily("nemotron", "Nemotron and Minitron language models"),
            folderFamily("nemotron-nas",
                         "Puzzle's Nemotron language models with a different block in every layer"),
            {"llama2c", "Llama language models in llama2.c's file format", isLlama2c, loadLlama2c},
            {"gguf", "Llama, Mistral, Qwen2, Qwen3 and Nemotron language models as GGUF", isGgufDecoder,
             loadGguf},
            sentenceEncoderFamily()};
}

Result<std::unique_ptr<LanguageModel>> loadLanguageModel(const std::filesystem::path& path,
                                                         const LoadOptions& options) {
    VITRINE_TRY(auto model, loadModel(path, options));
    if (LanguageModel* language = asLanguageModel(model.get())) {
        (void)model.release();  // its owner is the result from now on
        return std::unique_ptr<LanguageModel>(language);
    }
    return fail(ErrorCode::UnknownFamily,
                fmt::format("a model of the family \"{}\" is no language model", model->family()),
                path.string(), "Llama, Mistral, Qwen2, Qwen3, Nemotron folders, llama2.c and GGUF files are");
}

}  // namespace vitrine
