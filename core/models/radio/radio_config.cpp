#include "core/models/radio/radio_config.h"

#include "core/models/radio/radio_architecture.h"
#include "core/models/radio/radio_config_reader.h"
#include "core/models/radio/radio_json.h"
#include "core/nn/weights.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

using radio::objectField;
using radio::optionalField;
using radio::trainingSize;

// What a row of integers under `key` says, e.g. preferred_resolution [H, W].
Result<std::optional<std::pair<int64_t, int64_t>>> pairField(const Json& json, const std::string& key) {
    VITRINE_TRY(const auto value, optionalField<std::vector<int64_t>>(json, key, "config.json"));
    if (!value)
        return std::optional<std::pair<int64_t, int64_t>>();
    if (value->size() != 2 || (*value)[0] < 1 || (*value)[1] < 1)
        return fail(ErrorCode::InvalidFile, "expected [height, width]", "config.json/" + key);
    return std::optional(std::pair((*value)[0], (*value)[1]));
}

}  // namespace

RadioConfigReader::RadioConfigReader(const Json& json, const TensorSource& source, const RadioLayout& layout)
    : json_(json),
      source_(source),
      layout_(layout),
      args_(objectField(json, "args")),
      kwargs_(objectField(args_, "model_kwargs")),
      library_(!json.contains("args")) {}

Result<RadioConfig> RadioConfigReader::read() {
    config_.inner = layout_.inner;
    VITRINE_TRY_VOID(readSizes());
    VITRINE_TRY_VOID(readBlock());
    VITRINE_TRY_VOID(readPatchGenerator());
    VITRINE_TRY_VOID(library_ ? readLibraryTokens() : readPublishedTokens());
    VITRINE_TRY_VOID(readResolution());
    VITRINE_TRY_VOID(readWindowing());
    VITRINE_TRY_VOID(readNormalizers());
    VITRINE_TRY_VOID(checkSummaryIndices());
    VITRINE_TRY_VOID(readTokenReduction());
    return std::move(config_);
}

int64_t RadioConfigReader::dimension(const std::string& name, size_t index) const {
    const TensorInfo* info = stored(name);
    return info && info->shape.size() > index ? info->shape[index] : 0;
}

Failure RadioConfigReader::contradiction(const std::string& where, const std::string& what,
                                         int64_t configured, int64_t stored) {
    return fail(ErrorCode::ShapeMismatch,
                fmt::format("the configuration says {} {}, the checkpoint has {}", what, configured, stored),
                where, "Does config.json belong to these weights?");
}

Result<void> RadioConfigReader::readPatchGenerator() {
    VITRINE_TRY(const auto patchSize, optionalField<int64_t>(json_, "patch_size", "config.json"));
    VITRINE_TRY(const auto channels,
                optionalField<int64_t>(library_ ? json_ : args_, library_ ? "num_channels" : "in_chans",
                                       "config.json"));
    config_.channels = channels.value_or(3);
    const int64_t patchWidth = dimension("patch_generator.embedder.weight", 1);
    const int64_t side =
        config_.channels > 0 ? std::llround(std::sqrt(double(patchWidth) / double(config_.channels))) : 0;
    config_.patchSize = patchSize.value_or(side);
    if (config_.channels < 1 || config_.patchSize < 1 || config_.patchSize > 4096 ||
        config_.channels * config_.patchSize * config_.patchSize != patchWidth)
        return contradiction(layout_.trunk + "patch_generator.embedder.weight", "a flattened patch of",
                             config_.channels * config_.patchSize * config_.patchSize, patchWidth);
    config_.embedderBias = has("patch_generator.embedder.bias");
    config_.patchNorm = has("patch_generator.patch_normalizer.weight");
    const int64_t positions = dimension("patch_generator.pos_embed", 1);
    config_.gridSide = std::llround(std::sqrt(double(positions)));
    if (config_.gridSide * config_.gridSide != positions)
        return fail(ErrorCode::ShapeMismatch, fmt::format("{} positions are not a square grid", positions),
                    layout_.trunk + "patch_generator.pos_embed");
    return readPositionMode();
}

