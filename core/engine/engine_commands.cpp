#include "core/engine/engine_commands.h"

#include "core/commands/text_table.h"
#include "core/engine/analysis_commands.h"
#include "core/engine/cloud_command.h"
#include "core/engine/evaluate_command.h"
#include "core/engine/fidelity_command.h"
#include "core/engine/language_commands.h"
#include "core/engine/language_store.h"
#include "core/engine/map_names.h"
#include "core/engine/merging_command.h"
#include "core/engine/model_store.h"
#include "core/engine/picture_encoder.h"
#include "core/engine/picture_list.h"
#include "core/engine/segment_command.h"
#include "core/engine/statistics_command.h"
#include "core/engine/verify.h"
#include "core/media/image_reader.h"
#include "core/media/image_writer.h"

#include <algorithm>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

// --- verify
// -------------------------------------------------------------------------------------------------------

std::string stateOf(const VerifyRow& row) {
    return row.skipped ? "skipped" : row.passed ? "ok" : "DIFFERS";
}

// Rows to print: the worst of each computation, and everything that failed.
std::vector<const VerifyRow*> rowsToPrint(const std::vector<VerifyRow>& rows, bool all) {
    std::vector<const VerifyRow*> chosen;
    std::map<std::string, const VerifyRow*> worst;
    const auto share = [](const VerifyRow& row) {
        return row.tolerance > 0 ? row.maxError / row.tolerance : row.maxError;
    };
    for (const VerifyRow& row : rows) {
        const VerifyRow*& seen = worst[row.call];
        if (!seen || share(row) > share(*seen))
            seen = &row;
    }
    for (const VerifyRow& row : rows)
        if (all || !row.passed || worst[row.call] == &row)
            chosen.push_back(&row);
    return chosen;
}

Json rowJson(const VerifyRow& row) {
    return {{"call", row.call},           {"tensor", row.tensor},
            {"shape", row.shape},         {"state", row.skipped ? "skipped" : row.passed ? "ok" : "differs"},
            {"maxError", row.maxError},   {"errorPerStd", row.errorPerStd},
            {"tolerance", row.tolerance}, {"note", row.note}};
}

Result<CommandOutput> verify(const Json& arguments, CommandContext& context) {
    VITRINE_TRY(const at::Device device, deviceFromName(arguments["device"]));
    VITRINE_TRY(const at::ScalarType dtype, dtypeFromTorchName(arguments["dtype"]));
    CommandOutput output;
    output.data["folders"] = Json::array();
    bool unknownFamily = false, differs = false;
    for (const std::string folder : arguments["folders"]) {
        const auto report = verifyFolder(folder, {device, dtype}, context.job);
        if (!report) {
            if (report.error().code == ErrorCode::Cancelled)
                return fail(report.error());
            unknownFamily |= report.error().code == ErrorCode::UnknownFamily;
            differs |= report.error().code != ErrorCode::UnknownFamily;
            output.text += fmt::format("{}\n  {}\n\n", folder, report.error().text());
            output.data["folders"].push_back({{"folder", folder},
                                              {"error", report.error().text()},
                                              {"code", errorCodeName(report.error().code)}});
            continue;
        }
        differs |= report->failedCount() > 0;
        TextTable table;
        table.header = {"computation", "tensor",    "shape", "largest error",
                        "per std",     "tolerance", "",      "note"};
        table.rightAligned = {false, false, false, true, true, true};
        for (const VerifyRow* row : rowsToPrint(report->rows, arguments["all"]))
            table.rows.push_back({row->call, row->tensor, row->shape, fmt::format("{:.3g}", row->maxError),
                                  fmt::format("{:.2g}", row->errorPerStd),
                                  row->tolerance > 0 ? fmt::format("{:.3g}", row->tolerance) : "equal",
                                  stateOf(*row), row->note});
        output.text +=
            fmt::format("{} ({})\n{}{} compared, {} ok, {} differ{}\n\n", folder, report->family,
                        table.text(), report->rows.size(), report->passedCount(), report->failedCount(),
                        report->skippedCount() ? fmt::format(", {} skipped", report->skippedCount()) : "");
        Json rows = Json::array();
        for (const VerifyRow& row : report->rows)
            rows.push_back(rowJson(row));
        output.data["folders"].push_back({{"folder", folder},
                                          {"family", report->family},
                                          {"passed", report->passedCount()},
                                          {"failed", report->failedCount()},
                                          {"skipped", report->skippedCount()},
                                          {"rows", std::move(rows)}});
    }
    output.exitCode = unknownFamily ? 2 : differs ? 1 : 0;
    return output;
}

// --- map
// ----------------------------------------------------------------------------------------------------------

