// What the blocks of a classifier give.
#include "core/image_training/classifier_network.h"

namespace vitrine {

TensorList ClassifierNetwork::blockFeatures(const at::Tensor& pixels, const TensorList& weights,
                                            const TensorList& buffers) const {
    TensorList blocks, kept = buffers;  // mode Evaluate changes none of them
    switch (shape_.kind) {
        case ClassifierKind::ResNet:
            forwardResNet(pixels, weights, kept, NormMode::Evaluate, &blocks);
            break;
        case ClassifierKind::Vit:
            forwardVit(pixels, weights, &blocks);
            break;
        case ClassifierKind::Plain:
            forwardPlain(pixels, weights, &blocks);
            break;
    }
    return blocks;
}

std::vector<std::string> ClassifierNetwork::blockNames() const {
    // Each block has one last weight.
    const std::string last = shape_.kind == ClassifierKind::ResNet ? ".conv2.weight"
                             : shape_.kind == ClassifierKind::Vit  ? ".linear2.weight"
                                                                   : ".weight";
    std::vector<std::string> names;
    for (const ClassifierParameter& parameter : parameters_)
        if (parameter.name.ends_with(last) && !parameter.name.starts_with("linear"))
            names.push_back(parameter.name.substr(0, parameter.name.size() - last.size()));
    return names;
}

}  // namespace vitrine
