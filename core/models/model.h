// A loaded checkpoint and the registry of the families that can be loaded.
#pragma once

#include "core/io/model_folder.h"
#include "core/models/encoder.h"
#include "core/nn/weights.h"

namespace vitrine {

using TensorMap = std::map<std::string, at::Tensor>;

// One computation of a folder with reference outputs (`vitrine verify`): what meta.json lists under "calls".
struct ModelCall {
    std::string id;                    // "a", "inter", "vitdet0"
    std::string what;                  // free text of meta.json
    TensorMap inputs;                  // argument name -> tensor (model's device)
    Json arguments = Json::object();   // further settings
    std::vector<std::string> outputs;  // wanted names, with the prefix "<id>." removed where they have it
    Json meta = Json::object();        // the folder's whole meta.json (num_heads and other notes)
};

class Model {
  public:
    virtual ~Model() = default;
    virtual std::string family() const = 0;
    virtual const VisionEncoder* encoder() const { return nullptr; }
    virtual const TextEncoder* textEncoder() const { return nullptr; }
    virtual const DepthEstimator* depthEstimator() const { return nullptr; }
    virtual const ImageClassifier* classifier() const { return nullptr; }
    virtual const PromptableSegmenter* segmenter() const { return nullptr; }
    // The trainable module with its public parameter names; null for models that are not one module.
    virtual torch::nn::Module* module() { return nullptr; }
    // Runs one reference computation: outputs by the names of call.outputs. Unsupported (with the call's id)
    // if this model cannot compute it. May throw LibTorch's exceptions: the caller is an edge.
    virtual Result<TensorMap> runCall(const ModelCall& call) const = 0;
};

// A family of checkpoints. `recognizes` looks at the configuration and tensor names only.
struct ModelFamily {
    std::string name;
    std::string summary;  // one line for `vitrine model families` and the README
    std::function<bool(const ModelFolder&)> recognizes;
    std::function<Result<std::unique_ptr<Model>>(const ModelFolder&, const LoadOptions&)> load;
};

// Built-in families in the order they are tried; plugins append theirs.
class ModelFamilies {
  public:
    static ModelFamilies& instance();
    void add(ModelFamily family);
    const std::vector<ModelFamily>& all() const { return families_; }

    // UnknownFamily (naming model_type and the known families) if none recognises the folder.
    Result<std::unique_ptr<Model>> load(const ModelFolder& folder, const LoadOptions& options) const;
    // Name of the family that recognises the folder, if any.
    std::optional<std::string> recognize(const ModelFolder& folder) const;

  private:
    ModelFamilies();
    std::vector<ModelFamily> families_;
};

// Opens and loads in one step; every error carries the path.
Result<std::unique_ptr<Model>> loadModel(const std::filesystem::path& path, const LoadOptions& options);

}  // namespace vitrine
