#include "core/models/featsharp/jafar.h"

#include "core/models/featsharp/jafar_encoder.h"
#include "core/nn/functional.h"
#include "core/nn/module_tree.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace vitrine::featsharp {
namespace {

// Scores are made for so many elements at a time.
constexpr int64_t kChunkElements = int64_t(1) << 22;
constexpr int64_t kStripBytes = int64_t(8) << 20;  // of one map

std::shared_ptr<nn::Conv2d> convolution(int64_t width, int64_t kernel, int64_t padding = 0) {
    nn::ConvOptions options;
    options.kernelHeight = options.kernelWidth = kernel;
    options.padding = padding;
    options.bias = false;
    return std::make_shared<nn::Conv2d>(width, width, options);
}

at::Tensor plainGroupNorm(const at::Tensor& x) {
    return at::group_norm(x, kJafarGroups, {}, {}, kJafarNormEpsilon);
}

// Adaptive average pooling of a map in strips, which are used up: first along the rows, which lie in one
// strip each, then along the columns. A window is a rectangle, so that its average is an average of averages.
at::Tensor pooled(Strips strips, int64_t height, int64_t width) {
    for (at::Tensor& strip : strips)
        strip = at::adaptive_avg_pool2d(strip, {strip.size(2), width});
    return at::adaptive_avg_pool2d(at::cat(strips, 2), {height, width});
}

}  // namespace

Jafar::Jafar(int64_t featureWidth, int64_t width, int64_t headCount) : width_(width), headCount_(headCount) {
    image_ = register_module("image_encoder", std::make_shared<JafarEncoder>(3, width, 3));
    key_ = register_module("key_encoder", std::make_shared<JafarEncoder>(width, width, 1));
    query_ = register_module("query_encoder", std::make_shared<JafarEncoder>(width, width, 1));
    features_ =
        register_module("key_features_encoder", std::make_shared<JafarEncoder>(featureWidth, width, 1));
    gamma_ = nn::registerAt(*this, "sft_key.gamma", convolution(width, 1));
    beta_ = nn::registerAt(*this, "sft_key.beta", convolution(width, 1));
    frequencies_ = nn::parameterAt(*this, "rope.freqs", {2, width});
    queryConv_ = nn::registerAt(*this, "cross_decode.conv2d", convolution(width, 3, 1));
    constexpr double epsilon = std::numeric_limits<float>::epsilon();  // torch's default for RMS norms
    const std::string cross = "cross_decode.cross_attn.";
    normQuery_ = nn::registerAt(*this, cross + "norm_q", std::make_shared<nn::RmsNorm>(width, epsilon));
    normKey_ = nn::registerAt(*this, cross + "norm_k", std::make_shared<nn::RmsNorm>(width, epsilon));
    queryWeight_ = nn::parameterAt(*this, cross + "attention.q_proj_weight", {width, width});
    keyWeight_ = nn::parameterAt(*this, cross + "attention.k_proj_weight", {width, width});
    projectionBias_ = nn::parameterAt(*this, cross + "attention.in_proj_bias", {3 * width});
    // Only the attention's probabilities are used: its value path is in checkpoints, but without effect.
    nn::registerAt(*this, cross + "norm_v", std::make_shared<nn::RmsNorm>(featureWidth, epsilon));
    nn::parameterAt(*this, cross + "attention.v_proj_weight", {width, featureWidth});
    nn::registerAt(*this, cross + "attention.out_proj", std::make_shared<nn::Linear>(width, width));
}

Jafar::~Jafar() = default;

at::Tensor Jafar::rotated(const at::Tensor& strip, int64_t first, int64_t height) const {
    const int64_t width = strip.size(3), half = width_ / 2;
    // angle(y, x) = y f0 + x f1, coordinates 0 to 1 from border to border.
    const at::Tensor rows =
        at::linspace(0, 1, height, strip.options()).narrow(0, first, strip.size(2)).view({1, -1, 1});
    const at::Tensor columns = at::linspace(0, 1, width, strip.options()).view({1, 1, width});
    const auto frequency = [&](int64_t axis) { return frequencies_[axis].view({width_, 1, 1}); };
    const at::Tensor angle = rows * frequency(0) + columns * frequency(1);
    const at::Tensor turned = at::cat({-strip.narrow(1, half, width_ - half), strip.narrow(1, 0, half)}, 1);
    return strip * angle.cos() + turned * angle.sin();
}

