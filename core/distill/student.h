// The student of an agglomerative distillation: a RADIO ViT with a class token and two adaptor heads per
// teacher (AM-RADIO, Ranzinger et al. 2024, section 3; RADIOv2.5, Heinrich et al. 2025).
#pragma once

#include "core/distill/optimizer.h"
#include "core/models/radio/radio_module.h"

#include <filesystem>

namespace vitrine {

struct StudentTeacher {
    std::string name;
    int64_t summaryWidth = 0;  // 0: the teacher has no summary (SAM)
    int64_t featureWidth = 0;
};

struct StudentOptions {
    int64_t width = 192, depth = 6, headCount = 3;
    int64_t mlpRatio = 4;
    int64_t patchSize = 8;
    int64_t positionGridSide = 24;  // side of the square field of positions that crops are taken from (CPE)
    bool croppedPositions =
        true;  // off: plain learned positions of `positionGridSide`, resized at other sizes
    int64_t registers = 4;
    int64_t headHidden = 0;  // width of the adaptor heads; 0: the widest teacher
    int64_t headInnerBlocks = 1;
    std::vector<double> mean{0.48145466, 0.4578275, 0.40821073};  // of pixels in [0, 1]
    std::vector<double> std{0.26862954, 0.26130258, 0.27577711};
    int64_t preferredSide = 192, maxSide = 0;  // pixels; maxSide 0: no limit
    std::vector<StudentTeacher> teachers;

    Result<void> validate() const;
};

// What one pass gives for one teacher, in the space that its losses are taken in.
struct HeadOutput {
    at::Tensor summary;   // (B, S); undefined where the teacher has none
    at::Tensor features;  // (B, C, h, w)
};

struct StudentOutput {
    at::Tensor tokens;    // (B, prefix + h·w, D): the raw residual stream
    at::Tensor features;  // (B, D, h, w)
    std::map<std::string, HeadOutput> heads;
};

struct StudentPass {
    int64_t windowSize = 0;                // patches a side of ViTDet windows; 0: global attention
    const PositionDraws* draws = nullptr;  // training positions; null: those of inference
    at::Tensor keepPositions;              // (B, 1, 1) of 0 and 1: pictures whose positions are dropped
    std::vector<std::string> teachers;     // heads wanted; empty: all
    bool recompute = false;                // blocks keep their inputs only and run again for their gradients
};

// The configuration of a fresh student; its JSON form is that of the library (model_type "radio"), with the
// adaptors in the published checkpoints' fields.
RadioConfig studentConfig(const StudentOptions& options);
Json studentConfigJson(const StudentOptions& options);

// A module with initial weights: truncated normal (std 0.02) linear layers, unit norms, positions of std
// D^-1/2.
std::shared_ptr<RadioModule> makeStudent(const StudentOptions& options, uint64_t seed);

// Every parameter, made to take gradients; norms, biases, tokens and positions do not decay.
std::vector<OptimizedParameter> trainedParameters(const RadioModule& module);

// pixels (B, 3, H, W) in [0, 1]; H and W multiples of the patch (of patch · window in windowed mode).
StudentOutput runStudent(const RadioModule& module, const at::Tensor& pixels, const StudentPass& pass);

// Writes config.json, preprocessor_config.json and model.safetensors as an ordinary RADIO folder (model_type
// "radio"). `type`: of the stored floats. Unsupported: plain positions.
Result<void> writeStudentFolder(const std::filesystem::path& folder, const RadioModule& module,
                                const StudentOptions& options, at::ScalarType type);

}  // namespace vitrine
