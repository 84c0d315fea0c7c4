// The student of an agglomerative distillation: a RADIO ViT with a class token and two adaptor heads per
// teacher (AM-RADIO, Ranzinger et al. 2024, section 3; RADIOv2.5, Heinrich et al. 2025), an E-RADIO or a
// MambaVision trained from scratch, or a convolutional trunk that starts from the weights of a trained
// EfficientNet-Lite (the PHI-S paper's students start from ImageNet weights too: a trunk that knows pictures
// learns from few of them). All but the ViT give maps: a head reads the summary or a cell of the features.
#pragma once

#include "core/distill/optimizer.h"
#include "core/models/radio/convolutional_module.h"
#include "core/models/radio/radio_module.h"

#include <filesystem>

namespace vitrine {

struct StudentTeacher {
    std::string name;
    int64_t summaryWidth = 0;  // 0: the teacher has no summary (SAM)
    int64_t featureWidth = 0;
};

enum class StudentTrunk { Vit, Convolutional, Eradio, MambaVision };
const char* studentTrunkName(StudentTrunk trunk);  // as a message calls it

// A size of E-RADIO or MambaVision that has a name.
struct StudentVariant {
    std::string name;
    int64_t width = 0;
    std::vector<int64_t> depths;
};
// Errors: InvalidArgument with the names that there are.
Result<StudentVariant> studentVariant(StudentTrunk trunk, const std::string& name);

struct StudentOptions {
    StudentTrunk trunk = StudentTrunk::Vit;
    // Convolutional: `width` and `depth` are those of the neck; heads, MLP ratio, positions and registers
    // mean nothing to it, nor do mean and std, which it keeps from where it started.
    // Eradio, MambaVision: `width` is that of the first of four levels, it doubles from one to the next;
    // `depths` and `window` are theirs alone. `patchSize` is 16 and 32. MambaVision takes ImageNet's mean and
    // deviation.
    // EfficientNet-Lite folder or weight file, or the folder of an earlier convolutional student, of which
    // every weight of the same name and shape is taken.
    std::filesystem::path startFrom;
    double trunkRate = 1;  // of the learning rate, for the weights that it started with
    int64_t width = 192, depth = 6, headCount = 3;
    int64_t mlpRatio = 4;
    int64_t patchSize = 8;
    int64_t positionGridSide = 24;  // side of the square field of positions that crops are taken from (CPE)
    bool croppedPositions =
        true;  // off: plain learned positions of `positionGridSide`, resized at other sizes
    int64_t registers = 4;
    std::vector<int64_t> depths{1, 3, 4, 5};  // blocks of each level
    int64_t window = 0;                       // cells a side that attention sees; 0: what suits preferredSide
    // Linear weights of the trunk are re-parametrised while it learns (core/distill/spectral_weights.h).
    bool spectral = false;
    int64_t headHidden = 0;  // width of the adaptor heads; 0: the widest teacher
    int64_t headInnerBlocks = 1;
    std::vector<double> mean{0.48145466, 0.4578275, 0.40821073};  // of pixels in [0, 1]
    std::vector<double> std{0.26862954, 0.26130258, 0.27577711};
    int64_t preferredSide = 192, maxSide = 0;  // pixels; maxSide 0: no limit
    std::vector<StudentTeacher> teachers;

    Result<void> validate() const;
    // Pixels a side that its pictures must be a multiple of.
    int64_t sizeMultiple() const;
    // Whether it has levels and learns with batch normalisation.
    bool hasLevels() const { return trunk == StudentTrunk::Eradio || trunk == StudentTrunk::MambaVision; }
};

// What one pass gives for one teacher, in the space that its losses are taken in.
struct HeadOutput {
    at::Tensor summary;   // (B, S); undefined where the teacher has none
    at::Tensor features;  // (B, C, h, w)
};

struct StudentOutput {
    at::Tensor tokens;    // (B, prefix + h·w, D): the raw residual stream; undefined without tokens
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

// Draws of a training pass, evenly: where each picture's positions are cropped from, and which pictures keep
// theirs (StudentPass::keepPositions); a part `dropout` of them goes without.
PositionDraws drawPositions(int64_t batch, const at::Generator& random);
at::Tensor drawKeptPositions(int64_t batch, double dropout, const at::Generator& random);

// An adaptor head of the student.
RadioHeadConfig studentHead(const StudentOptions& options, int64_t input, int64_t output);

// The configuration of a fresh student; its JSON form is that of the library (model_type "radio"), with the
// adaptors in the published checkpoints' fields.
RadioConfig studentConfig(const StudentOptions& options);
Json studentConfigJson(const StudentOptions& options);

// A module with initial weights: truncated normal (std 0.02) linear layers, unit norms, positions of std
// D^-1/2.
std::shared_ptr<RadioModule> makeStudent(const StudentOptions& options, uint64_t seed);

// The student that `options.trunk` names: a RadioModule, ConvolutionalRadioModule, EradioModule or
// MambaVisionNetwork, as the functions below take them. Errors: those of reading `options.startFrom`.
Result<std::shared_ptr<torch::nn::Module>> openStudent(const StudentOptions& options, uint64_t seed);
// Another student of the same build with the same weights and running statistics.
std::shared_ptr<torch::nn::Module> copyStudent(const torch::nn::Module& student);

// Every parameter, made to take gradients; norms, biases, tokens and positions do not decay. `trunkRate`: of
// the weights that a convolutional student started with.
std::vector<OptimizedParameter> trainedParameters(const torch::nn::Module& module, double trunkRate = 1);
// Whether a parameter belongs to an adaptor head.
bool isOfHead(const std::string& parameterName);
// "radio_model.adaptors." or, of a MambaVision, "adaptors.".
std::string headPrefix(const torch::nn::Module& student);
// Whether a parameter learns from the first step on while a trunk is frozen: heads, and the neck of a
// convolutional student.
bool learnsBeforeTrunk(const std::string& parameterName);
// Layers whose weights `StudentOptions::spectral` means: linear ones of the trunk. Position biases of E-RADIO
// keep plain weights: there is no attention entropy in them to lose.
bool takesSpectralWeights(const std::string& layerName);

// pixels (B, 3, H, W) in [0, 1]; H and W multiples of the student's sizeMultiple (of patch · window in
// windowed mode).
StudentOutput runStudent(const torch::nn::Module& module, const at::Tensor& pixels, const StudentPass& pass);

// Writes config.json, preprocessor_config.json and model.safetensors as an ordinary folder: of RADIO or
// E-RADIO (model_type "radio"), or of MambaVision with adaptors. `type`: of the stored floats but for running
// statistics. Unsupported: plain positions.
Result<void> writeStudentFolder(const std::filesystem::path& folder, const torch::nn::Module& module,
                                const StudentOptions& options, at::ScalarType type);

}  // namespace vitrine
