#include "core/engine/statistics_schema.h"

namespace vitrine {

// clang-format off
constexpr const char* kSchema = R"json({"type": "object", "required": ["models", "images"], "properties": {
      "models": {"type": "array", "minItems": 1, "items": {"type": "string"}, "title": "Teachers", "description": "model folders or weight files"},
      "images": {"type": "array", "minItems": 1, "items": {"type": "string"}, "title": "Pictures", "description": "pictures and folders of pictures"},
      "recursive": {"type": "boolean", "default": false, "title": "Folders below too"},
      "limit": {"type": "integer", "minimum": 0, "default": 0, "title": "Pictures at most", "description": "evenly spread over the list; 0: all"},
      "layers": {"type": "array", "items": {"type": "integer", "minimum": -1}, "default": [-1], "title": "Layers", "description": "hidden states; -1: the final features"},
      "adaptors": {"type": "array", "items": {"type": "string"}, "default": [], "title": "Adaptors", "description": "adaptor heads; * for all that a model has"},
      "resolution": {"type": "integer", "minimum": 0, "maximum": 8192, "default": 0, "title": "Resolution", "unit": "pixels", "description": "model pixels of the short side; 0: what each model prefers"},
      "square": {"type": "boolean", "default": true, "title": "Square", "description": "squeeze pictures to squares, so that pictures of all shapes go into one batch"},
      "batch": {"type": "integer", "minimum": 1, "maximum": 1024, "default": 8, "title": "Batch", "unit": "pictures"},
      "dtype": {"type": "string", "enum": ["float32", "bfloat16"], "default": "float32", "title": "Encode in"},
      "precision": {"type": "string", "enum": ["float32", "float64"], "default": "float32", "title": "Products of the covariance", "description": "float32: eigenvalues below 1e-7 of the largest are rounding; float64: twice the time"},
      "histogram_bins": {"type": "integer", "minimum": 0, "maximum": 65536, "default": 256, "title": "Histogram bins", "description": "even; 0: no histograms"},
      "normalizers": {"type": "array", "items": {"type": "string", "enum": ["none", "global", "standardise", "pca-whiten", "zca", "hadamard-whiten", "phi-s"]}, "default": ["none", "global", "standardise", "pca-whiten", "zca", "hadamard-whiten", "phi-s"], "title": "Normalisers to compare"},
      "sample_pictures": {"type": "integer", "minimum": 0, "maximum": 4096, "default": 16, "title": "Pictures of the sample", "description": "a uniform sample whose features are kept as they are, for the feature cloud; 0: none"},
      "sample_tokens": {"type": "integer", "minimum": 1, "maximum": 65536, "default": 128, "title": "Vectors of each sampled picture", "description": "16 pictures of 128 vectors and 1,280 channels take 10 MiB"},
      "checkpoint_every": {"type": "integer", "minimum": 1, "default": 256, "title": "Pictures between checkpoints"}}})json";
// clang-format on

Json teacherStatisticsSettingsSchema() {
    return Json::parse(kSchema);
}

}  // namespace vitrine
