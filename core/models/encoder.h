// What every vision encoder of Vitrine offers, whatever its family: features of a picture at any size it
// accepts, its layers, attention and adaptor heads. Views and jobs know this interface only.
#pragma once

#include "core/base/json.h"
#include "core/base/result.h"
#include "core/models/encoder_info.h"

#include <ATen/ATen.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vitrine {

struct EncodeRequest {
    std::vector<int64_t> layers;           // hidden states wanted, each in 0..layerCount
    std::vector<int64_t> attentionLayers;  // blocks (1..layerCount) whose attention is wanted
    std::vector<std::string> adaptors;     // adaptor heads wanted
    std::optional<int64_t> windowSize;     // RADIO: ViTDet mode with windows of this many patches a side
};

// features (B, C, h, w); prefix (B, prefixTokenCount, C), undefined where the family has none.
struct LayerOutput {
    at::Tensor features;
    at::Tensor prefix;
};

struct AdaptorOutput {
    at::Tensor summary;   // (B, S)
    at::Tensor features;  // (B, C, h, w)
};

struct EncoderOutput {
    at::Tensor summary;                 // (B, S)
    at::Tensor features;                // (B, C, h, w), the family's final spatial features
    std::vector<LayerOutput> layers;    // as EncodeRequest::layers
    std::vector<at::Tensor> attention;  // as attentionLayers, each (B, heads, T, T), T = prefix + h·w
    std::map<std::string, AdaptorOutput> adaptors;
};

class VisionEncoder {
  public:
    virtual ~VisionEncoder() = default;
    virtual const EncoderInfo& info() const = 0;
    // pixels (B, 3, H, W), floating, preprocessed (or in [0,1] if normalizesItself), on the model's device.
    // Errors: InvalidArgument for a size the encoder does not take (with the nearest one it does), an unknown
    // layer or adaptor.
    virtual Result<EncoderOutput> encode(const at::Tensor& pixels, const EncodeRequest& request) const = 0;
    // Preprocessing in the form of preprocessor_config.json, used where the folder has no such file; null if
    // the family states none.
    virtual Json defaultPreprocessor() const { return nullptr; }
};

// An encoder with a trained classification head.
class ImageClassifier {
  public:
    virtual ~ImageClassifier() = default;
    // pixels as for VisionEncoder::encode -> logits (B, classes).
    virtual Result<at::Tensor> classify(const at::Tensor& pixels) const = 0;
};

// A model that estimates depth from one picture.
class DepthEstimator {
  public:
    virtual ~DepthEstimator() = default;
    // pixels as for VisionEncoder::encode -> (B, h, w), h and w close to the input's (whole patches).
    virtual Result<at::Tensor> depth(const at::Tensor& pixels) const = 0;
    // True: metres, at most maxDepth(). False: relative inverse depth (larger is nearer), without unit.
    virtual bool isMetric() const = 0;
    virtual double maxDepth() const = 0;
};

// Which prompts a segmenter takes. All take boxes.
struct PromptKinds {
    bool points = false;
    bool text = false;            // finds all that a text names; boxes are then examples of it
    int64_t textLength = 0;       // tokens of a text, padding included
    int64_t vocabulary = 0;       // ids of tokens are below
    std::string textForExamples;  // stands in for the text where only examples are given
};

// What to segment in one picture. Coordinates are pixels of the model's input, x to the right, y down.
struct SegmentPrompt {
    at::Tensor points;               // (N, 2) of one object; undefined: none
    at::Tensor pointLabels;          // (N): 1 inside the object, 0 outside
    at::Tensor boxes;                // (M, 4) as x0, y0, x1, y1: an object each, or examples; undefined: none
    at::Tensor boxLabels;            // (M): 1 like this, 0 not like this (examples only); undefined: all 1
    at::Tensor tokenIds, tokenMask;  // (1, textLength); undefined: no text
    bool alternatives = false;       // every reading of a prompt (part, whole), not only the best one
};

struct Segmentation {
    at::Tensor masks;   // (K, h, w): above 0 inside; (h, w) spans the model's whole input
    at::Tensor scores;  // (K): predicted intersection over union, or the probability of being such an object
    at::Tensor boxes;   // (K, 4) as x0, y0, x1, y1 in pixels of the model's input; undefined: none predicted
    std::optional<double> presence;  // probability that the picture holds any such object
};

// A model that outlines what a prompt means.
class PromptableSegmenter {
  public:
    virtual ~PromptableSegmenter() = default;
    virtual PromptKinds promptKinds() const = 0;
    // pixels (1, 3, H, W) as for VisionEncoder::encode, of the preferred size. With a text or examples the
    // objects are sorted by score, else they are in the order of the prompt. Errors: InvalidArgument for an
    // empty prompt or wrong shapes, Unsupported for a kind of prompt that the model does not take.
    virtual Result<Segmentation> segment(const at::Tensor& pixels, const SegmentPrompt& prompt) const = 0;
};

// The text side of an image-text model.
class TextEncoder {
  public:
    virtual ~TextEncoder() = default;
    virtual int64_t contextLength() const = 0;  // tokens, padding included
    // ids (B, contextLength) int64, mask (B, contextLength) or undefined -> embeddings (B, D), not
    // normalised, in the space of imageEmbedding.
    virtual Result<at::Tensor> encodeText(const at::Tensor& ids, const at::Tensor& mask) const = 0;
    // (B, D) not normalised. pixels as for VisionEncoder::encode.
    virtual Result<at::Tensor> imageEmbedding(const at::Tensor& pixels) const = 0;
    // (B, D, h, w): patch features in the space of the text embeddings, for text heat maps (last-layer values
    // through the projection, as dense CLIP readers do; the header of each family says how).
    virtual Result<at::Tensor> denseEmbedding(const at::Tensor& pixels) const = 0;
    // logit = exp(logScale) * cosine + bias.
    virtual double logitScale() const = 0;
    virtual double logitBias() const { return 0; }
};

}  // namespace vitrine
