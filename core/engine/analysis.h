// Analyses of a set of pictures: how alike the layers of two models are, how many directions each layer uses,
// which pictures lie next to each other, which texts fit them, and what stays at fixed places whatever the
// picture. Plain data and an interface without LibTorch; the implementation is part of the engine
// (InspectEngine::analysis()).
//
// All calls go over the pictures in batches, report progress, stop when asked to (Cancelled), and leave out
// pictures that cannot be read: those are listed with the reason. Errors besides: InvalidArgument (too few
// pictures, a layer or class that cannot be), InvalidFile if not one picture could be read, NotFound for an
// unknown model handle.
#pragma once

#include "core/base/job_context.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vitrine {

struct SkippedPicture {
    std::string path;
    std::string reason;
};

// What every analysis takes.
struct PictureSet {
    std::vector<std::string> paths;
    int64_t resolution = 0;  // model pixels of the short side; 0: what the model prefers
    int64_t batchSize = 8;   // pictures that go through the model together; less where memory asks for it
};

// --- compare
// ------------------------------------------------------------------------------------------------------------

// What counts as one sample of a layer.
enum class CkaSamples {
    Places,   // features of the same places of the same pictures, on a lattice inside what both models see
    Pictures  // mean features of whole pictures
};

struct CompareRequest {
    std::string modelId, otherId;  // equal: a model against itself
    PictureSet pictures;           // shown whole (squeezed to a square) where the models take any size
    CkaSamples samples = CkaSamples::Places;
    int64_t placesPerSide = 8;  // lattice of at most this many places along each side of a picture
};

struct LayerComparison {
    std::vector<std::string> rows,
        columns;              // layers of the first and of the second model: "0", …, "12", "final"
    std::vector<double> cka;  // rows x columns; 1: equal up to rotation and scale, 0: unrelated
    double rankMe = 0, otherRankMe = 0;  // of the final features at the same samples
    int64_t sampleCount = 0, pictureCount = 0;
    std::vector<SkippedPicture> skipped;

    double at(size_t row, size_t column) const { return cka[row * columns.size() + column]; }
};

// --- rank
// ---------------------------------------------------------------------------------------------------------------

struct RankRequest {
    std::string modelId;
    PictureSet pictures;
    int64_t tokenLimit = 2048;  // patch features sampled of all pictures for RankMe and effective rank
    int64_t viewCount = 4;      // augmented views of each picture for LiDAR; 0: without LiDAR
    uint64_t seed = 0;          // of the sample and the views
};

struct LayerRank {
    std::string layer;    // "0", …, "final"; "summary": of the pictures' summaries
    int64_t width = 0;    // channels: no rank is larger
    int64_t samples = 0;  // for RankMe and effective rank: no rank is larger than these either
    double rankMe = 0;
    double effectiveRank = 0;
    std::optional<double> lidar;
};

struct LayerRanks {
    std::vector<LayerRank> layers;
    int64_t pictureCount = 0;
    int64_t viewCount = 0;  // of each picture; 0: LiDAR was not asked for or needs more pictures
    std::vector<SkippedPicture> skipped;
};

// --- nearest pictures
// ---------------------------------------------------------------------------------------------------

struct NeighborRequest {
    std::string modelId;
    PictureSet pictures;               // searched
    std::vector<std::string> queries;  // empty: each of the pictures
    int64_t count = 5;                 // neighbours of each query; a picture is none of its own
    std::vector<std::string> labels;   // class of each picture, "" unknown; empty: no accuracy is wanted
    int64_t voters = 20;               // neighbours that vote
    double temperature = 0.07;         // a vote weighs exp(cosine / temperature)
};

struct Neighbor {
    std::string path;
    std::string label;  // empty if unknown
    double cosine = 0;
};

struct NeighborLists {
    struct Row {
        std::string query;
        std::vector<Neighbor> nearest;  // nearest first
    };
    // Leave-one-out weighted kNN over the labelled pictures (Wu et al. 2018, as in DINO and RADIO).
    struct Accuracy {
        int64_t right = 0, total = 0, classCount = 0, voters = 0;
        double chance = 0;  // share of the most frequent class
        double share() const { return total > 0 ? double(right) / double(total) : 0; }
    };
    std::vector<Row> rows;
    std::optional<Accuracy> accuracy;
    bool averaged = false;  // the model has no summary: means of its features were compared
    int64_t pictureCount = 0;
    std::vector<SkippedPicture> skipped;
};

// --- zero-shot
// ----------------------------------------------------------------------------------------------------------

struct ZeroShotRequest {
    std::string modelId;
    PictureSet pictures;
    std::vector<std::string> classes;
    std::vector<std::string> templates{"a photo of a {}."};  // "{}" stands for the class
};

struct ZeroShotTable {
    struct Row {
        std::string path;
        std::vector<double> probabilities;  // as `classes`
    };
    std::vector<std::string> classes;
    std::vector<Row> rows;
    bool sigmoid = false;  // SigLIP: each class on its own. Otherwise softmax: one of the classes holds
    std::vector<SkippedPicture> skipped;
};

// --- fixed pattern
// ------------------------------------------------------------------------------------------------------

struct PatternRequest {
    std::string modelId;
    PictureSet pictures;          // squeezed to squares of one size
    int64_t layer = -1;           // hidden state; -1: the final features
    std::string adaptor;          // empty: backbone
    double outlierThreshold = 6;  // robust deviations of a token's norm from the picture's median
};

// Mean features over all pictures minus the mean over places: what the model puts at fixed places whatever it
// sees.
struct FixedPatternResult {
    int64_t width = 0, height = 0, channels = 0;
    std::vector<float> energy;       // height x width: squared norm of the pattern
    std::vector<float> outlierRate;  // height x width: share of pictures with an outlier token here
    double share = 0;   // energy of the pattern in that of the features around their overall mean
    double chance = 0;  // what unrelated pictures alone would give: 1 / pictures
    double corrected =
        0;  // (share - chance) / (1 - chance), an unbiased estimate of the share over all pictures
    std::vector<double> rings;  // mean energy by distance from the border: outermost ring of patches first
    double borderEnergy = 0, innerEnergy = 0;  // of the outermost ring and of everything inside
    std::vector<std::string> paths;            // pictures that were used
    std::vector<int64_t> outlierCounts;        // outlier tokens of each
    std::vector<SkippedPicture> skipped;

    double meanOutliers() const;
};

class Analysis {
  public:
    virtual ~Analysis() = default;
    virtual Result<LayerComparison> compare(const CompareRequest& request, JobContext& job) = 0;
    virtual Result<LayerRanks> rank(const RankRequest& request, JobContext& job) = 0;
    // Summaries are kept (by path, time and size of the file): a second call encodes new pictures only.
    virtual Result<NeighborLists> neighbors(const NeighborRequest& request, JobContext& job) = 0;
    virtual Result<ZeroShotTable> zeroShot(const ZeroShotRequest& request, JobContext& job) = 0;
    virtual Result<FixedPatternResult> pattern(const PatternRequest& request, JobContext& job) = 0;
};

// The results as CSV (RFC 4180) with a header line.
std::string csvOf(const LayerComparison& result);  // layer, then one column for each layer of the other model
std::string csvOf(const LayerRanks& result);       // layer,width,samples,rankMe,effectiveRank,lidar
std::string csvOf(const NeighborLists& result);    // query,rank,picture,cosine,label
std::string csvOf(const ZeroShotTable& result);    // picture, then one column for each class
std::string csvOf(const FixedPatternResult& result);  // row,column,energy,outlierRate

}  // namespace vitrine
