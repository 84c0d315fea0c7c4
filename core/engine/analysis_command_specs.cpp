// What the analysis commands take; their handlers are in analysis_commands.cpp.
#include "core/engine/engine_loader.h"

#include <fmt/format.h>

namespace vitrine {
namespace {

// Arguments that every analysis takes, after its own.
constexpr const char* kCommon = R"json({
  "recursive": {"type": "boolean", "default": false, "description": "pictures of folders below the given ones too"},
  "limit": {"type": "integer", "minimum": 0, "default": 0, "description": "pictures to take at most, evenly spread over the list; 0: all"},
  "resolution": {"type": "integer", "minimum": 0, "maximum": 8192, "default": 0, "description": "model pixels of the short side; 0: what the model prefers"},
  "batch": {"type": "integer", "minimum": 1, "maximum": 1024, "default": 8, "description": "pictures that go through the model together"},
  "device": {"type": "string", "default": "cpu", "description": "cpu, cuda or cuda:N"},
  "dtype": {"type": "string", "enum": ["float32", "bfloat16"], "default": "float32", "description": "element type to compute in"}})json";

constexpr const char* kModel =
    R"json({"type": "string", "minLength": 1, "description": "model folder or weight file"})json";
constexpr const char* kImages =
    R"json({"type": "array", "minItems": 1, "items": {"type": "string"}, "description": "pictures or folders of pictures"})json";
constexpr const char* kSkipped =
    "A picture that cannot be read is left out, counted and listed; exit code 3 if that leaves none. ";

// `properties`: pairs of JSON text; $MODEL and $IMAGES stand for the shared ones.
void declare(CommandRegistry& registry, const char* name, const char* summary, std::string properties,
             std::vector<std::string> positional, const std::string& help) {
    const auto put = [&](const char* mark, const char* text) {
        for (size_t at = properties.find(mark); at != std::string::npos; at = properties.find(mark))
            properties.replace(at, std::string_view(mark).size(), text);
    };
    put("$MODEL", kModel);
    put("$IMAGES", kImages);
    CommandSpec spec;
    spec.name = name;
    spec.summary = summary;
    spec.arguments = {{"type", "object"}, {"required", positional}, {"properties", Json::parse(properties)}};
    const Json common = Json::parse(kCommon);
    for (const auto& [key, property] : common.items())
        spec.arguments["properties"][key] = property;
    spec.positional = std::move(positional);
    spec.home = CommandHome::Engine;
    spec.help = kSkipped + help;
    registry.declare(std::move(spec));
}

