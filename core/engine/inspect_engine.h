// The part of Vitrine that computes for the window: loads models, encodes pictures, and makes the maps that
// panels show. No LibTorch in this header; the implementation lives in the engine library, which is loaded at
// run time so that a program starts without it (loadEngine).
//
// Calls block; the window makes them on the engine thread (engine_thread.h). One call at a time.
#pragma once

#include "core/base/job_context.h"
#include "core/engine/analysis.h"
#include "core/media/image.h"
#include "core/media/image_transform.h"
#include "core/media/value_range.h"
#include "core/models/encoder_info.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vitrine {

struct LoadedModel {
    std::string id;  // handle for later calls; the same folder, device and type give the same id
    std::string path;
    std::string identity;  // SHA-256 of configuration and weight headers
    std::string device;    // "cpu", "cuda:0"
    std::string dtype;     // "float32", "bfloat16"
    EncoderInfo info;
};

enum class MapKind {
    Image,          // the picture as loaded
    ModelInput,     // the picture as the model saw it
    Pca,            // three principal components as colours
    Similarity,     // cosine to the probe
    Attention,      // of the probe's token (or the class token without a probe), one head or the mean
    Rollout,        // attention rolled out from the first block to the chosen layer
    Norms,          // token norms
    Channel,        // one feature channel
    Clusters,       // k-means labels as colours
    Disagreement,   // between two models after the best linear map
    TextHeat,       // cosine of dense image features to a text
    Correspondence  // best match of the probe picture's patches: colours are the matched positions
};

// One way to enlarge maps: "none" (the feature grid itself), "nearest", "bilinear", "bicubic", "jbu" (joint
// bilateral), and what plugins add.
struct UpsamplerEntry {
    std::string name, summary;
    bool linear = true;
};

// Where features come from.
struct FeatureSource {
    std::string modelId;
    std::string imagePath;
    int64_t layer = -1;   // hidden state 0..layerCount; -1: the final features
    std::string adaptor;  // empty: backbone
    int64_t resolution =
        0;  // model pixels of the short side, rounded to what the model takes; 0: its preferred size
    bool square = false;  // resize to a square, ignoring the aspect ratio (as fixed-size models must)
    std::optional<int64_t> windowSize;  // RADIO ViTDet mode
    // Folder of an upsampler trained for this encoder (FeatSharp): its final features on a finer grid,
    // whatever `resolution` and `square` say; empty: the encoder's own grid.
    std::string trainedUpsampler;
    bool operator==(const FeatureSource&) const = default;
};

struct PcaSettings {
    int64_t firstComponent = 0;  // 0: components 1-3 are red, green, blue; 3: 4-6; 6: 7-9
    std::string lockedBasis;     // name of a basis made with lockBasis; empty: fitted to this picture
    bool operator==(const PcaSettings&) const = default;
};

// The patch whose similarity or attention is asked for. `imagePath` may differ from the shown picture.
struct Probe {
    std::string imagePath;
    Point2 positionInImage;
    bool operator==(const Probe&) const = default;
};

struct MapRequest {
    MapKind kind = MapKind::Pca;
    FeatureSource source;
    // A name of InspectEngine::upsamplers(), or the folder of a trained one (sets source.trainedUpsampler).
    std::string upsampler = "nearest";
    ImageSize outputSize;  // of upsampled maps; {0,0}: the feature grid itself
    PcaSettings pca;
    std::optional<Probe> probe;
    int64_t head = -1;  // attention head; -1: mean over heads
    int64_t channel = 0;
    int64_t clusterCount = 6;
    uint64_t seed = 0;
    FeatureSource other;  // Disagreement: the second model
    std::string text;     // TextHeat
    bool operator==(const MapRequest&) const = default;
};

// A patch of a map by rank: its corners in pixels of the picture as loaded, and its value.
struct RankedPatch {
    Point2 topLeft, bottomRight;
    double value = 0;
};

