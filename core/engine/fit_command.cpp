#include "core/engine/fit_command.h"

#include "core/base/file.h"
#include "core/engine/implicit_fits.h"
#include "core/engine/picture_encoder.h"

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kCacheBytes = int64_t(256) << 20;

Result<ImplicitOptions> optionsOf(const Json& arguments) {
    Json settings = Json::object();
    const Json schema = implicitSettingsSchema();
    for (const auto& [name, property] : schema["properties"].items())
        settings[name] = arguments[name];
    return implicitOptionsFromSettings(settings);
}

Result<void> copyTo(const fs::path& from, const fs::path& to) {
    VITRINE_TRY(const std::string content, readFile(from));
    return writeFileAtomically(to, content);
}

Result<CommandOutput> fit(const Json& arguments, CommandContext& context) {
    VITRINE_TRY(const ImplicitOptions options, optionsOf(arguments));
    ModelStore models;
    context.job.beginStage("loading the encoder", 0);
    VITRINE_TRY(const StoredModel* model,
                models.load(arguments["model"].get<std::string>(), arguments["device"], arguments["dtype"]));
    PictureEncoder pictures(kCacheBytes);
    FeatureSource source;
    source.imagePath = arguments["image"];
    source.resolution = arguments["resolution"];
    VITRINE_TRY(const at::Tensor picture, pictures.modelInput(*model, source));
    CommandOutput output;
    const std::string name = implicitName(options);
    output.data = {{"upsampler", name}, {"settings", implicitSettings(options)}};
    if (arguments["cost"].get<bool>()) {
        VITRINE_TRY(const auto fitter, ImplicitFitter::create(options, implicitEncoderOf(*model), picture));
        VITRINE_TRY(const ImplicitCost cost, fitter->estimate());
        output.data["cost"] = {{"viewSeconds", cost.viewSeconds},
                               {"stepSeconds", cost.stepSeconds},
                               {"bytes", cost.targetBytes}};
        output.text = fmt::format("{} x {} pixels: {}\n", picture.size(3), picture.size(2), cost.text());
        return output;
    }
    VITRINE_TRY(const KeptFit kept,
                implicitFit(*model, implicitEncoderOf(*model), picture, options, context.job));
    output.data["file"] = kept.file.string();
    output.data["fittedNow"] = kept.fittedNow;
    output.data["report"] = kept.report;
    const Json& report = kept.report;
    output.text = fmt::format(
        "{}: views {:.0f} s, steps {:.0f} s; error of unseen views {:.3f} -> {:.3f} of their variance\n{} "
        "components "
        "hold {:.1f} % of the features' variance\n",
        kept.fittedNow ? "fitted" : "fitted before", report.value("view_seconds", 0.0),
        report.value("step_seconds", 0.0), report.value("unseen_before", 0.0),
        report.value("unseen_after", 0.0), report.value("components", 0),
        100 * report.value("explained", 0.0));
    fs::path file = kept.file;
    if (const std::string copy = arguments["output"]; !copy.empty()) {
        file = copy;
        VITRINE_TRY_VOID(copyTo(kept.file, file));
        output.data["copy"] = copy;
    }
    output.text += fmt::format("file: {}\nuse: --upsampler {}\n", file.string(), name);
    return output;
}

}  // namespace

void bindFitCommand(CommandRegistry& registry) {
    registry.bind("upsampler.fit", fit);
}

}  // namespace vitrine
