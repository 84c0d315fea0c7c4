// The plain network: convolutions and a linear layer, four in all.
#include "core/image_training/classifier_network.h"

namespace vitrine {
namespace {

constexpr int64_t kConvolutions = 3;

std::string convolution(int64_t number) {
    return fmt::format("conv{}", number + 1);
}
int64_t strideOf(int64_t number) {
    return number == 0 ? 1 : 2;
}

}  // namespace

void ClassifierNetwork::buildPlain() {
    int64_t inputs = 3, side = shape_.side;
    for (int64_t number = 0; number < kConvolutions; ++number) {
        const int64_t outputs = shape_.width << number;
        side /= strideOf(number);
        add(convolution(number) + ".weight", {outputs, inputs, 3, 3}, true, side * side, strideOf(number));
        add(convolution(number) + ".bias", {outputs});
        inputs = outputs;
    }
    add("linear.weight", {shape_.classes, inputs}, true, 1);
    add("linear.bias", {shape_.classes});
}

ClassifierOutput ClassifierNetwork::forwardPlain(const at::Tensor& pixels, const TensorList& weights,
                                                 TensorList* blocks) const {
    const auto weight = [&](const std::string& name) { return weights[index(name)]; };
    at::Tensor x = pixels;
    for (int64_t number = 0; number < kConvolutions; ++number) {
        const std::string name = convolution(number);
        x = at::relu(at::conv2d(x, weight(name + ".weight"), weight(name + ".bias"), strideOf(number), 1));
        if (blocks)
            blocks->push_back(x.mean({2, 3}));
    }
    const at::Tensor features = x.mean({2, 3});
    return {features, at::linear(features, weight("linear.weight"), weight("linear.bias"))};
}

}  // namespace vitrine
