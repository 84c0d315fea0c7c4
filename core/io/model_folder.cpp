#include "core/io/model_folder.h"

#include "core/base/hash.h"

namespace vitrine {
namespace fs = std::filesystem;

std::string ModelFolder::modelType() const {
    if (const auto type = config.find("model_type"); type != config.end() && type->is_string())
        return type->get<std::string>();
    return config.contains("model_cfg") ? "open_clip" : "";
}

namespace {

Result<std::optional<Json>> readIfThere(const fs::path& file) {
    std::error_code error;
    if (!fs::exists(file, error))
        return std::optional<Json>();
    VITRINE_TRY(Json json, readJsonFile(file));
    if (!json.is_object())
        return fail(ErrorCode::InvalidFile, "the file must hold a JSON object", file.string());
    return std::optional<Json>(std::move(json));
}

// Fine-tuned models have equal headers, so a few bytes of every tensor take part as well.
void addSamples(Sha256& hash, std::span<const std::byte> bytes) {
    constexpr size_t kSample = 64;
    if (bytes.size() <= 3 * kSample)
        return hash.update(bytes);
    for (const size_t at : {size_t(0), bytes.size() / 2, bytes.size() - kSample})
        hash.update(bytes.subspan(at, kSample));
}

}  // namespace

Result<std::string> ModelFolder::identity() const {
    Sha256 hash;
    hash.update(config.dump(-1, ' ', false, Json::error_handler_t::replace));
    for (const TensorInfo& info : weights->tensors()) {
        hash.update(fmt::format("\n{} {} {} {}\n", info.name, dtypeName(info.dtype), info.shapeText(),
                                info.byteCount));
        VITRINE_TRY(const TensorBytes tensor, weights->read(info.name));
        addSamples(hash, tensor.bytes);
    }
    return hash.hexDigest();
}

Result<ModelFolder> openModelFolder(const fs::path& path, const std::string& configName) {
    ModelFolder model;
    model.path = path;
    std::error_code error;
    const fs::path folder = fs::is_directory(path, error) ? path : path.parent_path();
    VITRINE_TRY(auto config, readIfThere(folder / configName));
    if (!config && configName != "config.json")
        return fail(ErrorCode::NotFound, "there is no such configuration", (folder / configName).string());
    if (!config) {
        VITRINE_TRY(config, readIfThere(folder / "open_clip_config.json"));
    }
    if (config)
        model.config = std::move(*config);
    VITRINE_TRY(model.preprocessor, readIfThere(folder / "preprocessor_config.json"));
    VITRINE_TRY(model.processor, readIfThere(folder / "processor_config.json"));
    VITRINE_TRY(model.weights, openTensors(path));
    return model;
}

}  // namespace vitrine
