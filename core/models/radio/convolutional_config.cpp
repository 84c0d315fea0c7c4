#include "core/models/radio/convolutional_config.h"

#include "core/models/radio/map_adaptors.h"
#include "core/models/radio/radio_json.h"

#include <algorithm>

namespace vitrine {
namespace {

using radio::objectField;
using radio::optionalField;

constexpr const char* kWhere = "config.json/args/model_kwargs";
constexpr int64_t kFinestTap = 4;  // pixels

Result<efficientnet::BlockShape> blockFrom(const Json& json, size_t index) {
    const std::string where = fmt::format("{}/blocks/{}", kWhere, index);
    const auto isNumber = [](const Json& value) { return value.is_number_integer(); };
    if (!json.is_array() || json.size() != 5 || !std::all_of(json.begin(), json.end(), isNumber))
        return fail(ErrorCode::InvalidFile,
                    "expected five numbers: channels in, out and expanded, kernel, stride", where);
    const auto numbers = json.get<std::vector<int64_t>>();
    const efficientnet::BlockShape block{numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]};
    constexpr int64_t kMostChannels = 1 << 16;
    const auto sensible = [](int64_t channels) { return channels >= 1 && channels <= kMostChannels; };
    if (!sensible(block.inChannels) || !sensible(block.outChannels) || !sensible(block.expandedChannels) ||
        block.kernel < 1 || block.kernel > 31 || block.kernel % 2 == 0 || block.stride < 1 ||
        block.stride > 2)
        return fail(ErrorCode::InvalidFile, "a block of this shape cannot be built", where,
                    "Channels are 1 to 65536, kernels odd and at most 31, strides 1 or 2");
    return block;
}

Result<void> readTrunk(const Json& kwargs, ConvolutionalRadioConfig& config) {
    if (!kwargs.contains("blocks") || !kwargs.at("blocks").is_array())
        return fail(ErrorCode::InvalidFile, "the list of blocks is missing", std::string(kWhere) + "/blocks");
    const Json& blocks = kwargs.at("blocks");
    for (size_t i = 0; i < blocks.size(); ++i) {
        VITRINE_TRY(const efficientnet::BlockShape block, blockFrom(blocks[i], i));
        if (!config.blocks.empty() && block.inChannels != config.blocks.back().outChannels)
            return fail(ErrorCode::InvalidFile,
                        fmt::format("takes {} channels, the one before gives {}", block.inChannels,
                                    config.blocks.back().outChannels),
                        fmt::format("{}/blocks/{}", kWhere, i));
        config.blocks.push_back(block);
    }
    VITRINE_TRY(config.stemWidth, jsonValue<int64_t>(kwargs, "stem_width", kWhere));
    VITRINE_TRY(config.headWidth, jsonValue<int64_t>(kwargs, "head_width", kWhere));
    VITRINE_TRY(config.neckWidth, jsonValue<int64_t>(kwargs, "neck_width", kWhere));
    VITRINE_TRY(config.neckBlocks, jsonValue<int64_t>(kwargs, "neck_blocks", kWhere));
    const auto between = [](int64_t value, int64_t low, int64_t high) {
        return value >= low && value <= high;
    };
    if (config.blocks.empty() || config.blocks.front().inChannels != config.stemWidth ||
        !between(config.headWidth, 1, 1 << 16) || !between(config.neckWidth, 1, 1 << 16) ||
        !between(config.neckBlocks, 0, 64) || config.taps().empty())
        return fail(ErrorCode::InvalidFile, "describes no trunk that can be built", kWhere);
    return {};
}

}  // namespace

int64_t ConvolutionalRadioConfig::sizeMultiple() const {
    int64_t stride = 2;  // of the stem
    for (const efficientnet::BlockShape& block : blocks)
        stride *= block.stride;
    return std::max(stride, patchSize);
}

std::vector<ConvolutionalRadioConfig::Tap> ConvolutionalRadioConfig::taps() const {
    std::vector<Tap> taps;
    int64_t stride = 2;
    for (size_t i = 0; i < blocks.size(); ++i) {
        stride *= blocks[i].stride;
        const bool last = i + 1 == blocks.size() || blocks[i + 1].stride > 1;
        if (last && stride >= kFinestTap)
            taps.push_back({int64_t(i) + 1, stride, blocks[i].outChannels});
    }
    return taps;
}

bool isConvolutionalRadio(const TensorSource& source) {
    return source.find("radio_model.model._conv_stem.weight") != nullptr;
}

Result<ConvolutionalRadioConfig> readConvolutionalRadio(const Json& json, const TensorSource& source) {
    ConvolutionalRadioConfig config;
    VITRINE_TRY_VOID(readTrunk(objectField(objectField(json, "args"), "model_kwargs"), config));
    VITRINE_TRY(const auto version, optionalField<std::string>(json, "version", "config.json"));
    VITRINE_TRY(config.patchSize, jsonValue<int64_t>(json, "patch_size", "config.json"));
    VITRINE_TRY(const auto maximum, optionalField<int64_t>(json, "max_resolution", "config.json"));
    VITRINE_TRY(const auto size,
                optionalField<std::vector<int64_t>>(json, "preferred_resolution", "config.json"));
    config.version = version.value_or("");
    config.maxSide = maximum.value_or(0);
    if (size && (size->size() != 2 || (*size)[0] < 1 || (*size)[1] != (*size)[0]))
        return fail(ErrorCode::InvalidFile, "expected [height, width], both equal",
                    "config.json/preferred_resolution");
    config.preferredSide = size ? size->front() : config.preferredSide;
    if (config.patchSize != 4 && config.patchSize != 8 && config.patchSize != 16 && config.patchSize != 32)
        return fail(ErrorCode::InvalidFile, fmt::format("cells of {} pixels", config.patchSize),
                    "config.json/patch_size", "This trunk gives features of 4, 8, 16 or 32 pixels a cell");
    VITRINE_TRY(config.adaptors,
                readMapAdaptors(json, source, "radio_model.", config.headWidth, config.neckWidth));
    return config;
}

Json convolutionalRadioJson(const ConvolutionalRadioConfig& config) {
    Json blocks = Json::array();
    for (const efficientnet::BlockShape& block : config.blocks)
        blocks.push_back(
            {block.inChannels, block.outChannels, block.expandedChannels, block.kernel, block.stride});
    const Json kwargs{{"stem_width", config.stemWidth},
                      {"head_width", config.headWidth},
                      {"neck_width", config.neckWidth},
                      {"neck_blocks", config.neckBlocks},
                      {"blocks", std::move(blocks)}};
    Json json{{"architectures", Json::array({"RADIOModel"})},
              {"model_type", "radio"},
              {"version", config.version},
              {"args", {{"model", "efficientnet_lite"}, {"in_chans", 3}, {"model_kwargs", kwargs}}},
              {"patch_size", config.patchSize},
              {"preferred_resolution", Json::array({config.preferredSide, config.preferredSide})},
              {"max_resolution", config.maxSide},
              {"norm_mean", config.mean},
              {"norm_std", config.std}};
    describeAdaptors(config.adaptors, json);
    return json;
}

}  // namespace vitrine