at::Tensor Jafar::mixed(const at::Tensor& query, const at::Tensor& key, const at::Tensor& values) const {
    const double scale = 1 / std::sqrt(double(width_) / double(headCount_));
    const at::Tensor q = nn::splitHeads(
        at::linear(normQuery_->forward(query), queryWeight_, projectionBias_.narrow(0, 0, width_)),
        headCount_);
    const at::Tensor k = nn::splitHeads(
        at::linear(normKey_->forward(key), keyWeight_, projectionBias_.narrow(0, width_, width_)),
        headCount_);
    const int64_t queryCount = query.size(1), perQuery = query.size(0) * headCount_ * key.size(1);
    const int64_t chunk = std::max<int64_t>(1, kChunkElements / perQuery);
    const auto part = [&](int64_t first) {
        const int64_t count = std::min(chunk, queryCount - first);
        const at::Tensor scores = at::matmul(q.narrow(2, first, count) * scale, k.transpose(2, 3)).softmax(3);
        return at::matmul(values, scores.mean(1).transpose(1, 2));
    };
    if (at::GradMode::is_enabled()) {  // which a write into a part of a tensor would make slow
        std::vector<at::Tensor> parts;
        for (int64_t first = 0; first < queryCount; first += chunk)
            parts.push_back(part(first));
        return at::cat(parts, 2);
    }
    at::Tensor out = at::empty({values.size(0), values.size(1), queryCount}, values.options());
    for (int64_t first = 0; first < queryCount; first += chunk)
        out.narrow(2, first, std::min(chunk, queryCount - first)).copy_(part(first));
    return out;
}

int64_t Jafar::stripRows(const at::Tensor& picture) const {
    const int64_t rowBytes = picture.size(0) * width_ * picture.size(3) * int64_t(picture.element_size());
    return at::GradMode::is_enabled()
               ? picture.size(2)
               : std::clamp<int64_t>(kStripBytes / std::max<int64_t>(rowBytes, 1), 1, picture.size(2));
}

Jafar::PictureMaps Jafar::pictureMaps(const at::Tensor& picture, at::IntArrayRef querySize,
                                      at::IntArrayRef keySize) const {
    const int64_t height = picture.size(2), rows = stripRows(picture);
    const at::Tensor bordered = image_->bordered(picture);
    const auto started = [&](int64_t first) {
        return image_->start(bordered, first, std::min(rows, height - first));
    };
    Strips encoded;
    for (int64_t first = 0; first < height; first += rows)
        encoded.push_back(started(first));
    const JafarEncoder::Moments moments = image_->finish(encoded);
    for (size_t index = 0; index < encoded.size(); ++index)
        encoded[index] = rotated(encoded[index], int64_t(index) * rows, height);
    // Of several strips the first who asks for one takes it away, for the second it is made again: there is
    // one map of the picture's size at any time. A whole map stays for both.
    const auto encodedStrip = [&](size_t index) {
        if (encoded.size() == 1)
            return encoded[0];
        const int64_t first = int64_t(index) * rows;
        return encoded[index].defined() ? std::exchange(encoded[index], at::Tensor())
                                        : rotated(image_->again(started(first), moments), first, height);
    };
    const auto map = [&](const JafarEncoder& encoder, at::IntArrayRef size) {
        Strips strips;
        for (size_t index = 0; index < encoded.size(); ++index) {
            const at::Tensor strip = encodedStrip(index);
            strips.push_back(encoder.start(strip, 0, strip.size(2)));
        }
        encoder.finish(strips);
        return pooled(std::move(strips), size[0], size[1]);
    };
    const at::Tensor queries = map(*query_, querySize);
    return {queries, map(*key_, keySize)};
}

at::Tensor Jafar::forward(const at::Tensor& features, const at::Tensor& picture, int64_t height,
                          int64_t width) const {
    const PictureMaps maps = pictureMaps(picture, {height, width}, {features.size(2), features.size(3)});
    const at::Tensor unit = features / features.norm(2, {1}, true).clamp_min(1e-12);
    const at::Tensor condition = features_->forward(unit);
    const at::Tensor keys =
        gamma_->forward(condition) * plainGroupNorm(maps.keys) + beta_->forward(condition);
    const at::Tensor queries = queryConv_->forward(plainGroupNorm(maps.queries));
    return mixed(nn::tokensFromMap(queries), nn::tokensFromMap(keys), features.flatten(2))
        .view({features.size(0), features.size(1), height, width});
}

}  // namespace vitrine::featsharp
