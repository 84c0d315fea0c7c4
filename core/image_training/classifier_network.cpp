#include "core/image_training/classifier_network.h"

#include "core/base/check.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/image_training/labelled_pictures.h"
#include "core/nn/functional.h"
#include "core/nn/weights.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

constexpr double kEpsilon = 1e-5;         // of both kinds of norms, as the loaders have it
constexpr double kRunningPart = 0.1;      // of a batch's statistics in the running ones
constexpr int64_t kScoredTogether = 256;  // pictures
constexpr double kTokenDeviation = 0.02;  // of the class token and positions at the start

}  // namespace

Result<void> ClassifierShape::validate() const {
    const auto wrong = [](const std::string& what) { return fail(ErrorCode::InvalidArgument, what); };
    if (classes < 2 || width < 1 || side < 4)
        return wrong("a classifier has at least two classes, one channel and pictures of four pixels");
    if (kind != ClassifierKind::Vit) {
        if (side % 4 != 0)
            return wrong(
                fmt::format("the network halves pictures twice: a side of {} is no multiple of 4", side));
        return blocksPerStage >= 1 ? Result<void>() : wrong("a ResNet has at least one block in each stage");
    }
    if (side % patch != 0)
        return wrong(fmt::format("a side of {} pixels is no multiple of the patch, {}", side, patch));
    if (heads < 1 || width % heads != 0)
        return wrong(fmt::format("{} heads do not divide the width {}", heads, width));
    return depth >= 1 && mlpWidth >= 1 ? Result<void>() : wrong("a ViT has at least one block");
}

Result<ClassifierNetwork> ClassifierNetwork::create(const ClassifierShape& shape) {
    VITRINE_TRY_VOID(shape.validate());
    ClassifierNetwork network;
    network.shape_ = shape;
    if (shape.kind == ClassifierKind::ResNet)
        network.buildResNet();
    else if (shape.kind == ClassifierKind::Vit)
        network.buildVit();
    else
        network.buildPlain();
    return network;
}

size_t ClassifierNetwork::index(const std::string& parameter) const {
    const auto found = indices_.find(parameter);
    VITRINE_CHECK(found != indices_.end(), "the network has this parameter");
    return found->second;
}

void ClassifierNetwork::add(const std::string& name, std::vector<int64_t> shape, bool prunable, int64_t uses,
                            int64_t stride) {
    ClassifierParameter parameter{name, std::move(shape), prunable, 1, 1, uses, stride};
    if (prunable) {
        const auto& sizes = parameter.shape;
        const int64_t window = sizes.size() == 4 ? sizes[2] * sizes[3] : 1;
        parameter.fanIn = sizes[1] * window;
        parameter.fanOut = sizes[0] * window;
    }
    indices_[name] = parameters_.size();
    parameters_.push_back(std::move(parameter));
}

void ClassifierNetwork::addNorm(const std::string& name, int64_t width, bool statistics) {
    add(name + ".weight", {width});
    add(name + ".bias", {width});
    if (!statistics)
        return;
    for (const char* part : {".running_mean", ".running_var"}) {
        bufferIndices_[name + part] = buffers_.size();
        buffers_.push_back({name + part, {width}});
    }
}

void ClassifierNetwork::buildResNet() {
    const int64_t first = shape_.width;
    int64_t inputs = first, places = shape_.side * shape_.side;
    add("conv1.weight", {first, 3, 3, 3}, true, places);
    addNorm("bn1", first, true);
    for (int64_t stage = 0; stage < 3; ++stage)
        for (int64_t block = 0; block < shape_.blocksPerStage; ++block) {
            const std::string name = fmt::format("layer{}.{}", stage + 1, block);
            const int64_t outputs = first << stage;
            const int64_t stride = stage > 0 && block == 0 ? 2 : 1;
            places /= stride * stride;
            add(name + ".conv1.weight", {outputs, inputs, 3, 3}, true, places, stride);
            addNorm(name + ".bn1", outputs, true);
            add(name + ".conv2.weight", {outputs, outputs, 3, 3}, true, places);
            addNorm(name + ".bn2", outputs, true);
            groups_.push_back({name + ".conv1",
                               outputs,
                               {{index(name + ".conv1.weight"), 0},
                                {index(name + ".bn1.weight"), 0},
                                {index(name + ".bn1.bias"), 0},
                                {index(name + ".conv2.weight"), 1}}});
            inputs = outputs;
        }
    add("linear.weight", {shape_.classes, inputs}, true, 1);
    add("linear.bias", {shape_.classes});
}

