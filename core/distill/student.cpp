#include "core/distill/student.h"

#include "core/distill/random_stream.h"
#include "core/distill/student_levels.h"
#include "core/distill/student_rules.h"
#include "core/models/radio/map_adaptors.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace vitrine {

const char* studentTrunkName(StudentTrunk trunk) {
    return studentTrunkCalled(studentTrunkKey(trunk));
}

Result<void> StudentOptions::validate() const {
    const auto refuse = [](const char* where, const std::string& message, const std::string& hint = {}) {
        return fail(ErrorCode::InvalidArgument, message, fmt::format("student/{}", where), hint);
    };
    const std::string key = studentTrunkKey(trunk);
    if (const auto start = checkStart(key, startFrom.string()); !start)
        return refuse("start_from", start.error().message, start.error().hint);
    if (trunk == StudentTrunk::Convolutional) {
        if (const auto cell = checkCell(patchSize); !cell)
            return refuse("patch_size", cell.error().message);
    } else if (hasLevels()) {
        VITRINE_TRY_VOID(checkLevelStudent(*this));
    } else if (const auto heads = checkHeads(width, headCount); !heads) {
        return refuse("headCount", heads.error().message);
    }
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
    return trunkSizeMultiple(studentTrunkKey(trunk), patchSize);
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
    Json json{{"architectures", Json::array({"RadioModel"})},
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
              {"dtype", "float32"}};
    describeAdaptors(config.adaptors, json);
    return json;
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
        const bool decays = tensor.dim() >= 2 && !name.ends_with("pos_embed") &&
                            !name.ends_with("cls_token.token") && !name.ends_with(".A_log");
        parameters.push_back(
            {name, tensor, ConvolutionalRadioModule::isTrunk(name) ? trunkRate : 1.0, decays});
    }
    return parameters;
}

}  // namespace vitrine
