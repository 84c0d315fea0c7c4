// A model folder in the Hugging Face layout: config.json, weights, preprocessor_config.json and tokenizer
// files.
#pragma once

#include "core/base/json.h"
#include "core/io/tensor_source.h"

#include <optional>

namespace vitrine {

struct ModelFolder {
    std::filesystem::path path;        // the folder, or the file if a single weight file was opened
    Json config = Json::object();      // config.json or open_clip_config.json; empty object if absent
    std::optional<Json> preprocessor;  // preprocessor_config.json
    std::optional<Json> processor;     // processor_config.json
    std::shared_ptr<const TensorSource> weights;

    // "model_type", or what the layout tells: "open_clip" for an open_clip_config.json; empty if unknown.
    std::string modelType() const;
    // SHA-256 over config and the weights' headers and sizes: identifies the model without reading all of it.
    Result<std::string> identity() const;
};

// `configName` reads another configuration file in place of config.json ("config.legacy.json").
Result<ModelFolder> openModelFolder(const std::filesystem::path& path,
                                    const std::string& configName = "config.json");

}  // namespace vitrine
