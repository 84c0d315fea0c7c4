#include "core/engine/model_store.h"

#include "core/base/hash.h"
#include "core/tokenizers/text_cleaning.h"
#include "kernels/cuda_loader.h"

namespace vitrine {
namespace fs = std::filesystem;
namespace {

Result<PreprocessConfig> preprocessingOf(const ModelFolder& folder, const Model& model) {
    if (folder.preprocessor)
        return preprocessConfigFromJson(*folder.preprocessor,
                                        (folder.path / "preprocessor_config.json").string());
    const Json stated = model.encoder()->defaultPreprocessor();
    if (!stated.is_null())
        return preprocessConfigFromJson(stated, model.family() + " defaults");
    const EncoderInfo& info = model.encoder()->info();
    if (!info.normalizesItself)
        return fail(ErrorCode::NotFound, "the folder says nothing about preprocessing", folder.path.string(),
                    "Add the preprocessor_config.json that was published with the model");
    // Takes values in [0,1] and any size: resizing is all there is.
    const Json plain = {{"image_processor_type", "CLIPImageProcessor"},
                        {"size", {{"height", info.preferredHeight}, {"width", info.preferredWidth}}},
                        {"do_center_crop", false},
                        {"do_normalize", false}};
    return preprocessConfigFromJson(plain, model.family() + " defaults");
}

std::function<Result<TextTokens>(const std::string&, int64_t)> textTokensOf(const fs::path& folder,
                                                                            const Model& model) {
    auto opened = openTokenizer(folder);
    if (!opened)
        return {};
    // SigLIP was trained without a mask: padding is part of its texts.
    const bool siglip = model.family().find("siglip") != std::string::npos;
    return [tokenizer = std::move(*opened), siglip](const std::string& text,
                                                    int64_t contextLength) -> Result<TextTokens> {
        const TextTowerOptions options =
            textTowerOptions(tokenizer, contextLength, siglip ? TextCleaning::Siglip : TextCleaning::None);
        VITRINE_TRY(const TextRow row, encodeForTextTower(tokenizer, text, options));
        TextTokens tokens;
        tokens.ids = at::tensor(row.ids, at::kLong).unsqueeze(0);
        if (!siglip)
            tokens.mask = at::arange(int64_t(row.ids.size())).lt(row.length).to(at::kLong).unsqueeze(0);
        return tokens;
    };
}

}  // namespace

Result<at::Device> deviceFromName(const std::string& name) {
    if (name == "cpu")
        return at::Device(at::kCPU);
    const bool cuda = name == "cuda" || name.starts_with("cuda:");
    if (!cuda)
        return fail(ErrorCode::InvalidArgument, fmt::format("there is no device \"{}\"", name), {},
                    "Devices are cpu, cuda, cuda:1");
    if (!at::hasCUDA())
        return fail(ErrorCode::Unsupported, "no CUDA device: " + kernels::cudaKernelsStatus(), {},
                    "Use --device cpu, or see `vitrine doctor`");
    try {
        return at::Device(name);
    } catch (...) {
        return fail(ErrorCode::InvalidArgument, fmt::format("\"{}\" is not a device", name), {},
                    "Devices are cpu, cuda, cuda:1");
    }
}

Result<at::ScalarType> dtypeFromTorchName(const std::string& name) {
    if (name == "float32")
        return at::kFloat;
    if (name == "bfloat16")
        return at::kBFloat16;
    return fail(ErrorCode::InvalidArgument,
                fmt::format("there is no element type \"{}\" to compute in", name), {},
                "Use float32 or bfloat16");
}

std::vector<std::string> availableDevices() {
    std::vector<std::string> devices{"cpu"};
    if (at::hasCUDA())
        devices.push_back("cuda");
    return devices;
}

Result<const StoredModel*> ModelStore::load(const fs::path& path, const std::string& device,
                                            const std::string& dtype) {
    std::error_code problem;
    const fs::path absolute = fs::weakly_canonical(path, problem);
    const std::string id = sha256Hex(absolute.string() + "\n" + device + "\n" + dtype).substr(0, 12);
    if (const auto it = models_.find(id); it != models_.end())
        return &it->second;

    StoredModel stored;
    VITRINE_TRY(stored.device, deviceFromName(device));
    VITRINE_TRY(stored.dtype, dtypeFromTorchName(dtype));
    VITRINE_TRY(const ModelFolder folder, openModelFolder(path));
    VITRINE_TRY(stored.model, ModelFamilies::instance().load(folder, {stored.device, stored.dtype}));
    if (!stored.model->encoder())
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("\"{}\" models have no vision encoder", stored.model->family()),
                    path.string(),
                    "Language models are opened in Compress; `vitrine generate` lets them write");
    VITRINE_TRY(stored.preprocess, preprocessingOf(folder, *stored.model));
    const PromptableSegmenter* segmenter = stored.model->segmenter();
    if (stored.model->textEncoder() || (segmenter && segmenter->promptKinds().text))
        stored.textTokens = textTokensOf(folder.path, *stored.model);
    LoadedModel& description = stored.description;
    description.id = id;
    description.path = absolute.string();
    VITRINE_TRY(description.identity, folder.identity());
    description.device = device;
    description.dtype = dtype;
    description.info = stored.model->encoder()->info();
    description.info.hasText = stored.model->textEncoder() != nullptr;
    // A weight file in a folder of its own is known by the folder's name.
    if (description.info.name.empty())
        description.info.name =
            fs::is_directory(absolute) ? absolute.filename().string() : absolute.stem().string();
    return &models_.emplace(id, std::move(stored)).first->second;
}

Result<const StoredModel*> ModelStore::find(const std::string& id) const {
    const auto it = models_.find(id);
    if (it == models_.end())
        return fail(ErrorCode::NotFound, fmt::format("no model with the handle \"{}\" is loaded", id), {},
                    "Open the model first");
    return &it->second;
}

std::vector<LoadedModel> ModelStore::list() const {
    std::vector<LoadedModel> list;
    for (const auto& entry : models_)
        list.push_back(entry.second.description);
    return list;
}

}  // namespace vitrine
