#include "core/models/featup/implicit_file.h"

#include "core/base/hash.h"
#include "core/models/config_reader.h"
#include "core/nn/weights.h"

#include <fmt/ranges.h>

namespace vitrine::featup {
namespace {

constexpr const char* kMetadata = "featup_implicit";
constexpr int64_t kMostPixels = 1 << 15;  // a side

}  // namespace

Json ImplicitFacts::toJson() const {
    return {{"outputs", network.outputs},
            {"frequencies", network.frequencies},
            {"hidden", network.hidden},
            {"encoder", encoderName},
            {"encoder_identity", encoderIdentity},
            {"feature_width", featureWidth},
            {"patch_size", patchSize},
            {"width", width},
            {"height", height},
            {"cell", cell},
            {"picture", picture},
            {"settings", settings},
            {"report", report}};
}

Result<ImplicitFacts> ImplicitFacts::fromJson(const Json& json, const std::string& where) {
    ImplicitFacts facts;
    ConfigReader reader(json, where);
    facts.network.outputs = reader.count("outputs", 0);
    facts.network.frequencies = reader.count("frequencies", 0, 1, 1024);
    facts.network.hidden = reader.count("hidden", 0, 1, 1 << 14);
    facts.encoderName = reader.text("encoder", "");
    facts.encoderIdentity = reader.text("encoder_identity", "");
    facts.featureWidth = reader.count("feature_width", 0);
    facts.patchSize = reader.count("patch_size", 0, 1, 1024);
    facts.width = reader.count("width", 0, 1, kMostPixels);
    facts.height = reader.count("height", 0, 1, kMostPixels);
    facts.cell = reader.count("cell", 0, 1, 1024);
    facts.picture = reader.text("picture", "");
    VITRINE_TRY_VOID(reader.finish());
    const auto bad = [&](const std::string& message) { return fail(ErrorCode::InvalidFile, message, where); };
    for (const char* key : {"outputs", "frequencies", "hidden", "feature_width", "patch_size", "width",
                            "height", "cell", "picture"})
        if (!reader.has(key))
            return bad(fmt::format("the fit does not say its \"{}\"", key));
    if (facts.width % facts.cell != 0 || facts.height % facts.cell != 0)
        return bad(
            fmt::format("cells of {} pixels do not divide {} x {}", facts.cell, facts.width, facts.height));
    for (const auto& [key, part] :
         {std::pair("settings", &facts.settings), std::pair("report", &facts.report)})
        if (json.contains(key) && json[key].is_object())
            *part = json[key];
    return facts;
}

std::string pictureStamp(const at::Tensor& picture) {
    const at::Tensor plain = picture.to(at::kCPU, at::kFloat).contiguous();
    Sha256 hash;
    hash.update(fmt::format("{}", fmt::join(plain.sizes(), "x")));
    hash.update(std::span(static_cast<const std::byte*>(plain.const_data_ptr()), plain.nbytes()));
    return hash.hexDigest();
}

bool looksLikeImplicit(const ModelFolder& folder) {
    return folder.weights && folder.weights->metadata().contains(kMetadata);
}

Result<ImplicitFacts> implicitFactsFrom(const ModelFolder& folder) {
    const std::string where = fmt::format("{} of {}", kMetadata, folder.path.filename().string());
    VITRINE_TRY(const Json json, parseJson(folder.weights->metadata().at(kMetadata), where));
    VITRINE_TRY(const ImplicitFacts facts, ImplicitFacts::fromJson(json, where));
    // Before memory is taken for what the file only claims to hold.
    const ImplicitConfig& network = facts.network;
    for (const auto& [name, shape] :
         {std::pair("basis.components", std::vector<int64_t>{network.outputs, facts.featureWidth}),
          std::pair("network.layer1.weight", std::vector<int64_t>{network.hidden, network.inputs(), 1, 1})}) {
        const TensorInfo* stored = folder.weights->find(name);
        if (!stored || stored->shape != shape)
            return fail(ErrorCode::ShapeMismatch,
                        fmt::format("the fit calls for shape [{}], the file has {}", fmt::join(shape, ", "),
                                    stored ? stored->shapeText() : "no such tensor"),
                        name);
    }
    return facts;
}

Result<void> writeImplicit(const std::filesystem::path& file, const ImplicitFacts& facts,
                           const ImplicitNetwork& network, const ImplicitBasis& basis,
                           const at::Tensor& encoderMean) {
    std::map<std::string, at::Tensor> tensors{{"basis.mean", basis.mean},
                                              {"basis.components", basis.components},
                                              {"basis.scale", basis.scale},
                                              {"encoder.mean", encoderMean}};
    for (const auto& entry : network.named_parameters())
        tensors["network." + entry.key()] = entry.value().detach();
    return writeTensors(file, tensors, {{"format", "pt"}, {kMetadata, facts.toJson().dump()}});
}

}  // namespace vitrine::featup
