#include "core/distill/student.h"

#include "core/base/file.h"
#include "core/distill/random_stream.h"
#include "core/nn/functional.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace vitrine {
namespace {

Json headJson(const RadioHeadConfig& head) {
    return {{"input_dim", head.input},
            {"hidden_dim", head.hidden},
            {"output_dim", head.output},
            {"num_inner", head.inner},
            {"upsample_factor", 1}};
}

}  // namespace

Result<void> StudentOptions::validate() const {
    const auto refuse = [](const char* where, const std::string& message) {
        return fail(ErrorCode::InvalidArgument, message, fmt::format("student/{}", where));
    };
    if (trunk == StudentTrunk::Convolutional) {
        if (startFrom.empty())
            return refuse("start_from",
                          "a convolutional student needs a trained EfficientNet-Lite to start from");
        if (patchSize != 4 && patchSize != 8 && patchSize != 16 && patchSize != 32)
            return refuse("patch_size",
                          fmt::format("a convolutional student gives features of 4, 8, 16 or 32 "
                                      "pixels a cell, not of {}",
                                      patchSize));
    } else if (!startFrom.empty()) {
        return refuse("start_from", "a ViT begins afresh: only a convolutional trunk starts from weights");
    } else if (width < 1 || headCount < 1 || width % headCount != 0)
        return refuse("headCount", fmt::format("{} heads do not divide a width of {}", headCount, width));
    if (depth < 1 || patchSize < 1 || positionGridSide < 1 || mlpRatio < 1 || registers < 0)
        return refuse("depth", "depth, patch size, position grid and MLP ratio must be positive");
    std::set<std::string> names;
    for (const StudentTeacher& teacher : teachers) {
        if (teacher.name.empty() || teacher.name.find('.') != std::string::npos)
            return refuse(
                "teachers",
                fmt::format("\"{}\" cannot be a teacher's name: it must be without dots", teacher.name));
        if (!names.insert(teacher.name).second)
            return refuse("teachers", fmt::format("two teachers are called \"{}\"", teacher.name));
        if (teacher.featureWidth < 1)
            return refuse("teachers", fmt::format("teacher \"{}\" gives no features", teacher.name));
    }
    return {};
}

int64_t StudentOptions::sizeMultiple() const {
    constexpr int64_t kTrunkStride = 32;  // of EfficientNet-Lite
    return trunk == StudentTrunk::Convolutional ? std::max(kTrunkStride, patchSize) : patchSize;
}

RadioConfig studentConfig(const StudentOptions& options) {
    RadioConfig config;
    config.version = "vitrine";
    config.architecture = fmt::format("vit_custom_patch{}_{}", options.patchSize, options.preferredSide);
    config.width = options.width;
    config.depth = options.depth;
    config.headCount = options.headCount;
    config.block.width = options.width;
    config.block.headCount = options.headCount;
    config.block.hidden = options.mlpRatio * options.width;
    config.block.qkvBias = true;
    config.block.epsilon = 1e-6;
    config.block.activation = "gelu";
    config.patchSize = options.patchSize;
    config.gridSide = options.positionGridSide;
    config.croppedPositions = options.croppedPositions;
    config.classTokens = std::max<int64_t>(1, int64_t(options.teachers.size()));
    config.registers = options.registers;
    config.mean = options.mean;
    config.std = options.std;
    config.preferredHeight = config.preferredWidth = options.preferredSide;
    config.maxSide = options.maxSide;
    config.windowing.numGlobal = 4;
    config.summaryIndices.clear();
    for (size_t i = 0; i < options.teachers.size(); ++i) {
        const StudentTeacher& teacher = options.teachers[i];
        RadioAdaptorConfig adaptor;
        adaptor.name = teacher.name;
        adaptor.headIndex = int64_t(i);
        if (teacher.summaryWidth > 0) {
            adaptor.summary = studentHead(options, options.width, teacher.summaryWidth);
            config.summaryIndices.push_back(int64_t(i));
        }
        adaptor.features = studentHead(options, options.width, teacher.featureWidth);
        config.adaptors.push_back(std::move(adaptor));
    }
    if (config.summaryIndices.empty())
        config.summaryIndices.push_back(0);
    return config;
}