void ClassifierNetwork::buildVit() {
    const int64_t width = shape_.width, grid = shape_.side / shape_.patch, tokens = grid * grid + 1;
    add("cls_token", {1, 1, width});
    add("pos_embed", {1, tokens, width});
    add("patch_embed.proj.weight", {width, 3, shape_.patch, shape_.patch}, true, grid * grid);
    add("patch_embed.proj.bias", {width});
    for (int64_t layer = 0; layer < shape_.depth; ++layer) {
        const std::string name = fmt::format("transformer.layers.{}", layer);
        const auto linear = [&](const std::string& part, int64_t outputs, int64_t inputs) {
            add(name + part + "weight", {outputs, inputs}, true, tokens);
            add(name + part + "bias", {outputs});
        };
        linear(".self_attn.in_proj_", 3 * width, width);
        linear(".self_attn.out_proj.", width, width);
        linear(".linear1.", shape_.mlpWidth, width);
        linear(".linear2.", width, shape_.mlpWidth);
        addNorm(name + ".norm1", width, false);
        addNorm(name + ".norm2", width, false);
        groups_.push_back({name + ".linear1",
                           shape_.mlpWidth,
                           {{index(name + ".linear1.weight"), 0},
                            {index(name + ".linear1.bias"), 0},
                            {index(name + ".linear2.weight"), 1}}});
    }
    addNorm("mlp_head.0", width, false);
    add("mlp_head.1.weight", {shape_.classes, width}, true, 1);
    add("mlp_head.1.bias", {shape_.classes});
}

TensorList ClassifierNetwork::freshWeights(const at::Generator& random) const {
    TensorList weights;
    for (const ClassifierParameter& parameter : parameters_) {
        const std::string& name = parameter.name;
        const bool scale = !parameter.prunable && name.ends_with("weight");
        if (parameter.prunable) {
            const double deviation = parameter.shape.size() == 4 && shape_.kind != ClassifierKind::Vit
                                         ? std::sqrt(2. / double(parameter.fanIn))
                                         : std::sqrt(2. / double(parameter.fanIn + parameter.fanOut));
            weights.push_back(at::randn(parameter.shape, random, at::TensorOptions()) * deviation);
        } else if (name == "cls_token" || name == "pos_embed") {
            weights.push_back(at::randn(parameter.shape, random, at::TensorOptions()) * kTokenDeviation);
        } else {
            weights.push_back(scale ? at::ones(parameter.shape) : at::zeros(parameter.shape));
        }
    }
    return weights;
}

TensorList ClassifierNetwork::freshBuffers() const {
    TensorList buffers;
    for (const ClassifierParameter& buffer : buffers_)
        buffers.push_back(buffer.name.ends_with("running_var") ? at::ones(buffer.shape)
                                                               : at::zeros(buffer.shape));
    return buffers;
}

ClassifierOutput ClassifierNetwork::forward(const at::Tensor& pixels, const TensorList& weights,
                                            TensorList& buffers, NormMode mode) const {
    if (shape_.kind == ClassifierKind::Plain)
        return forwardPlain(pixels, weights);
    return shape_.kind == ClassifierKind::ResNet ? forwardResNet(pixels, weights, buffers, mode)
                                                 : forwardVit(pixels, weights);
}

ClassifierOutput ClassifierNetwork::forwardResNet(const at::Tensor& pixels, const TensorList& weights,
                                                  TensorList& buffers, NormMode mode,
                                                  TensorList* blocks) const {
    const auto weight = [&](const std::string& name) { return weights[index(name)]; };
    const auto norm = [&](const at::Tensor& x, const std::string& name) {
        // A momentum of 0 leaves the running statistics bit by bit as they are.
        return at::batch_norm(x, weight(name + ".weight"), weight(name + ".bias"),
                              buffers[bufferIndices_.at(name + ".running_mean")],
                              buffers[bufferIndices_.at(name + ".running_var")], mode != NormMode::Evaluate,
                              mode == NormMode::Learn ? kRunningPart : 0, kEpsilon, false);
    };
    // In place where no gradient needs what was there.
    at::Tensor x = norm(at::conv2d(pixels, weight("conv1.weight"), {}, 1, 1), "bn1").relu_();
    for (int64_t stage = 0; stage < 3; ++stage)
        for (int64_t block = 0; block < shape_.blocksPerStage; ++block) {
            const std::string name = fmt::format("layer{}.{}", stage + 1, block);
            const int64_t stride = stage > 0 && block == 0 ? 2 : 1;
            at::Tensor branch = at::conv2d(x, weight(name + ".conv1.weight"), {}, stride, 1);
            branch = norm(branch, name + ".bn1").relu_();
            branch = norm(at::conv2d(branch, weight(name + ".conv2.weight"), {}, 1, 1), name + ".bn2");
            if (stride == 2) {  // option A: subsample, then zeros for the missing channels
                const int64_t added = branch.size(1) - x.size(1);
                x = x.slice(2, 0, std::nullopt, 2).slice(3, 0, std::nullopt, 2);
                x = at::constant_pad_nd(x, {0, 0, 0, 0, added / 2, added - added / 2});
            }
            x = branch.add_(x).relu_();
            if (blocks)
                blocks->push_back(x.mean({2, 3}));
        }
    const at::Tensor features = x.mean({2, 3});
    return {features, at::linear(features, weight("linear.weight"), weight("linear.bias"))};
}

