// From a picture to a model's input, as preprocessor_config.json of a Hugging Face folder says it. Types:
// CLIP, SigLIP, SigLIP2 (NaFlex), BiT (DINOv2), DINOv3 (rescales first, resizes in float), SAM, SAM2, SAM3,
// DPT, ViT; also RADIO, which is published with a CLIP processor that does not normalise. Sizes of tensors
// are (height, width); sizes in ImageSize are named. Thread-safe.
#pragma once

#include "core/base/json.h"
#include "core/media/image.h"
#include "core/media/image_transform.h"
#include "core/media/resample.h"

#include <array>
#include <filesystem>
#include <optional>
#include <vector>

namespace vitrine {

enum class ProcessorKind { Clip, Siglip, Siglip2, Bit, Dinov3, Sam, Sam2, Dpt, Vit };

// preprocessor_config.json, defaults of its type filled in.
struct PreprocessConfig {
    ProcessorKind kind = ProcessorKind::Clip;
    std::string typeName;  // image_processor_type as written
    bool convertRgb = true;
    bool resize = true;
    bool centerCrop = false;
    bool rescale = true;
    bool normalize = true;
    bool pad = false;
    std::optional<ImageSize> size;        // {height, width}
    std::optional<int64_t> shortestEdge;  // alone: keeps the aspect
    std::optional<int64_t> longestEdge;   // alone: SAM; with shortestEdge: upper limit
    std::optional<ImageSize> cropSize;
    std::optional<ImageSize> padSize;    // SAM: right and bottom, zeros after normalisation
    std::optional<int64_t> sizeDivisor;  // DPT padding
    int64_t ensureMultipleOf = 1;        // DPT
    bool keepAspectRatio = false;        // DPT
    int64_t maxPatches = 256;            // SigLIP2
    int64_t patchSize = 16;              // SigLIP2
    Resampling resampling = Resampling::Bicubic;
    double rescaleFactor = 1.0 / 255.0;
    std::array<double, 3> mean{0.5, 0.5, 0.5};
    std::array<double, 3> std{0.5, 0.5, 0.5};
};

// Errors name the key: UnknownFamily for a processor type that is not listed above, InvalidArgument for a
// wrong value. A missing size is an error unless the published class has a default for it.
Result<PreprocessConfig> preprocessConfigFromJson(const Json& json,
                                                  std::string_view where = "preprocessor_config.json");
Result<PreprocessConfig> readPreprocessConfig(const std::filesystem::path& file);

// What a user asks for instead of the configuration's size. Only one of targetSize and shortSide.
struct PreprocessOverride {
    enum class MultipleRule {
        Resize,  // the resized picture's sides are rounded to the nearest multiple (at least one)
        Pad      // zeros are added right and below, after normalisation
    };
    std::optional<ImageSize> targetSize;  // replaces size and crop
    bool keepAspect = false;              // with targetSize: fit inside, pad right and below
    std::optional<int64_t> shortSide;     // keeps the aspect, no crop
    int64_t multipleOf = 1;
    MultipleRule multipleRule = MultipleRule::Resize;
    std::optional<int64_t> maxPatches;  // SigLIP2
    bool unnormalized = false;          // values in [0,1]: for models that normalise themselves
    int64_t patchSize = 1;              // for the transform (SigLIP2 takes its own)
    int64_t prefixTokenCount = 0;       // for the transform

    Result<void> validate() const;
};

struct PreprocessedImage {
    std::vector<float> pixels;  // (3, height, width)
    int64_t height = 0;
    int64_t width = 0;
    ImageTransform transform;
    ImageSize originalSize;  // SAM: original_sizes
    ImageSize resizedSize;   // SAM: reshaped_input_sizes, before padding
    // What was applied to [0,1] values; 0 and 1 without normalisation.
    std::array<double, 3> mean{0, 0, 0};
    std::array<double, 3> std{1, 1, 1};
    // SigLIP2 only: (maxPatches, patch·patch·3), inside a patch rows, columns, channels; 1 where a patch is
    // real; patches down and across. The transform's size is that of the real patches.
    std::vector<float> patches;
    std::vector<int32_t> patchMask;
    std::array<int64_t, 2> spatialShape{0, 0};
};

Result<PreprocessedImage> preprocess(const Image& image, const PreprocessConfig& config,
                                     const PreprocessOverride& change = {});

// "As the model saw it": 8-bit RGB of a model's input, padding as mid values clipped to the visible range.
Image modelInputAsImage(const PreprocessedImage& input);

}  // namespace vitrine
