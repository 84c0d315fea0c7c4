#include "core/commands/text_table.h"
#include "core/engine/engine_commands.h"
#include "core/engine/map_names.h"
#include "core/media/image_reader.h"
#include "core/media/image_writer.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

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

}  // namespace

void bindMapCommands(CommandRegistry& registry, InspectEngine& engine) {
    registry.bind("upsamplers", upsamplers);
    registry.bind("map", [&engine](const Json& arguments, CommandContext& context) {
        return map(arguments, context, engine);
    });
}

}  // namespace vitrine
