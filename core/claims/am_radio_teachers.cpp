#include "core/claims/am_radio_teachers.h"

#include "core/data/shape_scenes.h"
#include "core/distill/losses.h"
#include "core/distill/random_stream.h"
#include "core/distill/student.h"
#include "core/nn/functional.h"

#include <cmath>

namespace vitrine::am_radio {
namespace {

constexpr int64_t kBatch = 32, kShapeSteps = 600, kDenseSteps = 800, kBoundarySteps = 400;
constexpr int64_t kShapeWidth = 96, kDenseWidth = 64, kBoundaryWidth = 48;

// Weights of variance 2 / inputs, for layers in front of a rectifier.
void initializeLayers(torch::nn::Module& module, const at::Generator& random) {
    const at::NoGradGuard noGrad;
    for (auto& entry : module.named_parameters()) {
        at::Tensor& tensor = entry.value();
        if (tensor.dim() < 2)
            tensor.fill_(entry.key().ends_with("weight") ? 1 : 0);
        else
            tensor.normal_(0, std::sqrt(2.0 / double(tensor[0].numel())), random);
    }
}

nn::ConvOptions convolution(int64_t kernel, int64_t stride) {
    nn::ConvOptions options;
    options.kernelHeight = options.kernelWidth = kernel;
    options.stride = stride;
    options.padding = kernel / 2;
    return options;
}

// Convolution, normalisation of each place's channels, GELU.
class ConvUnit : public torch::nn::Module {
  public:
    ConvUnit(int64_t in, int64_t out, int64_t stride)
        : convolution_(
              register_module("conv", std::make_shared<nn::Conv2d>(in, out, convolution(3, stride)))),
          norm_(register_module("norm", std::make_shared<nn::LayerNorm2d>(out, 1e-5))) {}
    at::Tensor forward(const at::Tensor& x) const {
        return at::gelu(norm_->forward(convolution_->forward(x)));
    }

  private:
    std::shared_ptr<nn::Conv2d> convolution_;
    std::shared_ptr<nn::LayerNorm2d> norm_;
};

// Three strided convolutions: a cell per patch.
class ConvStem : public torch::nn::Module {
  public:
    explicit ConvStem(int64_t width) {
        const std::array<int64_t, 4> widths{3, 24, 48, width};
        for (size_t level = 0; level + 1 < widths.size(); ++level)
            units_.push_back(
                register_module("unit" + std::to_string(level),
                                std::make_shared<ConvUnit>(widths[level], widths[level + 1], 2)));
    }
    at::Tensor forward(const at::Tensor& pictures) const {
        at::Tensor state = pictures * 2 - 1;
        for (const auto& unit : units_)
            state = unit->forward(state);
        return state;
    }

  private:
    std::vector<std::shared_ptr<ConvUnit>> units_;
};

// A ViT with a class token whose patches are embedded by convolutions: those learn in few steps (Xiao et al.
// 2021) and bring the positions in through their borders, so that pictures may have any size.
class ShapeTeacher : public SceneTeacher {
  public:
    explicit ShapeTeacher(uint64_t seed) {
        stem_ = register_module("stem", std::make_shared<ConvStem>(kShapeWidth));
        nn::VitBlockOptions options;
        options.width = kShapeWidth;
        options.headCount = 4;
        options.hidden = 2 * kShapeWidth;
        for (int block = 0; block < 3; ++block)
            blocks_.push_back(
                register_module("block" + std::to_string(block), std::make_shared<nn::VitBlock>(options)));
        norm_ = register_module("norm", std::make_shared<nn::LayerNorm>(kShapeWidth, 1e-6));
        head_ = register_module("head", std::make_shared<nn::Linear>(kShapeWidth, kSceneShapeCount));
        const at::Generator random = randomStream(seed, 0, "shape teacher");
        initializeLayers(*this, random);
        classToken_ = register_parameter("class_token",
                                         0.1 * at::randn({1, 1, kShapeWidth}, random, at::TensorOptions()));
    }
    const char* teacherName() const override { return "shape"; }
    int64_t width() const override { return kShapeWidth; }
    TeacherLook look(const at::Tensor& pictures) const override {
        const at::Tensor map = stem_->forward(pictures);
        at::Tensor tokens =
            at::cat({classToken_.expand({map.size(0), 1, kShapeWidth}), map.flatten(2).transpose(1, 2)}, 1);
        for (const auto& block : blocks_)
            tokens = block->forward(tokens);
        tokens = norm_->forward(tokens);
        return {tokens.select(1, 0),
                nn::mapFromTokens(tokens.narrow(1, 1, tokens.size(1) - 1), map.size(2), map.size(3))};
    }
    at::Tensor loss(const ScenePictures& scenes) const {
        return at::cross_entropy_loss(head_->forward(look(scenes.pictures).summary), scenes.dominant);
    }

