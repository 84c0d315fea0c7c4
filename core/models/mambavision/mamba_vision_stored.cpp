#include "core/models/mambavision/mamba_vision.h"

namespace vitrine::mambavision {
namespace {

// Reads sizes of stored tensors by the names of the network.
class StoredShapes {
  public:
    StoredShapes(const TensorSource& weights, std::string prefix)
        : weights_(weights), prefix_(std::move(prefix)) {}

    bool has(const std::string& name) const { return weights_.find(prefix_ + name) != nullptr; }
    // 0 if there is no such tensor or dimension.
    int64_t size(const std::string& name, size_t dimension) const {
        const TensorInfo* info = weights_.find(prefix_ + name);
        return info && dimension < info->shape.size() ? info->shape[dimension] : 0;
    }
    int64_t blockCount(size_t level) const {
        int64_t count = 0;
        while (count < 1000 && has(fmt::format("levels.{}.blocks.{}.norm1.weight", level, count)))
            ++count;
        return count;
    }

  private:
    const TensorSource& weights_;
    std::string prefix_;
};

const MambaVisionConfig* publishedLike(const MambaVisionConfig& config, bool large) {
    const MambaVisionConfig* found = nullptr;
    for (const auto& [name, known] : publishedMambaVisions())
        if (known.width == config.width && known.depths == config.depths &&
            (!found || (large && known.imageSide > found->imageSide)))
            found = &known;
    return found;
}

}  // namespace

std::optional<std::string> storedPrefix(const TensorSource& weights) {
    constexpr std::string_view kStem = "patch_embed.conv_down.0.weight";
    for (const TensorInfo& info : weights.tensors())
        if (info.name.ends_with(kStem)) {
            const std::string prefix = info.name.substr(0, info.name.size() - kStem.size());
            if (weights.find(prefix + "levels.2.blocks.0.mixer.A_log"))
                return prefix;
        }
    return std::nullopt;
}

Result<MambaVisionConfig> configFromTensors(const TensorSource& weights, const std::string& prefix,
                                            const std::string& name) {
    const StoredShapes stored(weights, prefix);
    MambaVisionConfig config;
    config.stemWidth = stored.size("patch_embed.conv_down.0.weight", 0);
    config.width = stored.size("patch_embed.conv_down.3.weight", 0);
    for (size_t level = 0; level < kLevels; ++level)
        config.depths[level] = stored.blockCount(level);
    const MambaVisionConfig* known = publishedLike(config, name.find("512") != std::string::npos);
    if (!known)
        return fail(
            ErrorCode::NotFound,
            fmt::format("a MambaVision of width {} with {}, {}, {} and {} blocks is not a published one, so "
                        "its heads and windows are not known",
                        config.width, config.depths[0], config.depths[1], config.depths[2], config.depths[3]),
            name, "Put a config.json with dim, in_dim, depths, num_heads and window_size beside the weights");
    const int64_t stemWidth = config.stemWidth;
    config = *known;
    config.stemWidth = stemWidth;
    const int64_t hidden = stored.size("levels.2.blocks.0.mlp.fc1.weight", 0);
    config.mlpRatio = double(hidden) / double(config.widthOf(kFirstTokenLevel));
    config.layerScale = false;
    for (const char* scale : {"gamma_1", "grandma_1", "weight_1"})
        config.layerScale = config.layerScale || stored.has(std::string("levels.2.blocks.0.") + scale);
    for (const char* scale : {"gamma", "grandma", "weight"})
        config.convLayerScale =
            config.convLayerScale || stored.has(std::string("levels.0.blocks.0.") + scale);
    config.classCount = stored.size("head.weight", 0);
    return config;
}

}  // namespace vitrine::mambavision