ClassifierOutput ClassifierNetwork::forwardVit(const at::Tensor& pixels, const TensorList& weights,
                                               TensorList* blocks) const {
    const auto weight = [&](const std::string& name) { return weights[index(name)]; };
    const auto norm = [&](const at::Tensor& x, const std::string& name) {
        return at::layer_norm(x, {shape_.width}, weight(name + ".weight"), weight(name + ".bias"), kEpsilon);
    };
    const at::Tensor patches = nn::tokensFromMap(
        at::conv2d(pixels, weight("patch_embed.proj.weight"), weight("patch_embed.proj.bias"), shape_.patch));
    at::Tensor x =
        at::cat({weight("cls_token").expand({pixels.size(0), -1, -1}), patches}, 1) + weight("pos_embed");
    const int64_t headWidth = shape_.width / shape_.heads;
    const double scale = 1 / std::sqrt(double(headWidth));
    for (int64_t layer = 0; layer < shape_.depth; ++layer) {
        const std::string name = fmt::format("transformer.layers.{}", layer);
        const auto linear = [&](const at::Tensor& input, const std::string& part) {
            return at::linear(input, weight(name + part + "weight"), weight(name + part + "bias"));
        };
        const auto parts = linear(x, ".self_attn.in_proj_").chunk(3, -1);
        const at::Tensor attended = nn::mergeHeads(
            nn::attention(nn::splitHeads(parts[0], shape_.heads), nn::splitHeads(parts[1], shape_.heads),
                          nn::splitHeads(parts[2], shape_.heads), scale));
        x = norm(x + linear(attended, ".self_attn.out_proj."), name + ".norm1");
        x = norm(x + linear(at::relu(linear(x, ".linear1.")), ".linear2."), name + ".norm2");
        if (blocks)
            blocks->push_back(x.select(1, 0));
    }
    const at::Tensor features = norm(x.select(1, 0), "mlp_head.0");
    return {features, at::linear(features, weight("mlp_head.1.weight"), weight("mlp_head.1.bias"))};
}

Result<void> ClassifierNetwork::exportFolder(const std::filesystem::path& folder, const TensorList& weights,
                                             const TensorList& buffers, const std::string& noteJson) const {
    if (shape_.kind == ClassifierKind::Plain)
        return fail(ErrorCode::Unsupported, "there is no format for plain networks", folder.string(),
                    "Train a ResNet or a ViT");
    std::error_code problem;
    std::filesystem::create_directories(folder, problem);
    if (problem)
        return fail(ErrorCode::IoFailure, problem.message(), folder.string());
    std::map<std::string, at::Tensor> tensors;
    for (size_t index = 0; index < parameters_.size(); ++index)
        tensors[parameters_[index].name] = weights[index].detach();
    for (size_t index = 0; index < buffers_.size(); ++index)
        tensors[buffers_[index].name] = buffers[index];
    VITRINE_TRY_VOID(writeTensors(folder / "model.safetensors", tensors));
    const bool vit = shape_.kind == ClassifierKind::Vit;
    VITRINE_TRY(const Json note, parseJson(noteJson, "note"));
    Json config{{"model_type", vit ? "vit_cifar" : "resnet_cifar"}, {"vitrine", note}};
    if (vit)
        config["num_attention_heads"] = shape_.heads;
    const auto three = [](const double(&values)[3]) { return Json{values[0], values[1], values[2]}; };
    const Json processor{{"image_processor_type", "ViTImageProcessor"},
                         {"do_resize", true},
                         {"size", {{"height", shape_.side}, {"width", shape_.side}}},
                         {"resample", 3},
                         {"do_rescale", true},
                         {"rescale_factor", 1.0 / 255},
                         {"do_normalize", true},
                         {"image_mean", three(kPictureMean)},
                         {"image_std", three(kPictureDeviation)}};
    VITRINE_TRY_VOID(writeFileAtomically(folder / "preprocessor_config.json", processor.dump(2) + "\n"));
    return writeFileAtomically(folder / "config.json", config.dump(2) + "\n");
}

ClassifierScore scoreClassifier(const ClassifierNetwork& network, const TensorList& weights,
                                const TensorList& buffers, const LabelledPictures& set) {
    const at::NoGradGuard plain;
    TensorList kept = buffers;  // mode Evaluate changes none of them
    ClassifierScore score;
    for (int64_t first = 0; first < set.count(); first += kScoredTogether) {
        const int64_t length = std::min(kScoredTogether, set.count() - first);
        const at::Tensor labels = set.labels.narrow(0, first, length);
        const at::Tensor logits =
            network.forward(set.pictures.narrow(0, first, length), weights, kept, NormMode::Evaluate).logits;
        score.accuracy += logits.argmax(1).eq(labels).sum().item<double>();
        score.crossEntropy += at::cross_entropy_loss(logits, labels, {}, at::Reduction::Sum).item<double>();
    }
    const double count = std::max<double>(1, double(set.count()));
    score.accuracy /= count;
    score.crossEntropy /= count;
    return score;
}

}  // namespace vitrine