  private:
    std::shared_ptr<ConvStem> stem_;
    std::vector<std::shared_ptr<nn::VitBlock>> blocks_;
    std::shared_ptr<nn::LayerNorm> norm_;
    std::shared_ptr<nn::Linear> head_;
    at::Tensor classToken_;
};

// The stem, two residual convolutions that look around, normalised channels.
class MapTeacher : public SceneTeacher {
  public:
    explicit MapTeacher(int64_t width) : width_(width) {
        stem_ = register_module("stem", std::make_shared<ConvStem>(width));
        for (int block = 0; block < 2; ++block)
            around_.push_back(register_module("around" + std::to_string(block),
                                              std::make_shared<ConvUnit>(width, width, 1)));
        norm_ = register_module("norm", std::make_shared<nn::LayerNorm2d>(width, 1e-5));
    }
    int64_t width() const override { return width_; }
    at::Tensor features(const at::Tensor& pictures) const {
        at::Tensor state = stem_->forward(pictures);
        for (const auto& unit : around_)
            state = state + unit->forward(state);
        return norm_->forward(state);
    }

  private:
    int64_t width_;
    std::shared_ptr<ConvStem> stem_;
    std::vector<std::shared_ptr<ConvUnit>> around_;
    std::shared_ptr<nn::LayerNorm2d> norm_;
};

class DenseTeacher : public MapTeacher {
  public:
    explicit DenseTeacher(uint64_t seed) : MapTeacher(kDenseWidth) {
        head_ = register_module(
            "head", std::make_shared<nn::Conv2d>(kDenseWidth, 1 + kSceneShapeCount + kSceneTextureCount,
                                                 convolution(1, 1)));
        initializeLayers(*this, randomStream(seed, 0, "dense teacher"));
    }
    const char* teacherName() const override { return "dense"; }
    TeacherLook look(const at::Tensor& pictures) const override {
        const at::Tensor map = features(pictures);
        return {map.mean({2, 3}), map};
    }
    at::Tensor loss(const ScenePictures& scenes) const {
        const int64_t half = scenes.pictures.size(2) / 2;
        const at::Tensor logits =
            nn::resizeMap(head_->forward(features(scenes.pictures)), half, half, "bilinear");
        const auto sparse = [](const at::Tensor& labels) {
            return labels.slice(1, 1, {}, 2).slice(2, 1, {}, 2);
        };
        return at::cross_entropy_loss(logits.narrow(1, 0, 1 + kSceneShapeCount), sparse(scenes.shapes)) +
               at::cross_entropy_loss(logits.narrow(1, 1 + kSceneShapeCount, kSceneTextureCount),
                                      sparse(scenes.textures));
    }

