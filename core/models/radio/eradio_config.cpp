#include "core/models/radio/eradio_config.h"

#include "core/models/radio/map_adaptors.h"
#include "core/models/radio/radio_json.h"

#include <algorithm>

namespace vitrine {
namespace {

using radio::objectField;
using radio::optionalField;

const std::string kWhere = "config.json/args/model_kwargs";

// A number, or a list of numbers.
Result<std::vector<int64_t>> oneOrMany(const Json& value, const std::string& where) {
    std::vector<int64_t> numbers;
    const Json list = value.is_array() ? value : Json::array({value});
    for (const Json& entry : list) {
        if (!entry.is_number_integer() || entry.get<int64_t>() < 1 || entry.get<int64_t>() > 4096)
            return fail(ErrorCode::InvalidFile, "expected positive whole numbers", where);
        numbers.push_back(entry.get<int64_t>());
    }
    if (numbers.empty())
        return fail(ErrorCode::InvalidFile, "expected at least one number", where);
    return numbers;
}

class EradioReader {
  public:
    EradioReader(const Json& config, const TensorSource& source, std::string trunk)
        : json_(config),
          kwargs_(objectField(objectField(config, "args"), "model_kwargs")),
          source_(source),
          trunk_(std::move(trunk)) {}

    Result<EradioConfig> read() {
        VITRINE_TRY_VOID(readFlags());
        VITRINE_TRY_VOID(readWidths());
        VITRINE_TRY_VOID(readLevels());
        VITRINE_TRY_VOID(readPicture());
        VITRINE_TRY_VOID(readHeads());
        return std::move(config_);
    }

  private:
    int64_t dimension(const std::string& name, size_t index) const {
        const TensorInfo* info = source_.find(trunk_ + name);
        return info && info->shape.size() > index ? info->shape[index] : 0;
    }
    bool has(const std::string& name) const { return source_.find(trunk_ + name) != nullptr; }
    bool hasBelow(const std::string& prefix) const {
        return std::any_of(source_.tensors().begin(), source_.tensors().end(),
                           [&](const TensorInfo& info) { return info.name.rfind(trunk_ + prefix, 0) == 0; });
    }
    // Consecutive children 0, 1, ... below `prefix`.
    int64_t countBelow(const std::string& prefix) const {
        int64_t count = 0;
        while (count < 1000 && hasBelow(fmt::format("{}{}.", prefix, count)))
            ++count;
        return count;
    }
    Result<void> flag(const char* key, bool stored, bool& target) {
        VITRINE_TRY(const auto value, optionalField<bool>(kwargs_, key, kWhere));
        target = value.value_or(stored);
        return {};
    }
    Result<void> number(const char* key, int64_t stored, int64_t& target) {
        VITRINE_TRY(const auto value, optionalField<int64_t>(kwargs_, key, kWhere));
        target = value.value_or(stored);
        if (target < 1 || target > (1 << 20))
            return fail(ErrorCode::InvalidFile, fmt::format("a value of {}", target), kWhere + "/" + key);
        return {};
    }
    std::string firstAttention() const { return "levels.2.blocks.0.attention_blocks.0."; }

    Result<void> readFlags() {
        bool shifted = false, fullFeatures = false;
        VITRINE_TRY_VOID(flag("use_shift", false, shifted));
        if (shifted)
            return fail(ErrorCode::Unsupported, "shifted attention windows", kWhere + "/use_shift");
        VITRINE_TRY_VOID(flag("qkv_bias", has(firstAttention() + "attn.qkv.bias"), config_.qkvBias));
        VITRINE_TRY_VOID(flag("multi_query", false, config_.multiQuery));
        VITRINE_TRY_VOID(flag("use_swiglu", false, config_.gated));
        VITRINE_TRY_VOID(flag("conv_base", hasConvolutionalScaling(), config_.convolutionalScaling));
        VITRINE_TRY_VOID(
            flag("shuffle_down", !has("patch_embed.conv_down.2.conv.weight"), config_.stemShuffle));
        VITRINE_TRY_VOID(flag("downsample_shuffle",
                              dimension("levels.0.downsample.reduction.conv.weight", 2) == 1,
                              config_.downsampleShuffle));
        VITRINE_TRY_VOID(flag("layer_norm_last", !has("norm.running_mean"), config_.lastLayerNorm));
        VITRINE_TRY_VOID(flag("use_neck", hasBelow("high_res_neck."), config_.neck));
        VITRINE_TRY_VOID(flag("return_full_features", false, fullFeatures));
        config_.neck = config_.neck || fullFeatures;
        config_.layerScale = has(firstAttention() + "gamma1");
        config_.convolutionLayerScale = has("levels.0.blocks.0.gamma");
        VITRINE_TRY(config_.scale, optionalField<double>(kwargs_, "qk_scale", kWhere));
        VITRINE_TRY(const auto ratio, optionalField<double>(kwargs_, "conv_groups_ratio", kWhere));
        config_.groupsRatio = ratio.value_or(0);
        return {};
    }

