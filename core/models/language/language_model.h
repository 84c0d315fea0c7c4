// A loaded or new language model: its network, its configuration and where it came from. Frozen when loaded
// (decoder().setTrainable(true) to train). Reads Hugging Face folders, llama2.c files and GGUF; writes
// Hugging Face folders.
#pragma once

#include "core/models/language/decoder.h"
#include "core/models/model.h"

namespace vitrine {

class LanguageModel : public Model {
  public:
    explicit LanguageModel(DecoderConfig config);

    std::string family() const override { return decoder_->config().modelType; }
    torch::nn::Module* module() override { return decoder_.get(); }
    // "input_ids" (and "attention_mask") -> logits and hidden states; with "max_new_tokens" greedy
    // generation.
    Result<TensorMap> runCall(const ModelCall& call) const override;

    const DecoderConfig& config() const { return decoder_->config(); }
    Decoder& decoder() { return *decoder_; }
    const Decoder& decoder() const { return *decoder_; }
    std::shared_ptr<Decoder> sharedDecoder() const { return decoder_; }
    // A copy with weights of its own (products put in place of linear layers are not copied).
    std::unique_ptr<LanguageModel> clone() const;

    // InvalidArgument for ids that are no (B, T) integers inside the vocabulary, no tokens, or more than the
    // context holds.
    Result<void> checkIds(const at::Tensor& ids) const;

  private:
    std::shared_ptr<Decoder> decoder_;
};

// A new model with random weights (normal, std `deviation`; the two projections into the residual stream
// divided by sqrt(2·depth)), trainable. Errors: those of DecoderConfig::validate.
Result<std::unique_ptr<LanguageModel>> createLanguageModel(const DecoderConfig& config, uint64_t seed,
                                                           double deviation = 0.02);

// Opens a folder or file of any of the kinds above. UnknownFamily if it is no language model.
Result<std::unique_ptr<LanguageModel>> loadLanguageModel(const std::filesystem::path& path,
                                                         const LoadOptions& options);
// The language model in a model that loadModel gave, or null.
LanguageModel* asLanguageModel(Model* model);

struct SaveLanguageModelOptions {
    at::ScalarType type = at::kFloat;          // kFloat, kHalf or kBFloat16
    std::filesystem::path tokenizerFrom = {};  // its tokenizer files are copied; empty: none
    Json lineage = Json::object();             // goes into config.json under "vitrine", if not empty
    uint64_t shardBytes = uint64_t(5) << 30;   // larger models are written in several files
};
// Writes config.json, generation_config.json, *.safetensors (each to a temporary name first) and the
// tokenizer files. The folder is made; files that it writes are replaced.
Result<void> saveLanguageModel(const LanguageModel& model, const std::filesystem::path& folder,
                               const SaveLanguageModelOptions& options = {});

// One family per model_type, and those of single files (llama2.c, GGUF).
std::vector<ModelFamily> languageFamilies();

}  // namespace vitrine
