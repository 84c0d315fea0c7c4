#include "core/engine/analysis_commands.h"

#include "core/base/file.h"
#include "core/engine/analysis_output.h"
#include "core/engine/picture_labels.h"
#include "core/engine/picture_list.h"
#include "core/media/image_writer.h"

#include <sstream>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

// Where results go. Checked before the pictures are encoded, not after.
struct OutputFile {
    fs::path path;  // empty: nothing is written

    static Result<OutputFile> from(const Json& arguments, bool withPicture) {
        OutputFile file{arguments["output"].get<std::string>()};
        if (file.path.empty())
            return file;
        const std::string extension = file.path.extension().string();
        if (extension != ".csv" && !(withPicture && extension == ".png") && !extension.empty())
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("results are not written as \"{}\"", extension), file.path.string(),
                        withPicture ? "Use .png: the numbers go beside it as .csv" : "Use .csv");
        std::error_code problem;
        if (const fs::path folder = file.path.parent_path();
            !folder.empty() && !fs::is_directory(folder, problem))
            return fail(ErrorCode::NotFound, "there is no such folder to write to", folder.string(),
                        "Make it first");
        if (fs::is_directory(file.path, problem))
            return fail(ErrorCode::InvalidArgument, "this is a folder, not a file to write",
                        file.path.string());
        return file;
    }
    Result<void> write(const std::string& csv, CommandOutput& output) const {
        return path.empty() ? Result<void>{}
                            : note(".csv", output, writeFileAtomically(withExtension(".csv"), csv));
    }
    Result<void> write(const HeatMapPicture& picture, CommandOutput& output) const {
        if (path.empty())
            return {};
        VITRINE_TRY(const Image image, drawHeatMap(picture));
        return note(".png", output, writeImage(withExtension(".png"), image));
    }

  private:
    fs::path withExtension(const char* extension) const {
        return fs::path(path).replace_extension(extension);
    }
    Result<void> note(const char* extension, CommandOutput& output, Result<void> written) const {
        if (!written)
            return written;
        output.data["files"].push_back(withExtension(extension).string());
        output.text += fmt::format("{}\n", withExtension(extension).string());
        return {};
    }
};

Result<PictureSet> pictureSet(const Json& arguments, JobContext& job) {
    VITRINE_TRY(const auto pictures,
                listPictures(arguments["images"].get<std::vector<std::string>>(),
                             {.recursive = arguments["recursive"], .limit = arguments["limit"]}, &job));
    PictureSet set;
    for (const fs::path& picture : pictures)
        set.paths.push_back(picture.string());
    set.resolution = arguments["resolution"];
    set.batchSize = arguments["batch"];
    return set;
}

Result<LoadedModel> modelOf(const Json& arguments, const char* key, InspectEngine& engine, JobContext& job) {
    return engine.loadModel(arguments[key].get<std::string>(), arguments["device"], arguments["dtype"], job);
}

Result<CommandOutput> compare(const Json& arguments, CommandContext& context, InspectEngine& engine) {
    VITRINE_TRY(const OutputFile file, OutputFile::from(arguments, true));
    CompareRequest request;
    VITRINE_TRY(request.pictures, pictureSet(arguments, context.job));
    VITRINE_TRY(const LoadedModel first, modelOf(arguments, "model", engine, context.job));
    VITRINE_TRY(const LoadedModel second, modelOf(arguments, "other", engine, context.job));
    request.modelId = first.id;
    request.otherId = second.id;
    request.samples = arguments["samples"] == "places" ? CkaSamples::Places : CkaSamples::Pictures;
    request.placesPerSide = arguments["places"];
    VITRINE_TRY(const LayerComparison result, engine.analysis().compare(request, context.job));
    CommandOutput output = outputOf(result, first.info.name, second.info.name);
    HeatMapPicture picture = heatMapOf(result, first.info.name, second.info.name);
    picture.colors = colorMapFromName(arguments["colors"].get<std::string>());
    VITRINE_TRY_VOID(file.write(picture, output));
    VITRINE_TRY_VOID(file.write(csvOf(result), output));
    return output;
}

Result<CommandOutput> rank(const Json& arguments, CommandContext& context, InspectEngine& engine) {
    VITRINE_TRY(const OutputFile file, OutputFile::from(arguments, false));
    RankRequest request;
    VITRINE_TRY(request.pictures, pictureSet(arguments, context.job));
    VITRINE_TRY(const LoadedModel model, modelOf(arguments, "model", engine, context.job));
    request.modelId = model.id;
    request.tokenLimit = arguments["tokens"];
    request.viewCount = arguments["views"];
    request.seed = arguments["seed"];
    VITRINE_TRY(const LayerRanks result, engine.analysis().rank(request, context.job));
    CommandOutput output = outputOf(result);
    VITRINE_TRY_VOID(file.write(csvOf(result), output));
    return output;
}

