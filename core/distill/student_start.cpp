// How a student begins: fresh, or with the weights of a trained network.
#include "core/base/check.h"
#include "core/distill/random_stream.h"
#include "core/distill/student_levels.h"
#include "core/io/model_folder.h"
#include "core/models/mambavision/mamba_vision_network.h"
#include "core/models/radio/eradio_model.h"

#include <algorithm>

namespace vitrine {
namespace {

int64_t headHidden(const StudentOptions& options) {
    if (options.headHidden > 0)
        return options.headHidden;
    int64_t widest = options.width;
    for (const StudentTeacher& teacher : options.teachers)
        widest = std::max({widest, teacher.summaryWidth, teacher.featureWidth});
    return widest;
}

}  // namespace

RadioHeadConfig studentHead(const StudentOptions& options, int64_t input, int64_t output) {
    RadioHeadConfig head;
    head.kind = RadioHeadConfig::Kind::Mlp2;
    head.input = input;
    head.hidden = headHidden(options);
    head.output = output;
    head.inner = options.headInnerBlocks;
    return head;
}

namespace {

// Blocks and widths of the trunk that a student starts with.
Result<ConvolutionalRadioConfig> startedTrunk(const StudentOptions& options, const ModelFolder& start) {
    if (isConvolutionalRadio(*start.weights))
        return readConvolutionalRadio(start.config, *start.weights);
    const TensorInfo* stem = start.weights->find("_conv_stem.weight");
    const TensorInfo* head = start.weights->find("_conv_head.weight");
    if (!stem || !head || start.weights->find("_blocks.0._se_reduce.weight"))
        return fail(ErrorCode::Unsupported,
                    "these are the weights of neither an EfficientNet-Lite nor a convolutional student",
                    options.startFrom.string(), "Name a folder of the family efficientnet_lite or radio");
    ConvolutionalRadioConfig config;
    VITRINE_TRY(config.blocks, efficientnet::blockShapes(*start.weights));
    config.stemWidth = stem->shape.at(0);
    config.headWidth = head->shape.at(0);
    return config;
}

Result<ConvolutionalRadioConfig> convolutionalConfig(const StudentOptions& options,
                                                     const ModelFolder& start) {
    VITRINE_TRY(ConvolutionalRadioConfig config, startedTrunk(options, start));
    config.version.clear();
    config.adaptors.clear();
    config.neckWidth = options.width;
    config.neckBlocks = options.depth;
    config.patchSize = options.patchSize;
    config.preferredSide = options.preferredSide;
    config.maxSide = options.maxSide;
    for (const StudentTeacher& teacher : options.teachers) {
        RadioAdaptorConfig adaptor;
        adaptor.name = teacher.name;
        if (teacher.summaryWidth > 0)
            adaptor.summary = studentHead(options, config.headWidth, teacher.summaryWidth);
        adaptor.features = studentHead(options, config.neckWidth, teacher.featureWidth);
        config.adaptors.push_back(std::move(adaptor));
    }
    return config;
}

Result<std::shared_ptr<torch::nn::Module>> openConvolutional(const StudentOptions& options, uint64_t seed) {
    VITRINE_TRY(const ModelFolder folder, openModelFolder(options.startFrom));
    if (!folder.weights)
        return fail(ErrorCode::NotFound, "there are no weights to start from", options.startFrom.string());
    VITRINE_TRY(const ConvolutionalRadioConfig config, convolutionalConfig(options, folder));
    auto module = std::make_shared<ConvolutionalRadioModule>(config);
    nn::initialize(*module, randomStream(seed, 0, "student"));
    const at::NoGradGuard noGrad;
    const bool goesOn = isConvolutionalRadio(*folder.weights);
    const std::string trunk = "radio_model.model.";
    const auto start = [&](const std::string& name, at::Tensor& tensor) -> Result<void> {
        const std::string stored = goesOn ? name : name.substr(std::min(trunk.size(), name.size()));
        if (!ConvolutionalRadioModule::isTrunk(name)) {
            // The last layers of stored feature heads give the teachers' own values, not normalised ones.
            const TensorInfo* info = goesOn ? folder.weights->find(stored) : nullptr;
            if (!info || tensor.sizes() != at::IntArrayRef(info->shape) ||
                name.find(".feat_mlp.final.2.") != std::string::npos)
                return {};
        }
        VITRINE_TRY(const at::Tensor value, readTensor(*folder.weights, stored, {}));
        if (value.sizes() != tensor.sizes())
            return fail(ErrorCode::ShapeMismatch,
                        "the tensor has another shape than the blocks before it ask for", stored);
        tensor.copy_(value);
        return {};
    };
    for (auto& entry : module->named_parameters())
        VITRINE_TRY_VOID(start(entry.key(), entry.value()));
    for (auto& entry : module->named_buffers())
        VITRINE_TRY_VOID(start(entry.key(), entry.value()));
    return std::shared_ptr<torch::nn::Module>(std::move(module));
}

}  // namespace

Result<std::shared_ptr<torch::nn::Module>> openStudent(const StudentOptions& options, uint64_t seed) {
    if (options.trunk == StudentTrunk::Convolutional)
        return openConvolutional(options, seed);
    if (options.hasLevels())
        return makeLevelStudent(options, seed);
    return std::shared_ptr<torch::nn::Module>(makeStudent(options, seed));
}

std::shared_ptr<torch::nn::Module> copyStudent(const torch::nn::Module& student) {
    std::shared_ptr<torch::nn::Module> copy;
    if (const auto* convolutional = dynamic_cast<const ConvolutionalRadioModule*>(&student))
        copy = std::make_shared<ConvolutionalRadioModule>(convolutional->config());
    else if (const auto* eradio = dynamic_cast<const EradioModule*>(&student))
        copy = std::make_shared<EradioModule>(eradio->config());
    else if (const auto* mamba = dynamic_cast<const mambavision::MambaVisionNetwork*>(&student))
        copy = std::make_shared<mambavision::MambaVisionNetwork>(mamba->config());
    else
        copy = std::make_shared<RadioModule>(dynamic_cast<const RadioModule&>(student).config());
    const at::NoGradGuard noGrad;
    auto parameters = copy->named_parameters(), buffers = copy->named_buffers();
    for (const auto& entry : student.named_parameters())
        parameters[entry.key()].copy_(entry.value().detach());
    for (const auto& entry : student.named_buffers())
        buffers[entry.key()].copy_(entry.value());
    VITRINE_CHECK(nn::restoreBatchStatistics(*copy, nn::batchStatistics(student)), "the builds are equal");
    return copy;
}

std::string headPrefix(const torch::nn::Module& student) {
    return dynamic_cast<const mambavision::MambaVisionNetwork*>(&student) ? "adaptors."
                                                                          : "radio_model.adaptors.";
}

bool isOfHead(const std::string& parameterName) {
    return parameterName.starts_with("adaptors.") || parameterName.find(".adaptors.") != std::string::npos;
}

bool learnsBeforeTrunk(const std::string& parameterName) {
    return isOfHead(parameterName) || parameterName.starts_with("radio_model.model.neck.");
}

bool takesSpectralWeights(const std::string& layerName) {
    return !isOfHead(layerName) && layerName.find(".cpb_mlp.") == std::string::npos;
}

}  // namespace vitrine