// One finished map. Pictures (Image, ModelInput, Pca, Clusters, Correspondence) have `colors`; scalar maps
// have `values`.
struct MapResult {
    std::shared_ptr<const Image> colors;  // RGB, 8 bit or as loaded
    std::shared_ptr<const Image> values;  // one channel of float32
    ValueDistribution distribution;       // of `values`
    const std::shared_ptr<const Image>& image() const { return colors ? colors : values; }
    // Suggested display range of `values`: 1st and 99th percentile.
    ValueRange displayRange() const { return distribution.range(1); }
    std::string unit;                  // "cosine", "L2 norm", "attention"
    std::vector<RankedPatch> ranked;   // Disagreement: the patches that differ most, worst first; at most 8
    ImageTransform transform;          // of the features: pixel <-> patch
    std::vector<float> probeFeatures;  // raw feature vector at the probe, if there is one (first 64 channels)
    Json provenance;  // model identity, layer, transform, upsampler, code version, recipe to re-run
    double milliseconds = 0;
    double upsamplingMilliseconds = 0;  // of those; a trained upsampler's include its encodings
    int64_t peakBytes = 0;              // of the tensors made for it
    bool encodedNow = false;            // false: features came from the cache
};

struct SummaryEmbedding {
    std::vector<std::string> imagePaths;  // those that could be read
    std::vector<float> coordinates;       // (n, 3) principal components of the summaries
    std::vector<int64_t> nearest;         // (n, k) indices of the nearest pictures by cosine
    int64_t nearestCount = 0;             // k
};

// Over all tokens of several pictures.
struct FeatureStatistics {
    int64_t tokenCount = 0;
    int64_t channelCount = 0;
    double mean = 0;  // over tokens and channels
    double standardDeviation = 0;
    double rankMe = 0;  // exp of the entropy of the singular values (Garrido et al. 2023)
    double lowestChannelStd = 0, highestChannelStd = 0;
};

class InspectEngine {
  public:
    virtual ~InspectEngine() = default;

    virtual std::vector<std::string> devices() const = 0;
    virtual std::vector<UpsamplerEntry> upsamplers() const = 0;  // built-in ones first
    virtual Result<LoadedModel> loadModel(const std::filesystem::path& path, const std::string& device,
                                          const std::string& dtype, JobContext& job) = 0;
    virtual void unloadModel(const std::string& modelId) = 0;
    virtual std::vector<LoadedModel> models() const = 0;

    // Makes one map. Features, JBU taps and fitted bases are cached (least recently used first out), so that
    // changing basis, probe, layer or upsampler of an encoded picture takes milliseconds.
    virtual Result<MapResult> render(const MapRequest& request, JobContext& job) = 0;

    // Fits a PCA basis to one or several pictures and keeps it under `name`: every map that names it uses the
    // same colours. saveBasis / loadBasis keep it in the session.
    virtual Result<void> lockBasis(const std::string& name, const std::vector<FeatureSource>& sources,
                                   JobContext& job) = 0;
    virtual Result<void> saveBasis(const std::string& name, const std::filesystem::path& file) const = 0;
    virtual Result<void> loadBasis(const std::string& name, const std::filesystem::path& file) = 0;

    // Summaries of many pictures in one plot, with nearest neighbours.
    virtual Result<SummaryEmbedding> embed(const FeatureSource& source,
                                           const std::vector<std::string>& imagePaths, int64_t nearestCount,
                                           JobContext& job) = 0;

    virtual Result<FeatureStatistics> statistics(const FeatureSource& source,
                                                 const std::vector<std::string>& imagePaths,
                                                 JobContext& job) = 0;

    // Analyses over many pictures: comparison of layers, rank, nearest pictures, zero-shot, fixed pattern.
    // Lives as long as the engine.
    virtual Analysis& analysis() = 0;

    // Cache limit in bytes for features and taps together.
    virtual void setCacheLimit(int64_t bytes) = 0;
};

}  // namespace vitrine
