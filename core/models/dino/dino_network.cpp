#include "core/models/dino/dino_network.h"

#include "core/models/tower_outputs.h"
#include "core/nn/functional.h"
#include "core/nn/module_tree.h"

#include <numbers>

namespace vitrine::dino {

DinoNetwork::DinoNetwork(torch::nn::Module& root, const std::string& prefix, DinoConfig config)
    : config_(std::move(config)),
      positionCache_(config_.storedGrid(), "bicubic", config_.antialiasPositions) {
    const int64_t width = config_.tower.width;
    const std::string embeddings = prefix + "embeddings.";
    classToken_ = nn::parameterAt(root, embeddings + "cls_token", {1, 1, width});
    if (config_.registerCount > 0)
        registers_ = nn::parameterAt(root, embeddings + "register_tokens", {1, config_.registerCount, width});
    const nn::GridSize grid = config_.storedGrid();
    if (!config_.rotary)
        positions_ = nn::parameterAt(root, embeddings + "position_embeddings",
                                     {1, grid.height * grid.width + 1, width});
    nn::ConvOptions patches;
    patches.kernelHeight = patches.kernelWidth = patches.stride = config_.patchSize.height;
    projection_ = nn::registerAt(root, prefix + config_.patchProjection,
                                 std::make_shared<nn::Conv2d>(config_.channels, width, patches));
    nn::TowerOptions tower = config_.tower;
    tower.names.blocks = prefix + tower.names.blocks;
    tower_ = std::make_unique<nn::PreNormTower>(root, tower);
    norm_ = nn::registerAt(root, prefix + config_.finalNorm,
                           std::make_shared<nn::LayerNorm>(width, config_.tower.epsilon));
}

// Axial RoPE: patch centres in [-1, 1] along each axis times 2π·theta^(-4i/d), rows first, the angles of both
// axes repeated for the second half of the head. Computed in float32 whatever the model's type.
nn::RotaryTable DinoNetwork::rotaryTable(nn::GridSize grid, const at::Tensor& like) const {
    const auto options = like.options().dtype(at::kFloat);
    const int64_t headWidth = config_.tower.width / config_.tower.headCount;
    const auto centres = [&](int64_t count) {
        return (at::arange(count, options) + 0.5) / double(count) * 2.0 - 1.0;
    };
    const at::Tensor exponents = at::arange(headWidth / 4, options) * (4.0 / double(headWidth));
    const at::Tensor frequencies =
        at::pow(at::scalar_tensor(config_.ropeTheta, options), exponents).reciprocal();
    const auto mesh = at::meshgrid({centres(grid.height), centres(grid.width)}, "ij");
    const at::Tensor coordinates = at::stack({mesh[0].flatten(), mesh[1].flatten()}, 1);
    const at::Tensor angles =
        (coordinates.unsqueeze(2) * (2.0 * std::numbers::pi) * frequencies).flatten(1).repeat({1, 2});
    return {angles.cos().to(like.scalar_type()), angles.sin().to(like.scalar_type()), config_.prefixCount()};
}

DinoResult DinoNetwork::forward(const at::Tensor& pixels, const nn::TowerRequest& request) const {
    DinoResult result;
    result.grid = {pixels.size(2) / config_.patchSize.height, pixels.size(3) / config_.patchSize.width};
    const int64_t batch = pixels.size(0);
    at::Tensor patches =
        nn::tokensFromMap(projection_->forward(pixels.to(projection_->weight.scalar_type())));
    at::Tensor classToken = classToken_.expand({batch, -1, -1});
    if (positions_.defined()) {
        const at::Tensor table = positions_.squeeze(0);
        patches = patches + positionCache_.resized(table.narrow(0, 1, table.size(0) - 1), result.grid);
        classToken = classToken + table.narrow(0, 0, 1);
    }
    std::vector<at::Tensor> tokens{classToken};
    if (registers_.defined())
        tokens.push_back(registers_.expand({batch, -1, -1}));
    tokens.push_back(patches);

    nn::TowerRequest towerRequest = request;
    if (config_.rotary)
        towerRequest.rotary = rotaryTable(result.grid, patches);
    result.tower = tower_->forward(at::cat(tokens, 1), towerRequest);
    result.normed = norm_->forward(result.tower.last);
    return result;
}

std::vector<at::Tensor> DinoNetwork::featureMaps(const DinoResult& result) const {
    std::vector<at::Tensor> maps;
    for (const int64_t index : config_.outIndices) {
        at::Tensor state = result.tower.states.at(index);
        if (config_.normalizesMaps)
            state = norm_->forward(state);
        maps.push_back(config_.reshapesMaps ? splitPrefix(state, config_.prefixCount(), result.grid).features
                                            : state);
    }
    return maps;
}

}  // namespace vitrine::dino
