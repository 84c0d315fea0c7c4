#include "core/engine/evaluate_command.h"

namespace vitrine {

// clang-format off
constexpr const char* kEvaluateArguments = R"json({"type": "object", "required": ["models"], "properties": {
  "models": {"type": "array", "minItems": 1, "items": {"type": "string"}, "description": "model folders or weight files"},
  "classification": {"type": "string", "default": "", "description": "folder with one folder of pictures for each class, or a CIFAR-10 .bin file"},
  "test": {"type": "string", "default": "", "description": "the same for testing; empty: every fifth picture of each class is kept for it"},
  "labels": {"type": "string", "default": "", "description": "CSV file with the classes of the pictures, in place of class folders"},
  "segmentation": {"type": "string", "default": "", "description": "folder with train, train_labels, test, test_labels and classes.csv"},
  "correspondence": {"type": "string", "default": "", "description": "picture or folder without labels: each picture is matched against known warps of itself"},
  "zeroShot": {"type": "boolean", "default": false, "description": "classify the classified pictures by the texts of their classes (all of them, or those of --test)"},
  "templates": {"type": "array", "minItems": 1, "items": {"type": "string"}, "default": ["a photo of a {}."], "description": "sentence with {} for the class (may be given again: they are averaged)"},
  "textModel": {"type": "string", "default": "", "description": "CLIP or SigLIP folder whose texts are read for models that have none"},
  "textAdaptor": {"type": "string", "default": "", "description": "adaptor head in the space of the text model; empty: the only one with clip or siglip in its name"},
  "imitation": {"type": "string", "default": "", "description": "picture or folder without labels: each adaptor head is compared with its teacher"},
  "teachers": {"type": "array", "items": {"type": "string"}, "default": [], "description": "ADAPTOR=MODEL, or ADAPTOR:LAYER=MODEL (may be given again): the teacher of each adaptor head"},
  "teacherResolution": {"type": "string", "default": "own", "description": "what teachers look at: own (the resolution that each prefers), pixels, or student (what the student sees, as in a distillation)"},
  "resolutions": {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 0, "maximum": 8192}, "default": [0], "description": "model pixels of the short side (may be given again); 0: what each model prefers"},
  "batch": {"type": "integer", "minimum": 1, "maximum": 1024, "default": 16, "description": "pictures that go through the model together"},
  "output": {"type": "string", "default": "", "description": "folder for the tables and the segmented pictures; empty: they stay in the project"},
  "device": {"type": "string", "default": "cpu", "description": "cpu, cuda or cuda:N"},
  "dtype": {"type": "string", "enum": ["float32", "bfloat16"], "default": "float32", "description": "element type to encode in"}}})json";
// clang-format on

void declareEvaluateCommand(CommandRegistry& registry) {
    CommandSpec spec;
    spec.name = "evaluate";
    spec.summary =
        "Measure frozen features: kNN, linear probe, zero-shot, segmentation probe, correspondence and error "
        "to teachers, several models side by side";
    spec.arguments = Json::parse(kEvaluateArguments);
    spec.positional = {"models"};
    spec.home = CommandHome::Engine;
    // A string of its own: GCC 12 warns falsely where a literal is assigned to one (its bug 105329).
    spec.help = std::string(
        "kNN: 20 neighbours by cosine, votes exp(cosine / 0.07). Linear probe: standardised vectors, one "
        "layer, AdamW. "
        "Segmentation: a 1x1 convolution on normalised features, bilinear to the picture; mean IoU over the "
        "classes. Correspondence: a picture against itself zoomed by 1.5, turned by 20 degrees, and both; "
        "share of "
        "places whose most similar place lies within one feature cell of the true one. "
        "Zero-shot: the class whose texts are nearest by cosine, read by CLIP and SigLIP themselves, by "
        "RADIO "
        "students through an adaptor head and the text model that it learned from. "
        "Imitation: share of the teacher's variance that an adaptor head explains (1 - squared error / "
        "variance), both maps on the coarser of their grids, the student at each of --resolutions, the "
        "teacher at its "
        "own: the curve of the error is the mode-switch plot. With --teacher-resolution student the teacher "
        "sees what the student sees, as in a distillation with that resolution: what its loss says. "
        "Everything is kept as a run of the project, which can be resumed.\n\n"
        "  vitrine evaluate resnet/ vit/ --classification train.bin --test test.bin\n"
        "  vitrine evaluate radio/ --segmentation camvid/ --resolutions 256 --resolutions 512\n"
        "  vitrine evaluate clip/ radio/ --classification animals/ --zero-shot --text-model clip/\n"
        "  vitrine evaluate radio/ --imitation photos/ --teachers clip=clip/ --teachers sam=sam/ "
        "--resolutions 256 --resolutions 512 --resolutions 1024");
    registry.declare(std::move(spec));
}

}  // namespace vitrine