ImageSize fittingSize(ImageSize picture, int64_t longSide) {
    const double scale = double(longSide) / double(std::max(picture.width, picture.height));
    return {std::max<int64_t>(1, std::llround(double(picture.width) * scale)),
            std::max<int64_t>(1, std::llround(double(picture.height) * scale))};
}

// Places in pixels of the picture as loaded.
void appendRanked(const std::vector<RankedPatch>& patches, CommandOutput& output) {
    if (patches.empty())
        return;
    TextTable table;
    table.header = {"rank", "left", "top", "right", "bottom", "error"};
    for (const RankedPatch& patch : patches) {
        table.rows.push_back(
            {fmt::format("{}", table.rows.size() + 1), fmt::format("{:.0f}", patch.topLeft.x),
             fmt::format("{:.0f}", patch.topLeft.y), fmt::format("{:.0f}", patch.bottomRight.x),
             fmt::format("{:.0f}", patch.bottomRight.y), fmt::format("{:.3g}", patch.value)});
        output.data["ranked"].push_back(
            {{"box", {patch.topLeft.x, patch.topLeft.y, patch.bottomRight.x, patch.bottomRight.y}},
             {"value", patch.value}});
    }
    output.text += table.text();
}

Result<CommandOutput> map(const Json& arguments, CommandContext& context, InspectEngine& engine) {
    const std::string image = arguments["image"], other = arguments["other"];
    VITRINE_TRY(const LoadedModel model,
                engine.loadModel(arguments["model"].get<std::string>(), arguments["device"],
                                 arguments["dtype"], context.job));
    VITRINE_TRY(const ImageHeader header, readImageHeader(image));
    MapRequest request;
    VITRINE_TRY(request.kind, mapKindFromName(arguments["kind"]));
    request.upsampler = arguments["upsampler"];
    request.source.modelId = model.id;
    request.source.imagePath = image;
    request.source.layer = arguments["layer"];
    request.source.adaptor = arguments["adaptor"];
    request.source.resolution = arguments["resolution"];
    request.pca.firstComponent = arguments["component"];
    request.head = arguments["head"];
    request.channel = arguments["channel"];
    request.clusterCount = arguments["clusters"];
    request.text = arguments["text"];
    if (arguments["size"].get<int64_t>() > 0)
        request.outputSize = fittingSize(header.size, arguments["size"]);
    request.probe = Probe{image,
                          {arguments["x"].get<double>() * double(header.size.width),
                           arguments["y"].get<double>() * double(header.size.height)}};
    if (request.kind == MapKind::Disagreement || request.kind == MapKind::Correspondence) {
        if (other.empty())
            return fail(ErrorCode::InvalidArgument, "this map compares with something else", "--other",
                        request.kind == MapKind::Disagreement ? "Give a second model folder"
                                                              : "Give a second picture");
        request.other = request.source;
        if (request.kind == MapKind::Correspondence) {
            request.other.imagePath = other;
        } else {
            VITRINE_TRY(const LoadedModel second,
                        engine.loadModel(other, arguments["device"], arguments["dtype"], context.job));
            request.other.modelId = second.id;
            request.other.layer = -1;
            request.other.trainedUpsampler.clear();
        }
    }
    VITRINE_TRY(const MapResult result, engine.render(request, context.job));
    const fs::path file = arguments["output"].get<std::string>();
    VITRINE_TRY_VOID(
        writeImage(file, pictureOfMap(result, colorMapFromName(arguments["colors"].get<std::string>()))));
    CommandOutput output;
    output.data = {{"file", file.string()},
                   {"low", result.displayRange().low},
                   {"high", result.displayRange().high},
                   {"unit", result.unit},
                   {"milliseconds", result.milliseconds},
                   {"upsamplingMilliseconds", result.upsamplingMilliseconds},
                   {"provenance", result.provenance}};
    output.text = fmt::format("{}  ({:.0f} ms, of those upsampling {:.0f} ms)\n", file.string(),
                              result.milliseconds, result.upsamplingMilliseconds);
    appendRanked(result.ranked, output);
    return output;
}

Result<CommandOutput> upsamplers(const Json&, CommandContext&) {
    CommandOutput output;
    TextTable table;
    table.header = {"upsampler", "linear", "what"};
    output.data["upsamplers"] = Json::array();
    for (const UpsamplerEntry& entry : upsamplerList()) {
        table.rows.push_back({entry.name, entry.linear ? "yes" : "no", entry.summary});
        output.data["upsamplers"].push_back(
            {{"name", entry.name}, {"summary", entry.summary}, {"linear", entry.linear}});
    }
    output.text = table.text();
    return output;
}

// --- models
// -------------------------------------------------------------------------------------------------------

Result<CommandOutput> families(const Json&, CommandContext&) {
    CommandOutput output;
    TextTable table;
    table.header = {"family", "what"};
    for (const ModelFamily& family : ModelFamilies::instance().all()) {
        table.rows.push_back({family.name, family.summary});
        output.data["families"].push_back({{"name", family.name}, {"summary", family.summary}});
    }
    output.text = table.text();
    return output;
}