Json studentConfigJson(const StudentOptions& options) {
    const RadioConfig config = studentConfig(options);
    Json names = Json::array(), adaptors = Json::object();
    for (const RadioAdaptorConfig& adaptor : config.adaptors) {
        names.push_back(adaptor.name);
        Json entry{{"feature", headJson(*adaptor.features)}, {"head_idx", adaptor.headIndex}};
        if (adaptor.summary)
            entry["summary"] = headJson(*adaptor.summary);
        adaptors[adaptor.name] = std::move(entry);
    }
    return {{"architectures", Json::array({"RadioModel"})},
            {"model_type", "radio"},
            {"hidden_size", options.width},
            {"num_hidden_layers", options.depth},
            {"num_attention_heads", options.headCount},
            {"mlp_ratio", double(options.mlpRatio)},
            {"hidden_act", config.block.activation},
            {"layer_norm_eps", config.block.epsilon},
            {"layerscale_value", 1.0},
            {"qkv_bias", true},
            {"use_swiglu_ffn", false},
            {"image_size", options.preferredSide},
            {"max_img_size", options.positionGridSide * options.patchSize},
            {"patch_size", options.patchSize},
            {"patch_dim", 3 * options.patchSize * options.patchSize},
            {"num_channels", 3},
            {"num_cls_tokens", config.classTokens},
            {"num_registers", config.registers},
            {"summary_idxs", config.summaryIndices},
            {"norm_mean", options.mean},
            {"norm_std", options.std},
            {"preferred_resolution", Json::array({options.preferredSide, options.preferredSide})},
            {"vitdet_num_global", *config.windowing.numGlobal},
            {"adaptor_names", names},
            {"adaptor_configs", adaptors},
            {"dtype", "float32"}};
}

std::shared_ptr<RadioModule> makeStudent(const StudentOptions& options, uint64_t seed) {
    auto module = std::make_shared<RadioModule>(studentConfig(options));
    nn::initialize(*module, randomStream(seed, 0, "student"));
    const at::NoGradGuard noGrad;
    at::Generator positions = randomStream(seed, 0, "positions");
    for (auto& entry : module->named_parameters())
        if (entry.key().ends_with("pos_embed") || entry.key().ends_with("cls_token.token"))
            entry.value().normal_(0, 1 / std::sqrt(double(options.width)), positions);
    return module;
}

std::vector<OptimizedParameter> trainedParameters(const torch::nn::Module& module, double trunkRate) {
    std::vector<OptimizedParameter> parameters;
    for (const auto& entry : module.named_parameters()) {
        const std::string& name = entry.key();
        at::Tensor tensor = entry.value();
        tensor.set_requires_grad(true);
        const bool decays =
            tensor.dim() >= 2 && !name.ends_with("pos_embed") && !name.ends_with("cls_token.token");
        parameters.push_back(
            {name, tensor, ConvolutionalRadioModule::isTrunk(name) ? trunkRate : 1.0, decays});
    }
    return parameters;
}

