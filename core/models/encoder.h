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
