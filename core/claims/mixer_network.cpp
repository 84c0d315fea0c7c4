#include "core/claims/mixer_network.h"

#include <cmath>

namespace vitrine::mixers {
namespace {

constexpr int64_t kWidth = 16, kStemWidth = 8;
constexpr int64_t kHeads2 = 2, kHeads3 = 4, kBlocks2 = 4, kBlocks3 = 2;  // of the last two levels
constexpr double kEpsilon = 1e-5, kStemEpsilon = 1e-4;

std::shared_ptr<nn::Conv2d> strided(int64_t in, int64_t out) {
    return std::make_shared<nn::Conv2d>(
        in, out,
        nn::ConvOptions{.kernelHeight = 3, .kernelWidth = 3, .stride = 2, .padding = 1, .bias = false});
}

// LibTorch's own start of convolutions, ± 1 / sqrt(inputs); what mixers have of them begins so already.
void initializeConvolutions(torch::nn::Module& module, at::Generator random) {
    const at::NoGradGuard noGrad;
    for (at::Tensor& parameter : module.parameters())
        if (parameter.dim() == 4) {
            const double bound = 1 / std::sqrt(double(parameter[0].numel()));
            parameter.uniform_(-bound, bound, random);
        }
}

}  // namespace

TokenLevel::TokenLevel(Design design, int64_t width, int64_t headCount, int64_t blockCount) {
    const int64_t mixerCount = (blockCount + 1) / 2;
    for (int64_t block = 0; block < blockCount; ++block) {
        const std::string name = std::to_string(block);
        if (block < mixerCount) {
            mixers_.push_back(register_module(name, std::make_shared<MixerBlock>(width, design)));
            continue;
        }
        const mambavision::TokenBlockOptions options{width, headCount, true};
        attention_.push_back(register_module(name, std::make_shared<mambavision::TokenBlock>(options)));
    }
}

at::Tensor TokenLevel::forward(const at::Tensor& map) const {
    at::Tensor tokens = map.flatten(2).transpose(1, 2);
    for (const auto& block : mixers_)
        tokens = block->forward(tokens);
    for (const auto& block : attention_)
        tokens = block->forward(tokens);
    return tokens.transpose(1, 2).reshape(map.sizes());
}

Network::Network(Design design, int64_t classes, const at::Generator& random) {
    const auto norm = [](int64_t width, double epsilon) {
        return std::make_shared<nn::TrainableBatchNorm>(width, epsilon);
    };
    stem0_ = register_module("stem0", strided(3, kStemWidth));
    stemNorm0_ = register_module("stem_norm0", norm(kStemWidth, kStemEpsilon));
    stem1_ = register_module("stem1", strided(kStemWidth, kWidth));
    stemNorm1_ = register_module("stem_norm1", norm(kWidth, kStemEpsilon));
    level0_ = register_module("level0", std::make_shared<mambavision::ConvBlock>(kWidth, false));
    down0_ = register_module("down0", strided(kWidth, 2 * kWidth));
    level1_ = register_module("level1", std::make_shared<mambavision::ConvBlock>(2 * kWidth, false));
    down1_ = register_module("down1", strided(2 * kWidth, 4 * kWidth));
    level2_ = register_module("level2", std::make_shared<TokenLevel>(design, 4 * kWidth, kHeads2, kBlocks2));
    down2_ = register_module("down2", strided(4 * kWidth, 8 * kWidth));
    level3_ = register_module("level3", std::make_shared<TokenLevel>(design, 8 * kWidth, kHeads3, kBlocks3));
    norm_ = register_module("norm", norm(8 * kWidth, kEpsilon));
    head_ = register_module("head", std::make_shared<nn::Linear>(8 * kWidth, classes));
    mambavision::initializeTokenBlocks(*this, random);
    initializeConvolutions(*this, random);
}

at::Tensor Network::forward(const at::Tensor& pictures) const {
    at::Tensor x = at::relu(stemNorm0_->forward(stem0_->forward(pictures * 2 - 1)));
    x = at::relu(stemNorm1_->forward(stem1_->forward(x)));
    x = down0_->forward(level0_->forward(x));
    x = down1_->forward(level1_->forward(x));
    x = down2_->forward(level2_->forward(x));
    return head_->forward(norm_->forward(level3_->forward(x)).mean({2, 3}));
}

}  // namespace vitrine::mixers