CommandOutput tableOf(Json data) {
    CommandOutput output;
    TextTable table;
    table.header = {"", ""};
    for (const auto& [key, value] : data.items())
        table.rows.push_back({key, value.is_string() ? value.get<std::string>() : value.dump()});
    output.text = table.text();
    output.data = std::move(data);
    return output;
}

Result<CommandOutput> modelInfo(const Json& arguments, CommandContext&) {
    VITRINE_TRY(const auto language, describeLanguageModel(arguments["path"].get<std::string>()));
    if (language)
        return tableOf(*language);
    ModelStore store;
    VITRINE_TRY(const StoredModel* stored,
                store.load(arguments["path"].get<std::string>(), arguments["device"], arguments["dtype"]));
    const EncoderInfo& info = stored->description.info;
    return tableOf({{"path", stored->description.path},
                    {"identity", stored->description.identity},
                    {"family", info.family},
                    {"name", info.name},
                    {"parameters", info.parameterCount},
                    {"patchSize", info.patchSize},
                    {"sizeMultiple", info.sizeMultiple},
                    {"preferredHeight", info.preferredHeight},
                    {"preferredWidth", info.preferredWidth},
                    {"fixedSize", info.fixedSize},
                    {"layers", info.layerCount},
                    {"heads", info.headCount},
                    {"prefixTokens", info.prefixTokenCount},
                    {"featureWidth", info.featureWidth},
                    {"summaryWidth", info.summaryWidth},
                    {"adaptors", info.adaptors},
                    {"text", info.hasText},
                    {"classifier", stored->model->classifier() != nullptr},
                    {"preprocessing", stored->preprocess.typeName}});
}

Result<CommandOutput> classify(const Json& arguments, CommandContext& context) {
    ModelStore store;
    VITRINE_TRY(const StoredModel* stored,
                store.load(arguments["model"].get<std::string>(), arguments["device"], arguments["dtype"]));
    const ImageClassifier* classifier = stored->model->classifier();
    if (!classifier)
        return fail(ErrorCode::Unsupported, "this model has no classification head",
                    stored->description.path);
    VITRINE_TRY(const auto pictures,
                listPictures(arguments["images"].get<std::vector<std::string>>(), {}, &context.job));
    CommandOutput output;
    output.data["pictures"] = Json::array();
    TextTable table;
    table.header = {"picture", "class", "probability"};
    table.rightAligned = {false, true, true};
    context.job.beginStage("classifying", int64_t(pictures.size()));
    for (const fs::path& path : pictures) {
        VITRINE_TRY_VOID(context.job.checkStop());
        VITRINE_TRY(const Image image, readImage(path));
        // As trained: resize and crop exactly as the preprocessing says.
        VITRINE_TRY(const PreprocessedImage input, preprocess(image, stored->preprocess));
        const at::Tensor pixels = at::from_blob(const_cast<float*>(input.pixels.data()),
                                                {1, 3, input.height, input.width}, at::kFloat)
                                      .to(stored->device, stored->dtype);
        VITRINE_TRY(const at::Tensor logits, classifier->classify(pixels));
        const at::Tensor probabilities = logits[0].to(at::kFloat).softmax(0).cpu();
        const auto [values, classes] =
            probabilities.topk(std::min(arguments["top"].get<int64_t>(), probabilities.numel()));
        Json best = Json::array();
        for (int64_t i = 0; i < values.numel(); ++i) {
            best.push_back({{"class", classes[i].item<int64_t>()}, {"probability", values[i].item<float>()}});
            table.rows.push_back({i == 0 ? path.filename().string() : "",
                                  std::to_string(classes[i].item<int64_t>()),
                                  fmt::format("{:.3f}", values[i].item<float>())});
        }
        output.data["pictures"].push_back({{"picture", path.string()}, {"top", std::move(best)}});
        context.job.advance();
    }
    output.text = table.text();
    return output;
}

}  // namespace

void bindEngineCommands(CommandRegistry& registry, InspectEngine& engine) {
    bindInspectCommand(registry);
    bindAnalysisCommands(registry, engine);
    bindCloudCommand(registry);
    bindEvaluateCommand(registry);
    bindFidelityCommand(registry);
    bindMergingCommand(registry);
    bindLanguageCommands(registry);
    bindSegmentCommand(registry);
    bindStatisticsCommand(registry);
    registry.bind("verify", verify);
    registry.bind("model.families", families);
    registry.bind("model.info", modelInfo);
    registry.bind("classify", classify);
    registry.bind("upsamplers", upsamplers);
    registry.bind("map", [&engine](const Json& arguments, CommandContext& context) {
        return map(arguments, context, engine);
    });
}

}  // namespace vitrine
