// A student as a folder that loads like any other.
#include "core/base/file.h"
#include "core/distill/student_levels.h"
#include "core/models/mambavision/mamba_vision_network.h"
#include "core/models/radio/eradio_model.h"

namespace vitrine {
namespace {

using mambavision::MambaVisionNetwork;

// As the stored names of the library have it; other students stand under their public names.
std::string storedPrefix(const torch::nn::Module& module) {
    return dynamic_cast<const MambaVisionNetwork*>(&module) ? "model." : "";
}

Json configOf(const torch::nn::Module& module, const StudentOptions& options) {
    if (const auto* convolutional = dynamic_cast<const ConvolutionalRadioModule*>(&module))
        return convolutionalRadioJson(convolutional->config());
    if (const auto* eradio = dynamic_cast<const EradioModule*>(&module))
        return eradioJson(eradio->config());
    if (const auto* mamba = dynamic_cast<const MambaVisionNetwork*>(&module))
        return mamba->config().json();
    return studentConfigJson(options);
}

Json preprocessorOf(const torch::nn::Module& module, const StudentOptions& options) {
    if (const auto* mamba = dynamic_cast<const MambaVisionNetwork*>(&module))
        return mamba->config().preprocessor();
    return {{"image_processor_type", "CLIPImageProcessor"},
            {"do_resize", true},
            {"size", {{"shortest_edge", options.preferredSide}}},
            {"resample", 3},
            {"do_center_crop", false},
            {"do_rescale", true},
            {"rescale_factor", 1.0 / 255},
            {"do_normalize", false}};
}

}  // namespace

Result<void> writeStudentFolder(const std::filesystem::path& folder, const torch::nn::Module& module,
                                const StudentOptions& options, at::ScalarType type) {
    const bool isVit = dynamic_cast<const RadioModule*>(&module) != nullptr;
    if (isVit && !options.croppedPositions)
        return fail(ErrorCode::Unsupported, "a student with plain positions has no public form",
                    folder.string(), "Train it with cropped positions");
    std::error_code problem;
    std::filesystem::create_directories(folder, problem);
    if (problem)
        return fail(ErrorCode::IoFailure, "cannot make this folder: " + problem.message(), folder.string());
    const at::NoGradGuard noGrad;
    const std::string prefix = storedPrefix(module);
    std::map<std::string, at::Tensor> tensors;
    for (const auto& entry : module.named_parameters())
        tensors[prefix + entry.key()] = entry.value().detach().to(at::kCPU, type);
    for (const auto& entry : module.named_buffers())
        tensors[prefix + entry.key()] = entry.value().detach().cpu();
    for (const auto& [name, statistic] : nn::batchStatistics(module))
        tensors[prefix + name] = statistic.cpu();
    // The library's blocks always have LayerScale: ones, said rather than left to its initialiser.
    for (int64_t block = 0; isVit && block < options.depth; ++block)
        for (const int branch : {1, 2})
            tensors[fmt::format("radio_model.model.blocks.{}.layer_scale{}.lambda1", block, branch)] =
                at::ones({options.width}, type);
    VITRINE_TRY_VOID(writeTensors(folder / "model.safetensors", tensors, {{"format", "pt"}}));
    VITRINE_TRY_VOID(writeFileAtomically(folder / "preprocessor_config.json",
                                         preprocessorOf(module, options).dump(2) + "\n"));
    Json config = configOf(module, options);
    config["dtype"] = type == at::kBFloat16 ? "bfloat16" : "float32";
    return writeFileAtomically(folder / "config.json", config.dump(2) + "\n");
}

}  // namespace vitrine
