#include "core/models/featsharp/featsharp_config.h"

#include "core/models/config_reader.h"

#include <algorithm>

namespace vitrine::featsharp {
namespace {

constexpr const char* kLevel = "upsampler.ups.0.";
constexpr std::pair<const char*, Guide> kGuides[] = {
    {"jbu", Guide::Bilateral}, {"jafar", Guide::Jafar}, {"bilinear", Guide::Bilinear}, {"", Guide::None}};

bool hasPart(const ModelFolder& folder, const std::string& prefix) {
    if (!folder.weights)
        return false;
    const auto& tensors = folder.weights->tensors();
    return std::any_of(tensors.begin(), tensors.end(),
                       [&](const TensorInfo& tensor) { return tensor.name.starts_with(prefix); });
}

void readInputs(ConfigReader& reader, const Json& json, FeatSharpConfig& config) {
    const Json inputs = reader.has("inputs") ? json["inputs"] : Json::array({"jbu", "tiles"});
    for (const auto& [name, guide] : kGuides) {
        Json wanted = name[0] ? Json::array({name}) : Json::array();
        for (const bool tiles : {false, true}) {
            if (tiles)
                wanted.push_back("tiles");
            if (inputs == wanted && !wanted.empty()) {
                config.guide = guide;
                config.tiles = tiles;
                return;
            }
        }
    }
    reader.addError(
        ErrorCode::Unsupported, fmt::format("the upsampler fuses {}, which is not known", inputs.dump()),
        "Known are \"jbu\", \"jafar\" or \"bilinear\", \"tiles\", and one of the former with tiles");
}

}  // namespace

std::vector<int64_t> FeatSharpConfig::levels() const {
    std::vector<int64_t> primes;
    int64_t rest = factor;
    for (int64_t prime = 2; rest > 1; ++prime)
        for (; rest % prime == 0; rest /= prime)
            primes.push_back(prime);
    return primes;
}

bool looksLikeFeatSharp(const ModelFolder& folder) {
    return folder.config.contains("upsample_factor") && folder.config.contains("model_resolution") &&
           (!folder.weights || hasPart(folder, kLevel) || folder.config.contains("inputs"));
}

Result<FeatSharpConfig> featSharpConfigFrom(const ModelFolder& folder) {
    const Json& json = folder.config;
    ConfigReader reader(json, "config.json");
    FeatSharpConfig config;
    config.modelResolution = reader.count("model_resolution", config.modelResolution, 1, 1 << 14);
    config.patchSize = reader.count("patch_size", config.patchSize, 1, 1024);
    config.featureWidth = reader.count("feat_dim", config.featureWidth, 8, 1 << 16);
    config.factor = reader.count("upsample_factor", config.factor, 2, 64);
    config.windowSize = reader.count("window_size", config.windowSize, 1, 15);
    config.layerNorm = !reader.flag("no_ln", false);
    config.jafarWidth = reader.count("jafar_qk_dim", config.jafarWidth, 8, 1 << 12);
    config.jafarHeads = reader.count("jafar_num_heads", config.jafarHeads, 1, 64);
    readInputs(reader, json, config);
    if (config.modelResolution % config.patchSize != 0)
        reader.addError(ErrorCode::InvalidFile,
                        fmt::format("\"model_resolution\" {} is no multiple of \"patch_size\" {}",
                                    config.modelResolution, config.patchSize));
    if (config.fused() && config.featureWidth % 8 != 0)
        reader.addError(
            ErrorCode::InvalidFile,
            fmt::format("\"feat_dim\" {} is no multiple of 8: the fusion has 16 heads", config.featureWidth));
    if (config.guide == Guide::Jafar) {
        reader.requireDivides(config.jafarHeads, config.jafarWidth);
        if (config.jafarWidth % 8 != 0)
            reader.addError(ErrorCode::InvalidFile,
                            fmt::format("\"jafar_qk_dim\" {} is no multiple of 8", config.jafarWidth));
    }
    if (folder.weights) {
        config.attention = hasPart(folder, std::string(kLevel) + "block.attn.");
        config.feedForward = hasPart(folder, std::string(kLevel) + "block.mlp.");
        config.normalizer = hasPart(folder, "normalizer.");
        config.deBias = hasPart(folder, "bias_buffer.");
        config.ownFeaturizer = hasPart(folder, "featurizer.conv.");
        if (hasPart(folder, "upsampler.ups.1."))
            reader.addError(ErrorCode::Unsupported,
                            "the upsampler is a progressive one (upsampler.ups.1 is present)",
                            "Train it with a single level: it covers any factor");
        if (hasPart(folder, std::string(kLevel) + "block.attn.qkv.parametrizations."))
            reader.addError(ErrorCode::Unsupported, "the weights are spectrally re-parametrised",
                            "Save them with the re-parametrisation folded in");
    }
    VITRINE_TRY_VOID(reader.finish());
    return config;
}

}  // namespace vitrine::featsharp