Result<void> RadioConfigReader::readPositionMode() {
    if (library_) {
        VITRINE_TRY(const auto frames,
                    optionalField<int64_t>(json_, "video_temporal_patch_size", "config.json"));
        if (has("patch_generator.video_embedder.weight"))
            config_.videoFrames = frames.value_or(2);
        return {};
    }
    VITRINE_TRY(const auto cpeSize, optionalField<int64_t>(args_, "cpe_max_size", "config.json/args"));
    VITRINE_TRY(const auto imageSize,
                optionalField<int64_t>(kwargs_, "img_size", "config.json/args/model_kwargs"));
    const int64_t trainedSize = imageSize.value_or(trainingSize(config_.architecture));
    config_.croppedPositions = !cpeSize || *cpeSize != trainedSize;
    return {};
}

Result<void> RadioConfigReader::readLibraryTokens() {
    VITRINE_TRY(const auto classes, optionalField<int64_t>(json_, "num_cls_tokens", "config.json"));
    VITRINE_TRY(const auto registers, optionalField<int64_t>(json_, "num_registers", "config.json"));
    VITRINE_TRY(const auto indices,
                optionalField<std::vector<int64_t>>(json_, "summary_idxs", "config.json"));
    VITRINE_TRY(const auto mean, optionalField<std::vector<double>>(json_, "norm_mean", "config.json"));
    VITRINE_TRY(const auto std, optionalField<std::vector<double>>(json_, "norm_std", "config.json"));
    const int64_t tokens = dimension("patch_generator.cls_token.token", 0);
    config_.classTokens = classes.value_or(registers ? tokens - *registers : tokens);
    config_.registers = registers.value_or(tokens - config_.classTokens);
    if (config_.classTokens < 0 || config_.registers < 0 || config_.prefixTokens() != tokens)
        return contradiction(layout_.trunk + "patch_generator.cls_token.token", "class and register tokens",
                             config_.prefixTokens(), tokens);
    if (indices)
        config_.summaryIndices = *indices;
    config_.mean = mean.value_or(config_.mean);
    config_.std = std.value_or(config_.std);
    return {};
}

Result<void> RadioConfigReader::readPublishedTokens() {
    VITRINE_TRY(const auto perTeacher,
                optionalField<bool>(args_, "cls_token_per_teacher", "config.json/args"));
    const Json& teachers = args_.contains("teachers") ? args_.at("teachers") : Json::array();
    std::vector<std::string> names;
    std::vector<bool> useSummary;
    for (const Json& teacher : teachers) {
        VITRINE_TRY(const auto name,
                    optionalField<std::string>(teacher, "name", "config.json/args/teachers"));
        VITRINE_TRY(const auto summary,
                    optionalField<bool>(teacher, "use_summary", "config.json/args/teachers"));
        if (!name || std::find(names.begin(), names.end(), *name) != names.end())
            continue;
        names.push_back(*name);
        useSummary.push_back(summary.value_or(true));
    }
    const bool each = perTeacher.value_or(false) && !names.empty();
    const int64_t tokens = dimension("patch_generator.cls_token.token", 0);
    config_.classTokens = each ? int64_t(names.size()) : 1;
    config_.registers = tokens - config_.classTokens;
    if (config_.registers < 0)
        return contradiction(layout_.trunk + "patch_generator.cls_token.token", "class tokens",
                             config_.classTokens, tokens);
    if (each) {
        config_.summaryIndices.clear();
        for (size_t i = 0; i < useSummary.size(); ++i)
            if (useSummary[i])
                config_.summaryIndices.push_back(int64_t(i));
    }
    return {};
}

Result<void> RadioConfigReader::readResolution() {
    VITRINE_TRY(const auto preferred, pairField(json_, "preferred_resolution"));
    VITRINE_TRY(const auto maximum, optionalField<int64_t>(json_, "max_resolution", "config.json"));
    int64_t side = 224;
    if (library_ && json_.contains("image_size") && json_.at("image_size").is_number_integer())
        side = json_.at("image_size").get<int64_t>();
    const int64_t fallback = std::max<int64_t>(1, side / config_.patchSize) * config_.patchSize;
    config_.preferredHeight = preferred ? preferred->first : fallback;
    config_.preferredWidth = preferred ? preferred->second : fallback;
    config_.maxSide = maximum.value_or(0);
    return {};
}