    bool hasConvolutionalScaling() const {
        const int64_t blocks = countBelow("levels.2.blocks.0.attention_blocks.");
        for (int64_t i = 0; i < blocks; ++i)
            if (has(fmt::format("levels.2.blocks.0.attention_blocks.{}.upsample_op.conv.weight", i)))
                return false;
        return true;
    }

    Result<void> readWidths() {
        const std::string last = config_.stemShuffle ? "patch_embed.conv_down.0.conv.weight"
                                                     : "patch_embed.conv_down.2.conv.weight";
        VITRINE_TRY(const auto channels,
                    optionalField<int64_t>(objectField(json_, "args"), "in_chans", "config.json/args"));
        config_.channels = channels.value_or(3);
        VITRINE_TRY_VOID(number("dim", dimension(last, 0), config_.width));
        VITRINE_TRY_VOID(
            number("in_dim", dimension("patch_embed.conv_down.0.conv.weight", 0), config_.stemWidth));
        VITRINE_TRY_VOID(number("cpb_mlp_hidden",
                                dimension(firstAttention() + "attn.pos_emb_funct.cpb_mlp.0.weight", 0),
                                config_.biasHidden));
        if (!config_.neck)
            return {};
        VITRINE_TRY_VOID(number("full_features_head_dim",
                                dimension("high_res_neck.neck_features_proj.0.conv2.weight", 0),
                                config_.neckWidth));
        VITRINE_TRY(const auto start, optionalField<int64_t>(kwargs_, "neck_start_stage", kWhere));
        config_.neckStart =
            start.value_or(countBelow("levels.") - countBelow("high_res_neck.neck_features_proj."));
        return {};
    }

    // Entry `index` of a list under `key`, or null.
    const Json* listed(const char* key, size_t index) const {
        const Json* list = kwargs_.contains(key) ? &kwargs_.at(key) : nullptr;
        return list && list->is_array() && list->size() > index && !(*list)[index].is_null() ? &(*list)[index]
                                                                                             : nullptr;
    }

    Result<void> readLevels() {
        VITRINE_TRY(const auto depths, optionalField<std::vector<int64_t>>(kwargs_, "depths", kWhere));
        const int64_t count = depths ? int64_t(depths->size()) : countBelow("levels.");
        if (count < 1 || count > 12)
            return fail(ErrorCode::InvalidFile, fmt::format("{} levels", count), kWhere + "/depths");
        for (int64_t i = 0; i < count; ++i) {
            EradioLevelConfig level;
            const std::string name = fmt::format("levels.{}.blocks.", i);
            level.width = config_.width << i;
            level.attention = i >= 2;
            level.downsample = i + 1 < count;
            VITRINE_TRY_VOID(
                flag("yolo_arch", has("levels.0.blocks.cv1.conv.weight"), level.splitConvolutions));
            level.depth = depths
                              ? (*depths)[size_t(i)]
                              : countBelow(!level.attention && level.splitConvolutions ? name + "m." : name);
            if (level.depth < 1 || level.depth > 1000)
                return fail(ErrorCode::InvalidFile, fmt::format("{} layers", level.depth),
                            kWhere + "/depths");
            if (level.attention)
                VITRINE_TRY_VOID(readAttentionLevel(size_t(i), name + "0.attention_blocks.", level));
            config_.levels.push_back(std::move(level));
        }
        return {};
    }

    Result<void> readAttentionLevel(size_t index, const std::string& name, EradioLevelConfig& level) {
        const std::string bias = "attn.pos_emb_funct.";
        level.headCount = dimension(name + "0." + bias + "cpb_mlp.2.weight", 0);
        if (const Json* heads = listed("num_heads", index); heads && heads->is_number_integer())
            level.headCount = heads->get<int64_t>();
        if (level.headCount < 1 || level.width % level.headCount)
            return fail(ErrorCode::InvalidFile,
                        fmt::format("{} heads do not divide width {}", level.headCount, level.width),
                        kWhere + "/num_heads");
        const int64_t blocks = std::max<int64_t>(1, countBelow(name));
        if (const Json* ratios = listed("sr_ratio", index)) {
            VITRINE_TRY(level.ratios, oneOrMany(*ratios, kWhere + "/sr_ratio"));
        } else {
            for (int64_t i = 0; i < blocks; ++i)
                level.ratios.push_back(
                    std::max<int64_t>(1, dimension(fmt::format("{}{}.downsample_op.weight", name, i), 2)));
        }
        std::vector<int64_t> windows;
        if (const Json* sizes = listed("window_size", index)) {
            VITRINE_TRY(windows, oneOrMany(*sizes, kWhere + "/window_size"));
        } else {
            for (int64_t i = 0; i < blocks; ++i)
                windows.push_back(
                    (dimension(fmt::format("{}{}.{}relative_coords_table", name, i, bias), 1) + 1) / 2);
        }
        for (size_t i = 0; i < level.ratios.size(); ++i)
            level.windows.push_back(windows[i < windows.size() ? i : 0]);
        if (level.windows[0] < 1)
            return fail(ErrorCode::NotFound, "the attention window is not known", kWhere + "/window_size");
        return {};
    }

