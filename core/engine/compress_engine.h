// What the Compress workspace asks of the engine: masks and spectra to look at, costs of plans, texts of
// compressed models, and what a model says with parts of it switched off. No LibTorch in this header; the
// implementation lives in the engine library (Engine::createCompressEngine).
//
// Calls block; the window makes them on the engine thread. One call at a time.
#pragma once

#include "core/base/job_context.h"
#include "core/base/json.h"
#include "core/compress/touched_tensor.h"
#include "core/engine/mask_view.h"
#include "core/media/image.h"

#include <functional>
#include <optional>
#include <vector>

namespace vitrine {

struct PlanCostRow {
    std::string plan;          // CompressionPlan::text, or what was asked where it cannot be
    double bitsPerWeight = 0;  // of the linear layers
    double bytes = 0;          // of the whole model: compressed layers and the rest
    double operations = 0;     // of one token, the head included
    std::string problem;       // why it cannot be carried out; empty: it can
};

struct PlanCosts {
    double denseBytes = 0, denseOperations = 0;
    double linearWeights = 0;  // weights of the layers that plans change
    std::vector<PlanCostRow> rows;
};

// Where one layer's error lies that a low-rank path repairs (spectra.safetensors of a plan).
struct LayerSpectrum {
    std::string layer;
    std::vector<double> singularValues;    // of the projected error, descending
    std::vector<double> inputEigenvalues;  // of the inputs' second moments, descending
    std::vector<double> errorEnergy;       // of ΔW along each of their eigenvectors
};

struct WriteRequest {
    std::filesystem::path model;
    std::string tokenizer;  // file or folder; empty: the one beside the model
    std::string prompt;
    int64_t tokens = 64;
    bool greedy = true;
    double temperature = 1;
    int64_t topK = 0;
    uint64_t seed = 0;
};

struct Written {
    std::string text;  // prompt and continuation
    std::string continuation;
    std::string reason;  // "length", "end_token", "context_full"
    double tokensPerSecond = 0;
    double natsPerToken = 0;  // that the model gives its own text
    int64_t tokens = 0;
};

struct TokenScore {
    std::string text;
    double nats = 0;  // of this token after those before it; the first has none
};

// What of a model is switched off, masked or replaced.
struct PartsOff {
    std::vector<int64_t> attentionOff, feedForwardOff;  // layers
    std::vector<std::pair<int64_t, int64_t>> headsOff;  // layer, query head
    std::filesystem::path masks;                        // masks.safetensors; empty: none
    std::vector<int64_t> maskedLayers;                  // with masks: where; empty: everywhere
    std::filesystem::path compressed;                   // compressed.safetensors; empty: none
    int64_t rank = -1;                                  // of its low-rank paths; -1: all there is
};

struct WhatIfRequest : PartsOff {
    std::filesystem::path model;
    std::string tokenizer;
    std::string text;
};

struct NextToken {
    std::string text;
    double before = 0, after = 0;  // probabilities
};

struct WhatIf {
    std::vector<NextToken> next;  // the likeliest of either, by the larger probability
    std::vector<TokenScore> before, after;
    double natsBefore = 0, natsAfter = 0;  // mean over the text
    double divergence = 0;                 // KL(before ‖ after) of the next token, nats
    int64_t layers = 0, heads = 0;         // of the model
    double milliseconds = 0;
};

struct PictureWhatIfRequest : PartsOff {
    std::filesystem::path model;  // of a family that can be compressed
    std::string picture;
    int64_t resolution = 0;             // model pixels of the short side; 0: what the encoder prefers
    double tokens = 1;                  // part of the patch tokens that is kept
    std::string tokenMethod = "merge";  // core/nn/token_reduction.h
};

// How the features of one picture change.
struct PictureWhatIf {
    std::shared_ptr<const Image> before, after;  // PCA colours in the basis of `before`, a pixel a cell
    std::shared_ptr<const Image> change;         // 1 - cosine of each cell, from 0 to largestChange
    double largestChange = 0;
    double featureError = 0, featureCosine = 1;  // relative squared difference; mean over cells
    std::optional<double> summaryCosine;
    struct Adaptor {
        std::string name;
        double featureError = 0, summaryCosine = 1;
    };
    std::vector<Adaptor> adaptors;
    std::vector<NextToken> classes;  // of a model with a head, by number: the likeliest of either
    int64_t layers = 0, heads = 0;   // of the encoder; the most heads of any layer
    double milliseconds = 0;
};

// A smaller model of the same kind; 0: as it is.
struct SizesKept {
    int64_t width = 0, heads = 0, intermediate = 0, depth = 0;
};

struct SizesCost {
    double parameters = 0, bytes = 0, operations = 0;  // of one token, the head included
    double denseParameters = 0, denseBytes = 0, denseOperations = 0;
};

// A channel of the stream of a language model, or a head or hidden unit of a layer of it or of a ViT.
struct StructureQuestion {
    enum class Kind { Channel, Head, Neuron };
    std::filesystem::path model;
    Kind kind = Kind::Neuron;
    int64_t layer = 0, number = 0;
};

// What goes with it.
struct DependencyGroup {
    std::vector<TouchedTensor> tensors;
    int64_t weights = 0;
};

class CompressEngine {
  public:
    virtual ~CompressEngine() = default;

    // `plans` as in the recipe's settings, for the linear layers of a model's blocks. An entry that cannot be
    // carried out says why; only a model that cannot be opened is an error.
    virtual Result<PlanCosts> costs(const std::filesystem::path& model, const Json& plans,
                                    const std::string& dtype) = 0;
    // What a model of these sizes would cost, float32. InvalidArgument for sizes that cannot be: heads that
    // the key/value heads do not divide.
    virtual Result<SizesCost> sizesCost(const std::filesystem::path& model, const SizesKept& sizes) = 0;
    // Errors: of loading; Unsupported for models whose structures are not cut; InvalidArgument.
    virtual Result<DependencyGroup> dependencies(const StructureQuestion& question) = 0;
    // Names of the matrices of a model (public names), and of those in a file of masks.
    virtual Result<std::vector<std::string>> matrices(const std::filesystem::path& model) = 0;
    virtual Result<std::vector<std::string>> maskedTensors(const std::filesystem::path& masks) = 0;
    // NotFound for an unknown tensor, ShapeMismatch for a mask of another shape or pattern.
    virtual Result<MaskView> mask(const MaskRequest& request, JobContext& job) = 0;
    virtual Result<std::vector<LayerSpectrum>> spectra(const std::filesystem::path& file) = 0;
    // `onText`: the text so far, after each token.
    virtual Result<Written> write(const WriteRequest& request, JobContext& job,
                                  const std::function<void(const std::string&)>& onText) = 0;
    virtual Result<std::vector<TokenScore>> score(const std::filesystem::path& model,
                                                  const std::string& tokenizer, const std::string& text) = 0;
    virtual Result<WhatIf> whatIf(const WhatIfRequest& request, JobContext& job) = 0;
    virtual Result<PictureWhatIf> whatIf(const PictureWhatIfRequest& request, JobContext& job) = 0;
};

}  // namespace vitrine
