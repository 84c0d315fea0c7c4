// Loaded models, by handle, each with the preprocessing that its folder (or its family) states.
#pragma once

#include "core/engine/inspect_engine.h"
#include "core/media/preprocess.h"
#include "core/models/model.h"

#include <map>

namespace vitrine {

// A text as the model's text side takes it.
struct TextTokens {
    at::Tensor ids;   // (1, context length) int64
    at::Tensor mask;  // (1, context length) int64, or undefined
};

struct StoredModel {
    LoadedModel description;
    std::unique_ptr<Model> model;
    at::Device device = at::kCPU;
    at::ScalarType dtype = at::kFloat;
    PreprocessConfig preprocess;
    // Tokens of a text, padded to the context length; empty for models without a text side or tokenizer.
    std::function<Result<TextTokens>(const std::string& text, int64_t contextLength)> textTokens;
};

// "cpu", "cuda" or "cuda:N" -> device; Unsupported where the driver or the library has none.
Result<at::Device> deviceFromName(const std::string& name);
// "float32" or "bfloat16".
Result<at::ScalarType> dtypeFromTorchName(const std::string& name);
// Devices that models can be put on here; "cpu" first.
std::vector<std::string> availableDevices();

class ModelStore {
  public:
    // Errors as loadModel; InvalidArgument if the model has no vision encoder or states no preprocessing.
    Result<const StoredModel*> load(const std::filesystem::path& path, const std::string& device,
                                    const std::string& dtype);
    // NotFound for an id that was never given or was unloaded.
    Result<const StoredModel*> find(const std::string& id) const;
    void unload(const std::string& id) { models_.erase(id); }
    std::vector<LoadedModel> list() const;

  private:
    std::map<std::string, StoredModel> models_;
};

}  // namespace vitrine
