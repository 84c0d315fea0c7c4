#include "core/engine/cloud_command.h"
#include "core/engine/engine_loader.h"
#include "core/engine/evaluate_command.h"
#include "core/engine/fidelity_command.h"
#include "core/engine/fit_command.h"
#include "core/engine/language_commands.h"
#include "core/engine/merging_command.h"
#include "core/engine/puzzle_command.h"
#include "core/engine/segment_command.h"
#include "core/engine/statistics_command.h"

namespace vitrine {
namespace {

constexpr const char* kModelArgument =
    R"({"type": "string", "minLength": 1, "description": "model folder or weight file"})";

Json object(const char* properties, const char* required = "[]") {
    Json schema = Json::parse(
        fmt::format(R"({{"type": "object", "required": {}, "properties": {}}})", required, properties));
    const Json common = Json::parse(R"({
      "device": {"type": "string", "default": "cpu", "description": "cpu, cuda or cuda:N"},
      "dtype": {"type": "string", "enum": ["float32", "bfloat16"], "default": "float32", "description": "element type to compute in"}})");
    for (const auto& [name, property] : common.items())
        schema["properties"][name] = property;
    return schema;
}

void declareVerify(CommandRegistry& registry) {
    CommandSpec spec;
    spec.name = "verify";
    spec.summary = "Compare models, tokenizers and numeric formats with their reference outputs";
    spec.arguments = object(R"({
      "folders": {"type": "array", "minItems": 1, "items": {"type": "string"}, "description": "folders with meta.json, inputs and expected outputs"},
      "all": {"type": "boolean", "default": false, "description": "print every tensor, not only the worst of each computation"}})",
                            R"(["folders"])");
    spec.positional = {"folders"};
    spec.home = CommandHome::Engine;
    spec.help = "Exit code 1 if anything differs by more than its tolerance, 2 if a family is unknown.";
    registry.declare(std::move(spec));
}

// clang-format off
constexpr const char* kMapArguments = R"json({
  "image": {"type": "string", "minLength": 1, "description": "picture"},
  "model": {"type": "string", "minLength": 1, "description": "model folder or weight file"},
  "kind": {"type": "string", "default": "pca", "description": "what to show",
           "enum": ["image", "model-input", "pca", "similarity", "attention", "rollout", "norms", "channel", "clusters", "disagreement", "text", "correspondence"]},
  "output": {"type": "string", "default": "map.png", "description": "picture to write: .png, .jpg, .tif or .exr"},
  "layer": {"type": "integer", "minimum": -1, "default": -1, "description": "hidden state; -1: the final features"},
  "adaptor": {"type": "string", "default": "", "description": "adaptor head; empty: backbone"},
  "resolution": {"type": "integer", "minimum": 0, "maximum": 8192, "default": 0, "description": "model pixels of the short side; 0: what the model prefers"},
  "upsampler": {"type": "string", "default": "jbu", "minLength": 1, "description": "how the map is enlarged: a name of `vitrine upsamplers`, the folder of an upsampler trained for this model (FeatSharp), or the file of a fit"},
  "size": {"type": "integer", "minimum": 0, "maximum": 8192, "default": 512, "description": "pixels of the map's long side"},
  "x": {"type": "number", "default": 0.5, "minimum": 0, "maximum": 1, "description": "probe, as a share of the picture's width"},
  "y": {"type": "number", "default": 0.5, "minimum": 0, "maximum": 1, "description": "probe, as a share of the picture's height"},
  "head": {"type": "integer", "default": -1, "minimum": -1, "description": "attention head; -1: mean"},
  "channel": {"type": "integer", "default": 0, "minimum": 0, "description": "feature channel"},
  "component": {"type": "integer", "default": 0, "minimum": 0, "description": "first of the three principal components"},
  "clusters": {"type": "integer", "default": 6, "minimum": 2, "maximum": 64, "description": "number of clusters"},
  "other": {"type": "string", "default": "", "description": "second model for disagreement, second picture for correspondence"},
  "text": {"type": "string", "default": "", "description": "what a text map looks for"},
  "colors": {"type": "string", "default": "viridis", "enum": ["viridis", "magma", "turbo", "cividis", "grey", "coolwarm"], "description": "colours of scalar maps"}
})json";
// clang-format on

