#include "core/engine/evaluate_schema.h"

namespace vitrine {
namespace {

// clang-format off
constexpr const char* kSettings = R"json({"type": "object", "required": ["models"], "properties": {
      "models": {"type": "array", "minItems": 1, "items": {"type": "string"}, "title": "Models", "description": "model folders or weight files"},
      "classification": {"type": "string", "default": "", "title": "Classified pictures", "description": "folder with one folder of pictures for each class, or a CIFAR-10 .bin file"},
      "test": {"type": "string", "default": "", "title": "Test pictures", "description": "the same; empty: every fifth picture of each class is kept for testing"},
      "labels": {"type": "string", "default": "", "title": "Label file", "description": "CSV with the classes, in place of class folders"},
      "segmentation": {"type": "string", "default": "", "title": "Labelled pixels", "description": "folder with train, train_labels, test, test_labels and classes.csv"},
      "correspondence": {"type": "string", "default": "", "title": "Pictures without labels", "description": "picture or folder; each picture is matched against known warps of itself, right within one feature cell"},
      "zero_shot": {"type": "boolean", "default": false, "title": "Zero-shot", "description": "classify the classified pictures (those for testing, where they are given apart) by the texts of their classes"},
      "templates": {"type": "array", "minItems": 1, "items": {"type": "string"}, "default": ["a photo of a {}."], "title": "Sentences of a class", "description": "zero-shot: {} stands for the class; several are averaged"},
      "text_model": {"type": "string", "default": "", "format": "model", "title": "Text model", "description": "zero-shot: CLIP or SigLIP folder whose texts are read for models that have none"},
      "text_adaptor": {"type": "string", "default": "", "title": "Text adaptor", "description": "zero-shot: adaptor head that speaks in the space of the text model; empty: the only one with clip or siglip in its name"},
      "imitation": {"type": "string", "default": "", "title": "Pictures for the error to teachers", "description": "picture or folder, without labels; each adaptor head is compared with its teacher at every resolution"},
      "imitation_limit": {"type": "integer", "minimum": 1, "maximum": 100000, "default": 64, "title": "Pictures for it at most", "description": "evenly spread; the teachers' maps of all of them are held in memory"},
      "teachers": {"type": "array", "default": [], "title": "Teachers", "items": {"type": "object", "required": ["name", "model"], "properties": {
        "name": {"type": "string", "minLength": 1, "title": "Name", "description": "of the student's adaptor"},
        "model": {"type": "string", "minLength": 1, "format": "model", "title": "Model", "description": "model folder or weight file"},
        "adaptor": {"type": "string", "default": "", "title": "Adaptor", "description": "head of a RADIO teacher; empty: its backbone"},
        "layer": {"type": "integer", "minimum": -1, "default": -1, "title": "Layer", "description": "hidden state; -1: the final features"},
        "side": {"type": "integer", "minimum": 0, "maximum": 8192, "default": 0, "title": "Resolution", "unit": "pixels", "description": "model pixels that it looks at; 0: what it prefers, or with the student's pictures what is nearest to them"}}}, "description": "whose features the student's adaptor heads are compared with"},
      "teacher_resolution": {"type": "string", "enum": ["own", "student"], "default": "own", "title": "Teachers see", "description": "own: the picture with all its detail, at their own resolution, whatever the student sees; student: what the student sees at each resolution, as in a distillation"},
      "resolutions": {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 0, "maximum": 8192}, "default": [0], "title": "Resolutions", "unit": "pixels", "description": "model pixels of the short side; 0: what each model prefers"},
      "batch": {"type": "integer", "minimum": 1, "maximum": 1024, "default": 16, "title": "Batch", "unit": "pictures"},
      "dtype": {"type": "string", "enum": ["float32", "bfloat16"], "default": "float32", "title": "Encode in"},
      "voters": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 20, "title": "Neighbours that vote"},
      "temperature": {"type": "number", "exclusiveMinimum": 0, "default": 0.07, "title": "Temperature of the votes"},
      "linear_steps": {"type": "integer", "minimum": 1, "maximum": 100000, "default": 400, "title": "Steps of the linear probe"},
      "segmentation_steps": {"type": "integer", "minimum": 1, "maximum": 1000000, "default": 400, "title": "Steps of the segmentation probe"},
      "pictures": {"type": "integer", "minimum": 0, "maximum": 1000, "default": 4, "title": "Pictures to keep", "description": "segmented ones, and maps of heads and teachers"}}})json";
// clang-format on

}  // namespace

Json evaluateSchema() {
    return Json::parse(kSettings);
}

}  // namespace vitrine