namespace {

bool isWanted(const StudentPass& pass, const std::string& teacher) {
    return pass.teachers.empty() ||
           std::find(pass.teachers.begin(), pass.teachers.end(), teacher) != pass.teachers.end();
}

StudentOutput runVit(const RadioModule& module, const at::Tensor& pixels, const StudentPass& pass) {
    const RadioConfig& config = module.config();
    RadioPass run;
    run.gridHeight = pixels.size(2) / config.patchSize;
    run.gridWidth = pixels.size(3) / config.patchSize;
    run.windowing = config.windowing;
    run.windowing.windowSize = pass.windowSize;
    run.recompute = pass.recompute;
    const at::Tensor conditioned = module.condition(pixels);
    const PatchGenerator& generator = module.patchGenerator();
    const at::Tensor start = pass.draws
                                 ? generator.forwardTraining(conditioned, *pass.draws, pass.keepPositions)
                                 : generator.forward(conditioned);
    StudentOutput output;
    output.tokens = module.runBlocks(start, run);
    const int64_t prefix = config.prefixTokens(), patches = run.gridHeight * run.gridWidth;
    const at::Tensor tokens = output.tokens.narrow(1, prefix, patches);
    output.features = nn::mapFromTokens(tokens, run.gridHeight, run.gridWidth);
    for (const RadioAdaptorConfig& entry : config.adaptors) {
        if (!isWanted(pass, entry.name))
            continue;
        const Adaptor& adaptor = *module.adaptor(entry.name);
        HeadOutput head;
        head.summary = adaptor.summary(module.classTokenFor(output.tokens, adaptor));
        head.features =
            nn::mapFromTokens(adaptor.features(tokens, run.gridHeight, run.gridWidth),
                              run.gridHeight * adaptor.upsample(), run.gridWidth * adaptor.upsample());
        output.heads[entry.name] = std::move(head);
    }
    return output;
}

StudentOutput runConvolutional(const ConvolutionalRadioModule& module, const at::Tensor& pixels,
                               const StudentPass& pass) {
    const ConvolutionalRadioModule::Maps maps = module.forward(pixels);
    StudentOutput output;
    output.features = maps.features;
    const int64_t height = maps.features.size(2), width = maps.features.size(3);
    const at::Tensor tokens = nn::tokensFromMap(maps.features);
    for (const RadioAdaptorConfig& entry : module.config().adaptors) {
        if (!isWanted(pass, entry.name))
            continue;
        const Adaptor& adaptor = *module.adaptor(entry.name);
        output.heads[entry.name] = {
            adaptor.summary(maps.summary),
            nn::mapFromTokens(adaptor.features(tokens, height, width), height * adaptor.upsample(),
                              width * adaptor.upsample())};
    }
    return output;
}

}  // namespace

StudentOutput runStudent(const torch::nn::Module& module, const at::Tensor& pixels, const StudentPass& pass) {
    if (const auto* convolutional = dynamic_cast<const ConvolutionalRadioModule*>(&module))
        return runConvolutional(*convolutional, pixels, pass);
    return runVit(dynamic_cast<const RadioModule&>(module), pixels, pass);
}

Result<void> writeStudentFolder(const std::filesystem::path& folder, const torch::nn::Module& module,
                                const StudentOptions& options, at::ScalarType type) {
    const auto* convolutional = dynamic_cast<const ConvolutionalRadioModule*>(&module);
    if (!convolutional && !options.croppedPositions)
        return fail(ErrorCode::Unsupported, "a student with plain positions has no public form",
                    folder.string(), "Train it with cropped positions");
    std::error_code problem;
    std::filesystem::create_directories(folder, problem);
    if (problem)
        return fail(ErrorCode::IoFailure, "cannot make this folder: " + problem.message(), folder.string());
    const at::NoGradGuard noGrad;
    std::map<std::string, at::Tensor> tensors;
    for (const auto& entry : module.named_parameters())
        tensors[entry.key()] = entry.value().detach().to(at::kCPU, type);
    for (const auto& entry : module.named_buffers())
        tensors[entry.key()] = entry.value().detach().cpu();
    // The library's blocks always have LayerScale: ones, said rather than left to its initialiser.
    for (int64_t block = 0; !convolutional && block < options.depth; ++block)
        for (const int branch : {1, 2})
            tensors[fmt::format("radio_model.model.blocks.{}.layer_scale{}.lambda1", block, branch)] =
                at::ones({options.width}, type);
    VITRINE_TRY_VOID(writeTensors(folder / "model.safetensors", tensors, {{"format", "pt"}}));
    const Json preprocessor{{"image_processor_type", "CLIPImageProcessor"},
                            {"do_resize", true},
                            {"size", {{"shortest_edge", options.preferredSide}}},
                            {"resample", 3},
                            {"do_center_crop", false},
                            {"do_rescale", true},
                            {"rescale_factor", 1.0 / 255},
                            {"do_normalize", false}};
    VITRINE_TRY_VOID(writeFileAtomically(folder / "preprocessor_config.json", preprocessor.dump(2) + "\n"));
    Json config =
        convolutional ? convolutionalRadioJson(convolutional->config()) : studentConfigJson(options);
    config["dtype"] = type == at::kBFloat16 ? "bfloat16" : "float32";
    return writeFileAtomically(folder / "config.json", config.dump(2) + "\n");
}

}  // namespace vitrine