void declareMap(CommandRegistry& registry) {
    CommandSpec spec;
    spec.name = "map";
    spec.summary = "Make one picture of what a model sees: PCA, similarity, attention, norms, clusters, ...";
    spec.arguments = object(kMapArguments, R"(["image", "model"])");
    spec.positional = {"image", "model"};
    spec.home = CommandHome::Engine;
    registry.declare(std::move(spec));
}

void declareUpsamplers(CommandRegistry& registry) {
    CommandSpec spec;
    spec.name = "upsamplers";
    spec.summary = "List the ways to enlarge feature maps, with those of plugins";
    spec.arguments = Json::parse(R"({"type": "object", "properties": {}})");
    spec.home = CommandHome::Engine;
    registry.declare(std::move(spec));
}

void declareModelCommands(CommandRegistry& registry) {
    CommandSpec families;
    families.name = "model.families";
    families.summary = "List the model families that can be loaded";
    families.arguments = Json::parse(R"({"type": "object", "properties": {}})");
    families.home = CommandHome::Engine;
    registry.declare(std::move(families));

    CommandSpec info;
    info.name = "model.info";
    info.summary = "Load a model and say what it takes and gives: sizes, layers, adaptors, preprocessing";
    info.arguments = object(fmt::format(R"({{"path": {}}})", kModelArgument).c_str(), R"(["path"])");
    info.positional = {"path"};
    info.home = CommandHome::Engine;
    registry.declare(std::move(info));

    CommandSpec classify;
    classify.name = "classify";
    classify.summary = "Classify pictures with a model that has a classification head";
    classify.arguments = object(fmt::format(R"({{
      "model": {},
      "images": {{"type": "array", "minItems": 1, "items": {{"type": "string"}}, "description": "pictures or folders"}},
      "top": {{"type": "integer", "minimum": 1, "maximum": 1000, "default": 5, "description": "classes to list"}}}})",
                                            kModelArgument)
                                    .c_str(),
                                R"(["model", "images"])");
    classify.positional = {"model", "images"};
    classify.home = CommandHome::Engine;
    registry.declare(std::move(classify));
}

void declareInspect(CommandRegistry& registry) {
    CommandSpec spec;
    spec.name = "inspect";
    spec.summary = "The main job: encode pictures, keep maps and statistics in the project, write a report";
    spec.arguments = object(R"({
      "inputs": {"type": "array", "minItems": 1, "items": {"type": "string"}, "description": "pictures, folders of pictures and models, in any order"},
      "resolution": {"type": "integer", "minimum": 0, "maximum": 8192, "default": 0, "description": "model pixels of the short side; 0: what the model prefers"},
      "limit": {"type": "integer", "minimum": 1, "default": 12, "description": "pictures to take at most"},
      "layer": {"type": "integer", "minimum": -1, "default": -1, "description": "hidden state; -1: the final features"}})",
                            R"(["inputs"])");
    spec.positional = {"inputs"};
    spec.home = CommandHome::Engine;
    registry.declare(std::move(spec));
}

}  // namespace

void declareEngineCommands(CommandRegistry& registry) {
    declareAnalysisCommands(registry);
    declareVerify(registry);
    declareMap(registry);
    declareUpsamplers(registry);
    declareModelCommands(registry);
    declareInspect(registry);
    declareCloudCommand(registry);
    declareEvaluateCommand(registry);
    declareFidelityCommand(registry);
    declareFitCommand(registry);
    declareMergingCommand(registry);
    declareLanguageCommands(registry);
    declarePuzzleCommand(registry);
    declareSegmentCommand(registry);
    declareStatisticsCommand(registry);
}

}  // namespace vitrine