Result<void> RadioConfigReader::readWindowing() {
    VITRINE_TRY(const auto size, optionalField<int64_t>(json_, "vitdet_window_size", "config.json"));
    VITRINE_TRY(const auto windowed, optionalField<int64_t>(json_, "vitdet_num_windowed", "config.json"));
    VITRINE_TRY(const auto global, optionalField<int64_t>(json_, "vitdet_num_global", "config.json"));
    if (size && *size < 1)
        return fail(ErrorCode::InvalidFile, "expected a window of at least one patch",
                    "config.json/vitdet_window_size");
    config_.windowing.windowSize = size.value_or(0);
    config_.windowing.numWindowed = windowed;
    config_.windowing.numGlobal = global;
    if (windowed || global)
        return {};
    // The published table: radio_v2 has five windowed blocks between global ones, the giant models and
    // C-RADIOv2 eight global blocks, the rest four.
    const std::string& version = config_.version;
    if (version == "radio_v2" || version.rfind("radio_v2.1", 0) == 0)
        config_.windowing.numWindowed = 5;
    else
        config_.windowing.numGlobal =
            version.rfind("radio_v2.5-g", 0) == 0 || version.rfind("c-radio_v2", 0) == 0 ? 8 : 4;
    return {};
}

Result<void> RadioConfigReader::readNormalizers() {
    config_.featureNormalizer = objectField(json_, "feature_normalizer_config").size() > 0 ||
                                source_.find(layout_.root + "feature_normalizer.tx") ||
                                source_.find(layout_.root + "_feature_normalizer.tx");
    const std::string name =
        layout_.root + (layout_.hub ? "_intermediate_feature_normalizer." : "inter_feature_normalizer.");
    const Json& inter = objectField(json_, "inter_feature_normalizer_config");
    const std::string where = "config.json/inter_feature_normalizer_config";
    VITRINE_TRY(const auto count, optionalField<int64_t>(inter, "num_intermediates", where));
    VITRINE_TRY(const auto perLayer, optionalField<bool>(inter, "rot_per_layer", where));
    const TensorInfo* means = source_.find(name + "means");
    const TensorInfo* rotation = source_.find(name + "rotation");
    config_.normalizedIntermediates = count.value_or(means && !means->shape.empty() ? means->shape[0] : 0);
    if (config_.normalizedIntermediates < 0 || config_.normalizedIntermediates > 100000)
        return fail(ErrorCode::InvalidFile, "expected a number of layers", where + "/num_intermediates");
    config_.rotationPerLayer = perLayer.value_or(rotation && rotation->shape.size() == 3);
    const Json& spectral = objectField(args_, "spectral_reparam");
    VITRINE_TRY(const auto epsilon,
                optionalField<double>(spectral, "eps", "config.json/args/spectral_reparam"));
    config_.spectralEpsilon = epsilon.value_or(config_.spectralEpsilon);
    return {};
}

Result<void> RadioConfigReader::readTokenReduction() {
    VITRINE_TRY(config_.tokens, nn::TokenReductionSettings::fromConfig(json_));
    if (config_.tokens && config_.tokens->method == nn::TokenMethod::Attention && config_.classTokens < 1)
        return fail(ErrorCode::InvalidFile, "there is no class token that could look at patches",
                    "config.json/token_reduction/method", "Use \"merge\" or \"norm\"");
    return {};
}

Result<void> RadioConfigReader::checkSummaryIndices() {
    // The stored list wins over what the teachers' entries suggest.
    if (source_.find(layout_.root + "summary_idxs")) {
        VITRINE_TRY(const at::Tensor stored, readTensor(source_, layout_.root + "summary_idxs", {}));
        const at::Tensor indices = stored.to(at::kLong).reshape({-1}).contiguous();
        const int64_t* first = indices.const_data_ptr<int64_t>();
        config_.summaryIndices.assign(first, first + indices.numel());
    }
    for (const int64_t index : config_.summaryIndices)
        if (index < 0 || index >= config_.classTokens)
            return fail(ErrorCode::InvalidFile,
                        fmt::format("summary token {} of {} class tokens", index, config_.classTokens),
                        "config.json/summary_idxs");
    if (config_.mean.size() != size_t(config_.channels) || config_.std.size() != size_t(config_.channels))
        return fail(ErrorCode::InvalidFile, fmt::format("expected {} values", config_.channels),
                    "config.json/norm_mean");
    return {};
}

nn::VitBlockOptions RadioConfig::blockOptions(int64_t index) const {
    nn::VitBlockOptions options = block;
    if (!sizes.empty()) {
        options.headCount = sizes[size_t(index)].headCount;
        options.hidden = sizes[size_t(index)].hidden;
    }
    return options;
}

Result<RadioConfig> readRadioConfig(const Json& config, const TensorSource& source,
                                    const RadioLayout& layout) {
    return RadioConfigReader(config, source, layout).read();
}

}  // namespace vitrine
