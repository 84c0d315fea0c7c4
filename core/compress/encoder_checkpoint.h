// The stored form of an encoder that is compressed: which tensors of the checkpoint hold a layer's weight,
// and how a smaller or masked encoder is written back under the same names.
#pragma once

#include "core/io/model_folder.h"

#include <ATen/ATen.h>

#include <map>
#include <string>
#include <vector>

namespace vitrine {

using StoredShapes = std::map<std::string, std::vector<int64_t>>;

// Names and shapes, weights in plain form: "NAME.weight" in place of a spectral re-parametrisation
// ("NAME.parametrizations.weight.*").
StoredShapes plainShapes(const TensorSource& source);

// Rows of a layer's weight that one tensor of the checkpoint holds.
struct StoredRows {
    std::string tensor;
    int64_t first = 0, count = 0;
};

// Where the checkpoint keeps the weight of `layer` (a public name without its ending), in the order of the
// rows: as "NAME.weight", as "NAME_weight" (torch's packed projections), behind another prefix (torch-hub
// files), or as two matrices (the gate and value of SwiGLU in the later RADIO library). Empty: not stored.
std::vector<StoredRows> storedRows(const StoredShapes& stored, const std::string& layer);

// All tensors, re-parametrised weights worked out (float32), and the configuration that belongs to them.
struct PlainCheckpoint {
    std::map<std::string, at::Tensor> tensors;
    Json config;
    int64_t workedOut = 0;  // weights that were re-parametrised
};
// Errors name the tensor: singular vectors that do not fit.
Result<PlainCheckpoint> readPlainCheckpoint(const ModelFolder& folder);

// config.json, model.safetensors and, of `original`, the preprocessor and the model code that transformers
// wants beside them ("auto_map" in config.json: all *.py of the folder, which are copied, never run).
Result<void> writeEncoderFolder(const std::filesystem::path& folder, const ModelFolder& original,
                                const Json& config, const std::map<std::string, at::Tensor>& tensors);

}  // namespace vitrine