void declareLayerCommands(CommandRegistry& registry) {
    declare(registry, "compare", "Compare the layers of two models: linear CKA of every pair, RankMe of each",
            R"json({
      "model": $MODEL,
      "other": {"type": "string", "minLength": 1, "description": "second model; the same one compares it with itself"},
      "images": $IMAGES,
      "samples": {"type": "string", "enum": ["places", "pictures"], "default": "places", "description": "what is compared: the same places of each picture, or means of whole pictures"},
      "places": {"type": "integer", "minimum": 1, "maximum": 64, "default": 8, "description": "places along each side of a picture"},
      "colors": {"type": "string", "default": "viridis", "enum": ["viridis", "magma", "turbo", "cividis", "grey", "coolwarm"], "description": "colours of the heat map"},
      "output": {"type": "string", "default": "", "description": "write the matrix as this name with .png (heat map) and .csv"}})json",
            {"model", "other", "images"},
            "CKA is the unbiased minibatch estimate (Nguyen et al. 2021): 1 for spaces equal up to rotation "
            "and scale, "
            "about 0 for unrelated ones.\n\n"
            "  vitrine compare models/dinov2 models/clip photos/ --output cka.png");
    declare(registry, "rank", "Measure how many directions each layer uses: RankMe, effective rank, LiDAR",
            R"json({
      "model": $MODEL,
      "images": $IMAGES,
      "tokens": {"type": "integer", "minimum": 2, "maximum": 65536, "default": 2048, "description": "patch features sampled of all pictures for RankMe and effective rank"},
      "views": {"type": "integer", "minimum": 0, "maximum": 64, "default": 4, "description": "augmented views of each picture for LiDAR (crop, flip, brightness, contrast); 0: without LiDAR"},
      "seed": {"type": "integer", "minimum": 0, "default": 0, "description": "of the sample and the views"},
      "output": {"type": "string", "default": "", "description": "CSV file to write"}})json",
            {"model", "images"},
            "RankMe: Garrido et al. 2023; effective rank: Roy and Vetterli 2007; LiDAR: Thilak et al. 2024, "
            "each picture "
            "with its views being a class. No rank can exceed the width, the number of samples, and for "
            "LiDAR the number "
            "of pictures minus one.\n\n"
            "  vitrine rank models/dinov2 photos/ --views 8 --seed 1");
    declare(registry, "pattern",
            "Find what a model puts at fixed places whatever it sees, and its outlier tokens", R"json({
      "model": $MODEL,
      "images": $IMAGES,
      "layer": {"type": "integer", "minimum": -1, "default": -1, "description": "hidden state; -1: the final features"},
      "adaptor": {"type": "string", "default": "", "description": "adaptor head; empty: backbone"},
      "threshold": {"type": "number", "exclusiveMinimum": 0, "default": 6, "description": "robust deviations of a token's norm from the median that make it an outlier"},
      "output": {"type": "string", "default": "", "description": "write the energy of each place as this name with .png and .csv"}})json",
            {"model", "images"},
            "Features are averaged over all pictures and their mean over places is taken off; the energy "
            "share of unrelated "
            "pictures alone would be 1 / pictures. Pictures are squeezed to squares of one size.\n\n"
            "  vitrine pattern models/dinov2 photos/ --output pattern.png");
}

void declarePictureCommands(CommandRegistry& registry) {
    declare(registry, "neighbors",
            "Find the pictures nearest to others by their summaries; kNN accuracy with labels", R"json({
      "model": $MODEL,
      "images": $IMAGES,
      "query": {"type": "array", "items": {"type": "string"}, "default": [], "description": "picture whose nearest are wanted (may be given again); none: each of the pictures"},
      "k": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 5, "description": "neighbours of each query"},
      "labels": {"type": "string", "default": "", "description": "classes of the pictures: a CSV file, or \"folders\" for the names of their folders"},
      "labelColumn": {"type": "string", "default": "", "description": "column of the CSV file; else \"label\", \"class\" or the second"},
      "voters": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 20, "description": "neighbours that vote for the accuracy"},
      "temperature": {"type": "number", "exclusiveMinimum": 0, "default": 0.07, "description": "a vote weighs exp(cosine / temperature)"},
      "output": {"type": "string", "default": "", "description": "CSV file to write"}})json",
            {"model", "images"},
            "The accuracy is that of weighted kNN, leave one out (Wu et al. 2018, with DINO's k = 20).\n\n"
            "  vitrine neighbors models/clip photos/ --query dog.jpg --k 5\n"
            "  vitrine neighbors models/clip cifar/ --recursive --labels folders");
    declare(registry, "zeroshot", "Say how well texts fit pictures, with CLIP or SigLIP", R"json({
      "model": $MODEL,
      "images": $IMAGES,
      "classes": {"type": "array", "items": {"type": "string"}, "default": [], "description": "classes, with commas between them; may be given again"},
      "classFile": {"type": "string", "default": "", "description": "file with one class a line"},
      "template": {"type": "array", "minItems": 1, "items": {"type": "string"}, "default": ["a photo of a {}."], "description": "sentence with {} for the class; several are averaged"},
      "top": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 5, "description": "classes to print for each picture"},
      "output": {"type": "string", "default": "", "description": "CSV file to write, with all classes"}})json",
            {"model", "images"},
            "Embeddings of the templates are normalised, averaged and normalised again. CLIP: softmax over "
            "the classes; "
            "SigLIP: sigmoid, each class on its own.\n\n"
            "  vitrine zeroshot models/clip photos/ --classes \"dog,truck\" --template \"a photo of a {}.\"");
}

}  // namespace

void declareAnalysisCommands(CommandRegistry& registry) {
    declareLayerCommands(registry);
    declarePictureCommands(registry);
}

}  // namespace vitrine
