#include "core/compress/encoder_checkpoint.h"

#include "core/base/file.h"
#include "core/models/radio/radio_module.h"
#include "core/nn/weights.h"

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kParametrised = ".parametrizations.weight.";
constexpr std::string_view kOriginal = ".parametrizations.weight.original";
constexpr double kSpectralEpsilon = 1e-6;

double spectralEpsilon(const Json& config) {
    const Json args = config.is_object() ? config.value("args", Json()) : Json();
    const Json spectral = args.is_object() ? args.value("spectral_reparam", Json()) : Json();
    return spectral.is_object() && spectral.contains("eps") && spectral["eps"].is_number()
               ? spectral["eps"].get<double>()
               : kSpectralEpsilon;
}

// The stored name that ends in `tail` and belongs to the trunk: the embedder stands beside its blocks.
std::string behindAnotherPrefix(const StoredShapes& stored, const std::string& tail) {
    std::vector<std::string> found;
    for (const auto& [name, shape] : stored)
        if (name == tail || name.ends_with("." + tail))
            found.push_back(name);
    if (found.size() == 1)
        return found.front();
    for (const std::string& name : found)
        if (stored.contains(name.substr(0, name.size() - tail.size()) + "patch_generator.embedder.weight"))
            return name;
    return {};
}

std::string nameIn(const StoredShapes& stored, const std::string& layer) {
    for (const char* ending : {".weight", "_weight"})
        if (stored.contains(layer + ending))
            return layer + ending;
    const size_t block = layer.find("blocks.");
    return block == std::string::npos ? std::string()
                                      : behindAnotherPrefix(stored, layer.substr(block) + ".weight");
}

Result<void> copyModelCode(const fs::path& from, const fs::path& to) {
    std::error_code problem;
    if (!fs::is_directory(from, problem) || fs::equivalent(from, to, problem))
        return {};
    std::vector<fs::path> files;
    for (fs::directory_iterator it(from, problem), end; !problem && it != end; it.increment(problem))
        if (it->path().extension() == ".py")
            files.push_back(it->path());
    if (problem)
        return fail(errorFromErrno(problem.value(), "list the model's code", from));
    for (const fs::path& file : files) {
        fs::copy_file(file, to / file.filename(), fs::copy_options::overwrite_existing, problem);
        if (problem)
            return fail(errorFromErrno(problem.value(), "copy the model's code", file));
    }
    return {};
}

}  // namespace

StoredShapes plainShapes(const TensorSource& source) {
    StoredShapes shapes;
    for (const TensorInfo& info : source.tensors()) {
        const size_t part = info.name.find(kParametrised);
        if (part == std::string::npos)
            shapes[info.name] = info.shape;
        else if (info.name.ends_with(kOriginal))
            shapes[info.name.substr(0, part) + ".weight"] = info.shape;
    }
    return shapes;
}

std::vector<StoredRows> storedRows(const StoredShapes& stored, const std::string& layer) {
    std::vector<std::string> layers{layer};
    const auto replaced = [&](std::string_view end, const char* with) {
        return layer.substr(0, layer.size() - end.size()) + with;
    };
    if (nameIn(stored, layer).empty() && layer.ends_with("mlp.w12"))
        layers = {replaced("w12", "gate_proj"), replaced("w12", "up_proj")};
    else if (nameIn(stored, layer).empty() && layer.ends_with("mlp.w3"))
        layers = {replaced("w3", "down_proj")};
    std::vector<StoredRows> rows;
    int64_t first = 0;
    for (const std::string& each : layers) {
        const std::string name = nameIn(stored, each);
        if (name.empty() || stored.at(name).size() != 2)
            return {};
        rows.push_back({name, first, stored.at(name)[0]});
        first += rows.back().count;
    }
    return rows;
}

Result<PlainCheckpoint> readPlainCheckpoint(const ModelFolder& folder) {
    PlainCheckpoint plain;
    plain.config = folder.config;
    VITRINE_TRY(plain.tensors, readAllTensors(*folder.weights));
    const double epsilon = spectralEpsilon(folder.config);
    std::vector<std::string> layers, parts;
    for (const auto& [name, tensor] : plain.tensors)
        if (const size_t part = name.find(kParametrised); part != std::string::npos) {
            parts.push_back(name);
            if (name.ends_with(kOriginal))
                layers.push_back(name.substr(0, part));
        }
    for (const std::string& layer : layers) {
        VITRINE_TRY(plain.tensors[layer + ".weight"],
                    materializeSpectralWeight(*folder.weights, layer, epsilon));
        ++plain.workedOut;
    }
    for (const std::string& part : parts)
        plain.tensors.erase(part);
    if (plain.workedOut > 0 && plain.config.contains("args") && plain.config["args"].is_object())
        for (const char* key : {"spectral_reparam", "spectral_heads"})
            plain.config["args"][key] = false;
    return plain;
}

Result<void> writeEncoderFolder(const fs::path& folder, const ModelFolder& original, const Json& config,
                                const std::map<std::string, at::Tensor>& tensors) {
    std::error_code problem;
    fs::create_directories(folder, problem);
    if (problem)
        return fail(errorFromErrno(problem.value(), "create the folder", folder));
    VITRINE_TRY_VOID(writeTensors(folder / "model.safetensors", tensors));
    VITRINE_TRY_VOID(writeFileAtomically(folder / "config.json", config.dump(2) + "\n"));
    if (config.contains("auto_map")) {
        VITRINE_TRY_VOID(copyModelCode(original.path, folder));
    }
    if (!original.preprocessor)
        return {};
    return writeFileAtomically(folder / "preprocessor_config.json", original.preprocessor->dump(2) + "\n");
}

}  // namespace vitrine