Result<CommandOutput> pattern(const Json& arguments, CommandContext& context, InspectEngine& engine) {
    VITRINE_TRY(const OutputFile file, OutputFile::from(arguments, true));
    PatternRequest request;
    VITRINE_TRY(request.pictures, pictureSet(arguments, context.job));
    VITRINE_TRY(const LoadedModel model, modelOf(arguments, "model", engine, context.job));
    request.modelId = model.id;
    request.layer = arguments["layer"];
    request.adaptor = arguments["adaptor"];
    request.outlierThreshold = arguments["threshold"];
    VITRINE_TRY(const FixedPatternResult result, engine.analysis().pattern(request, context.job));
    CommandOutput output = outputOf(result);
    VITRINE_TRY_VOID(file.write(heatMapOf(result, model.info.name), output));
    VITRINE_TRY_VOID(file.write(csvOf(result), output));
    return output;
}

Result<CommandOutput> neighbors(const Json& arguments, CommandContext& context, InspectEngine& engine) {
    VITRINE_TRY(const OutputFile file, OutputFile::from(arguments, false));
    NeighborRequest request;
    VITRINE_TRY(request.pictures, pictureSet(arguments, context.job));
    request.queries = arguments["query"].get<std::vector<std::string>>();
    request.count = arguments["k"];
    request.voters = arguments["voters"];
    request.temperature = arguments["temperature"];
    if (arguments["labels"] == "folders") {
        request.labels = labelsFromFolders(request.pictures.paths);
    } else if (arguments["labels"] != "") {
        VITRINE_TRY(request.labels, labelsFromCsv(arguments["labels"].get<std::string>(),
                                                  arguments["labelColumn"], request.pictures.paths));
    }
    VITRINE_TRY(const LoadedModel model, modelOf(arguments, "model", engine, context.job));
    request.modelId = model.id;
    VITRINE_TRY(const NeighborLists result, engine.analysis().neighbors(request, context.job));
    // Who asks for an accuracy over thousands of pictures does not want them listed as well.
    CommandOutput output = outputOf(result, !request.queries.empty() || request.labels.empty());
    VITRINE_TRY_VOID(file.write(csvOf(result), output));
    return output;
}

std::string trimmed(const std::string& text) {
    const size_t first = text.find_first_not_of(" \t\r"), last = text.find_last_not_of(" \t\r");
    return first == std::string::npos ? std::string() : text.substr(first, last - first + 1);
}

void addPieces(const std::string& text, char separator, std::vector<std::string>& classes) {
    std::istringstream pieces(text);
    for (std::string piece; std::getline(pieces, piece, separator);)
        if (const std::string name = trimmed(piece); !name.empty())
            classes.push_back(name);
}

// Requests say "classes" and "templates"; who types the command knows the options.
Error zeroShotOption(Error error) {
    if (error.where == "classes")
        error.where = "--classes";
    else if (error.where == "templates")
        error.where = "--template";
    return error;
}

Result<CommandOutput> zeroShot(const Json& arguments, CommandContext& context, InspectEngine& engine) {
    VITRINE_TRY(const OutputFile file, OutputFile::from(arguments, false));
    ZeroShotRequest request;
    for (const std::string& text : arguments["classes"].get<std::vector<std::string>>())
        addPieces(text, ',', request.classes);
    if (const std::string path = arguments["classFile"]; !path.empty()) {
        VITRINE_TRY(const std::string text, readFile(path, size_t(16) << 20));
        addPieces(text, '\n', request.classes);
    }
    request.templates = arguments["template"].get<std::vector<std::string>>();
    VITRINE_TRY(request.pictures, pictureSet(arguments, context.job));
    VITRINE_TRY(const LoadedModel model, modelOf(arguments, "model", engine, context.job));
    request.modelId = model.id;
    const Result<ZeroShotTable> result = engine.analysis().zeroShot(request, context.job);
    if (!result)
        return fail(zeroShotOption(result.error()));
    CommandOutput output = outputOf(*result, arguments["top"]);
    VITRINE_TRY_VOID(file.write(csvOf(*result), output));
    return output;
}

}  // namespace

void bindAnalysisCommands(CommandRegistry& registry, InspectEngine& engine) {
    const auto bind = [&](const char* name, auto handler) {
        registry.bind(name, [&engine, handler](const Json& arguments, CommandContext& context) {
            return handler(arguments, context, engine);
        });
    };
    bind("compare", compare);
    bind("rank", rank);
    bind("pattern", pattern);
    bind("neighbors", neighbors);
    bind("zeroshot", zeroShot);
}

}  // namespace vitrine
