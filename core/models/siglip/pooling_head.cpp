#include "core/models/siglip/pooling_head.h"

#include "core/nn/functional.h"
#include "core/nn/module_tree.h"

namespace vitrine::siglip {

PoolingHead::PoolingHead(torch::nn::Module& root, const std::string& path, const nn::TowerOptions& tower)
    : width_(tower.width),
      headCount_(tower.headCount),
      activation_(nn::activationByName(tower.activation)),
      probe_(nn::parameterAt(root, path + ".probe", {1, 1, tower.width})),
      weight_(nn::parameterAt(root, path + ".attention.in_proj_weight", {3 * tower.width, tower.width})),
      bias_(nn::parameterAt(root, path + ".attention.in_proj_bias", {3 * tower.width})) {
    const auto linear = [&](const char* name, int64_t in, int64_t out) {
        return nn::registerAt(root, path + name, std::make_shared<nn::Linear>(in, out));
    };
    out_ = linear(".attention.out_proj", width_, width_);
    norm_ = nn::registerAt(root, path + ".layernorm", std::make_shared<nn::LayerNorm>(width_, tower.epsilon));
    up_ = linear(".mlp.fc1", width_, tower.mlpWidth);
    down_ = linear(".mlp.fc2", tower.mlpWidth, width_);
}

at::Tensor PoolingHead::forward(const at::Tensor& x, const std::optional<at::Tensor>& mask) const {
    const at::Tensor query = at::linear(probe_, weight_.narrow(0, 0, width_), bias_.narrow(0, 0, width_))
                                 .expand({x.size(0), 1, width_});
    const auto keyValue =
        at::linear(x, weight_.narrow(0, width_, 2 * width_), bias_.narrow(0, width_, 2 * width_))
            .chunk(2, -1);
    const double scale = 1.0 / std::sqrt(double(width_) / double(headCount_));
    const at::Tensor mixed =
        nn::attention(nn::splitHeads(query, headCount_), nn::splitHeads(keyValue[0], headCount_),
                      nn::splitHeads(keyValue[1], headCount_), scale, mask);
    return finish(nn::mergeHeads(mixed).select(1, 0));
}

at::Tensor PoolingHead::alone(const at::Tensor& x) const {
    return finish(at::linear(x, weight_.narrow(0, 2 * width_, width_), bias_.narrow(0, 2 * width_, width_)));
}

at::Tensor PoolingHead::finish(const at::Tensor& attended) const {
    const at::Tensor x = out_->forward(attended);
    return x + down_->forward(activation_(up_->forward(norm_->forward(x))));
}

}  // namespace vitrine::siglip