  private:
    std::shared_ptr<nn::Conv2d> head_;
};

class BoundaryTeacher : public MapTeacher {
  public:
    explicit BoundaryTeacher(uint64_t seed) : MapTeacher(kBoundaryWidth) {
        initializeLayers(*this, randomStream(seed, 0, "boundary teacher"));
    }
    const char* teacherName() const override { return "boundary"; }
    bool hasSummary() const override { return false; }
    TeacherLook look(const at::Tensor& pictures) const override { return {{}, features(pictures)}; }
};

// Steps of AdamW over fresh scenes; `loss` of one batch.
template <class Loss>
Result<void> learn(torch::nn::Module& module, const char* name, int64_t fullSteps, double rate,
                   const ClaimRequest& request, const Loss& loss) {
    std::vector<OptimizedParameter> parameters;
    for (auto& entry : module.named_parameters()) {
        entry.value().set_requires_grad(true);
        parameters.push_back({entry.key(), entry.value(), 1, entry.value().dim() >= 2});
    }
    Optimizer optimizer(parameters, {.weightDecay = 0.02});
    const int64_t steps = scaledSteps(fullSteps, request);
    request.job->beginStage(fmt::format("training the {} teacher", name), steps);
    const at::AutoGradMode withGradients(true);
    for (int64_t step = 0; step < steps; ++step) {
        VITRINE_TRY_VOID(request.job->checkStop());
        const at::Generator random =
            randomStream(uint64_t(request.seed), step, fmt::format("scenes of the {} teacher", name));
        const ShapeScenes scenes = drawShapeScenes(kBatch, random);
        const SceneView view = drawSceneViews(kBatch, kSmallestView, random);
        optimizer.clearGradients();
        loss(renderShapeScenes(scenes, kSide, &view)).backward();
        optimizer.clipGradients(1);
        optimizer.step(cosineRate(step, steps / 15, steps, rate));
        request.job->advance();
    }
    for (at::Tensor& parameter : module.parameters()) {
        parameter.set_requires_grad(false);
        parameter.mutable_grad() = at::Tensor();
    }
    return {};
}

}  // namespace

class BoundaryDecoder : public torch::nn::Module {
  public:
    explicit BoundaryDecoder(uint64_t seed) {
        first_ =
            register_module("first", std::make_shared<nn::Conv2d>(kBoundaryWidth, 64, convolution(3, 1)));
        second_ = register_module(
            "second", std::make_shared<nn::Conv2d>(64, kDecoderScale * kDecoderScale, convolution(1, 1)));
        initializeLayers(*this, randomStream(seed, 0, "boundary decoder"));
    }
    at::Tensor forward(const at::Tensor& features) const {
        return at::pixel_shuffle(second_->forward(at::gelu(first_->forward(features))), kDecoderScale)
            .squeeze(1);
    }

  private:
    std::shared_ptr<nn::Conv2d> first_, second_;
};

at::Tensor Teachers::boundaryLogits(const at::Tensor& features) const {
    return decoder->forward(features);
}

at::Tensor boundaryCells(const at::Tensor& objects) {
    constexpr int64_t cell = kPatch / kDecoderScale;
    return at::max_pool2d(objectBoundaries(objects).to(at::kFloat).unsqueeze(1), {cell, cell}, {cell, cell})
        .squeeze(1)
        .gt(0.5);
}

Result<std::shared_ptr<SceneTeacher>> trainDenseTeacher(const ClaimRequest& request, int64_t steps) {
    const auto dense = std::make_shared<DenseTeacher>(uint64_t(request.seed));
    VITRINE_TRY_VOID(learn(*dense, "dense", steps, 4e-3, request,
                           [&](const ScenePictures& scenes) { return dense->loss(scenes); }));
    return dense;
}

Result<Teachers> trainTeachers(const ClaimRequest& request) {
    const auto seed = uint64_t(request.seed);
    Teachers teachers;
    const auto shape = std::make_shared<ShapeTeacher>(seed);
    VITRINE_TRY_VOID(learn(*shape, "shape", kShapeSteps, 1e-3, request,
                           [&](const ScenePictures& scenes) { return shape->loss(scenes); }));
    VITRINE_TRY(teachers.dense, trainDenseTeacher(request, kDenseSteps));
    const auto boundary = std::make_shared<BoundaryTeacher>(seed);
    teachers.decoder = std::make_shared<BoundaryDecoder>(seed);
    boundary->register_module("decoder", teachers.decoder);
    VITRINE_TRY_VOID(
        learn(*boundary, "boundary", kBoundarySteps, 4e-3, request, [&](const ScenePictures& scenes) {
            const at::Tensor logits = teachers.decoder->forward(boundary->look(scenes.pictures).features);
            return at::binary_cross_entropy_with_logits(logits, boundaryCells(scenes.objects).to(at::kFloat),
                                                        {}, at::full({}, 2.0));
        }));
    teachers.shape = shape;
    teachers.boundary = boundary;
    return teachers;
}

}  // namespace vitrine::am_radio
