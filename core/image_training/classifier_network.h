// Small classifiers of small pictures that can be trained with any part of their weights switched off: the
// ResNets of He et al. 2016 for 32x32 pictures and a ViT, both in the layout and with the tensor names of the
// public checkpoints that core/models/cifar loads. The network holds shapes and arithmetic; weights are
// passed to forward(), so that one network runs dense, masked or with a teacher's weights.
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace vitrine {

enum class ClassifierKind {
    ResNet,
    Vit,
    Plain  // three convolutions without norms and shortcuts, the second and third of stride 2; for
           // experiments on a few small pictures, not for export
};

struct ClassifierShape {
    ClassifierKind kind = ClassifierKind::ResNet;
    int64_t side = 32;  // of the pictures; ResNet, plain: a multiple of 4, ViT: of the patch
    int64_t classes = 10;
    int64_t width = 16;  // ResNet, plain: channels of the first stage (the others 2 and 4 times); ViT: tokens
    int64_t blocksPerStage = 3;                               // ResNet: 3 is ResNet-20
    int64_t patch = 4, depth = 6, heads = 8, mlpWidth = 256;  // ViT

    Result<void> validate() const;
};

struct ClassifierParameter {
    std::string name;  // of the checkpoint
    std::vector<int64_t> shape;
    bool prunable = false;  // weights of convolutions and linear layers
    int64_t fanIn = 1, fanOut = 1;
    int64_t uses = 1;    // multiplications of one weight for one picture
    int64_t stride = 1;  // of a convolution
};

// Channels that go together: rows (dimension 0) or columns (1) of several tensors.
struct ChannelGroup {
    struct Member {
        size_t parameter = 0;
        int64_t dimension = 0;
    };
    std::string name;  // "layer1.0.conv1"
    int64_t channels = 0;
    std::vector<Member> members;  // the first one is the layer that makes the channels
};

enum class NormMode {
    Learn,     // statistics of the batch, running ones follow
    Batch,     // statistics of the batch, running ones stay as they are
    Evaluate,  // running statistics
};

using TensorList = std::vector<at::Tensor>;

struct ClassifierOutput {
    at::Tensor features;  // (B, C): what the last linear layer sees
    at::Tensor logits;    // (B, classes)
};

class ClassifierNetwork {
  public:
    static Result<ClassifierNetwork> create(const ClassifierShape& shape);

    const ClassifierShape& shape() const { return shape_; }
    const std::vector<ClassifierParameter>& parameters() const { return parameters_; }
    const std::vector<ClassifierParameter>& buffers() const { return buffers_; }
    size_t index(const std::string& parameter) const;  // a programmer's error for an unknown name
    // Inner channels of residual blocks, hidden units of MLPs: what can go without touching the trunk.
    const std::vector<ChannelGroup>& channelGroups() const { return groups_; }

    // Fresh weights: He's normal draw for convolutions, Glorot's for linear layers; norms 1, biases 0.
    TensorList freshWeights(const at::Generator& random) const;
    TensorList freshBuffers() const;  // running means 0, variances 1

    // pixels (B, 3, side, side) normalised; `weights` in the order of parameters(). `buffers` change in mode
    // Learn only.
    ClassifierOutput forward(const at::Tensor& pixels, const TensorList& weights, TensorList& buffers,
                             NormMode mode) const;
    // What each block (of a plain network: each convolution) gives, in order, as (B, C): means over the
    // places, of a ViT the class token. Running statistics.
    TensorList blockFeatures(const at::Tensor& pixels, const TensorList& weights,
                             const TensorList& buffers) const;
    std::vector<std::string> blockNames() const;  // "layer1.0", "transformer.layers.0", "conv1"

    // A folder that `vitrine inspect`, `evaluate` and the families of core/models/cifar take: config.json,
    // preprocessor_config.json, model.safetensors. Shapes of the weights may be smaller than parameters()
    // where channels were cut out (channelGroups). `note` goes to config.json under "vitrine". Unsupported
    // for a plain network.
    Result<void> exportFolder(const std::filesystem::path& folder, const TensorList& weights,
                              const TensorList& buffers, const std::string& noteJson) const;

  private:
    ClassifierNetwork() = default;
    void add(const std::string& name, std::vector<int64_t> shape, bool prunable = false, int64_t uses = 1,
             int64_t stride = 1);
    void addNorm(const std::string& name, int64_t width, bool statistics);
    void buildResNet();
    void buildVit();
    void buildPlain();
    // `blocks`, if wanted, gets what each block gives.
    ClassifierOutput forwardResNet(const at::Tensor& pixels, const TensorList& weights, TensorList& buffers,
                                   NormMode mode, TensorList* blocks = nullptr) const;
    ClassifierOutput forwardVit(const at::Tensor& pixels, const TensorList& weights,
                                TensorList* blocks = nullptr) const;
    ClassifierOutput forwardPlain(const at::Tensor& pixels, const TensorList& weights,
                                  TensorList* blocks = nullptr) const;

    ClassifierShape shape_;
    std::vector<ClassifierParameter> parameters_, buffers_;
    std::map<std::string, size_t> indices_, bufferIndices_;
    std::vector<ChannelGroup> groups_;
};

struct ClassifierScore {
    double accuracy = 0;      // share
    double crossEntropy = 0;  // nats
};

struct LabelledPictures;
ClassifierScore scoreClassifier(const ClassifierNetwork& network, const TensorList& weights,
                                const TensorList& buffers, const LabelledPictures& set);

}  // namespace vitrine
