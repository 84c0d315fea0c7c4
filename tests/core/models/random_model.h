// Models of any configuration with random weights, for tests without checkpoints.
#pragma once

#include "core/models/model.h"

namespace vitrine::testing {

using CreateModel = Result<std::unique_ptr<Model>> (*)(const ModelFolder&);

// A folder without weights, of this configuration.
ModelFolder folderOf(const Json& config);
// Fills every parameter with normal noise of standard deviation 0.2 (scales around 1).
void fillRandomly(Model& model, uint64_t seed);

// Creates a model of `config`, fills it, writes it to disk in `storage` type as `shardCount` files, loads it
// through the registry and expects the same outputs of encode() for pixels of this size. Returns the loaded
// model.
std::unique_ptr<Model> expectRoundTrip(const Json& config, CreateModel create, int64_t height, int64_t width,
                                       int shardCount = 1, at::ScalarType storage = at::kFloat);

}  // namespace vitrine::testing