    Result<void> readPicture() {
        VITRINE_TRY(const auto patch, optionalField<int64_t>(json_, "patch_size", "config.json"));
        VITRINE_TRY(const auto maximum, optionalField<int64_t>(json_, "max_resolution", "config.json"));
        VITRINE_TRY(const auto version, optionalField<std::string>(json_, "version", "config.json"));
        VITRINE_TRY(const auto size,
                    optionalField<std::vector<int64_t>>(json_, "preferred_resolution", "config.json"));
        config_.patchSize = patch.value_or(16);
        config_.maxSide = maximum.value_or(0);
        config_.version = version.value_or("");
        if (size && (size->size() != 2 || (*size)[0] < 1 || (*size)[1] < 1))
            return fail(ErrorCode::InvalidFile, "expected [height, width]",
                        "config.json/preferred_resolution");
        if (size) {
            config_.preferredHeight = (*size)[0];
            config_.preferredWidth = (*size)[1];
        }
        return {};
    }

    Result<void> readHeads() {
        if (!isPublicEradio(trunk_))
            return {};
        VITRINE_TRY(config_.adaptors, readMapAdaptors(json_, source_, "radio_model.", config_.featureWidth(),
                                                      config_.featureWidth()));
        return {};
    }

    const Json& json_;
    const Json& kwargs_;
    const TensorSource& source_;
    std::string trunk_;
    EradioConfig config_;
};

}  // namespace

int64_t EradioConfig::sizeMultiple() const {
    return 4 << (levels.empty() ? 0 : levels.size() - 1);
}

std::optional<std::string> findEradioTrunk(const TensorSource& source) {
    for (const char* prefix : {"radio_model.model.", "base_model.", "module.base_model."})
        if (source.find(std::string(prefix) + "patch_embed.conv_down.0.conv.weight"))
            return prefix;
    return std::nullopt;
}

bool isPublicEradio(const std::string& trunk) {
    return trunk == "radio_model.model.";
}

int64_t optimalEradioWindow(int64_t side) {
    const int64_t patches = std::max<int64_t>(1, side / 32);
    for (int64_t window = std::min<int64_t>(16, patches); window > 1; --window)
        if (patches % window == 0)
            return window;
    return 1;
}

Result<EradioConfig> readEradioConfig(const Json& config, const TensorSource& source,
                                      const std::string& trunk) {
    return EradioReader(config, source, trunk).read();
}

Json eradioJson(const EradioConfig& config) {
    Json depths = Json::array(), heads = Json::array(), windows = Json::array(), ratios = Json::array();
    const auto oneOrList = [](const std::vector<int64_t>& values) {
        return values.size() == 1 ? Json(values.front()) : Json(values);
    };
    for (const EradioLevelConfig& level : config.levels) {
        depths.push_back(level.depth);
        heads.push_back(level.headCount);
        windows.push_back(level.attention ? oneOrList(level.windows) : Json());
        ratios.push_back(level.attention ? oneOrList(level.ratios) : Json(1));
    }
    const Json kwargs{{"dim", config.width},
                      {"in_dim", config.stemWidth},
                      {"depths", std::move(depths)},
                      {"num_heads", std::move(heads)},
                      {"window_size", std::move(windows)},
                      {"sr_ratio", std::move(ratios)},
                      {"cpb_mlp_hidden", config.biasHidden},
                      {"yolo_arch", true},
                      {"conv_base", true},
                      {"use_neck", config.neck},
                      {"full_features_head_dim", config.neckWidth},
                      {"neck_start_stage", config.neckStart}};
    Json json{{"architectures", Json::array({"RADIOModel"})},
              {"model_type", "radio"},
              {"version", config.version},
              {"args", {{"model", "eradio"}, {"in_chans", config.channels}, {"model_kwargs", kwargs}}},
              {"patch_size", config.patchSize},
              {"preferred_resolution", Json::array({config.preferredHeight, config.preferredWidth})},
              {"max_resolution", config.maxSide}};
    describeAdaptors(config.adaptors, json);
    return json;
}

}  // namespace vitrine
