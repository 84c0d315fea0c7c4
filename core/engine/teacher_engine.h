// What the Teachers workspace asks of the engine about one stream of a statistics run: the covariance of its
// features and a cloud of some of them, before and after a normaliser, and what normalisers do to errors. No
// LibTorch in this header; the implementation lives in the engine library (Engine::createTeacherEngine).
//
// `moments`, `sample`: the files that the run stored. Normalisers are those of core/distill/normalizer.h by
// name, fitted again to the moments as the run fitted them. Calls block; the window makes them on the engine
// thread, one at a time.
#pragma once

#include "core/base/job_context.h"

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace vitrine {

// Row-major, (channels, channels), symmetric.
struct CovarianceMaps {
    int64_t channels = 0;
    std::vector<float> before, after;
};

// Along what the first three coordinates of a cloud lie.
enum class CloudAxes {
    Principal,  // the three directions of largest variance before; after: where the normaliser takes them,
                // made orthonormal in their order
    Channels,   // the three channels of largest variance before; after: the channels of the same numbers
};

struct FeatureClouds {
    struct Axis {
        std::string name;                        // "direction 1", "channel 17"
        double before = 0, after = 0;            // deviation along it, over all vectors that were counted
        double beforeShare = 0, afterShare = 0;  // of the whole variance
    };
    std::vector<Axis> axes;             // three; fewer where there are fewer channels
    std::vector<float> before, after;   // x, y, z of each vector around the mean; 0 for missing axes
    std::vector<float> norms;           // L2 norm of each vector as the teacher gives it
    std::vector<float> places;          // x and y of each vector in its picture, 0 to 1
    std::vector<int32_t> pictureOf;     // of each vector, index into pictures
    std::vector<std::string> pictures;  // names
    int64_t channels = 0;
    int64_t picturesSeen = 0;  // by the run; the sample was drawn from these

    size_t count() const { return norms.size(); }
};

// What an error of length 1 in a normalised space is in the teacher's own, ε = Θ ε', in the plane of two of
// its channels (PHI-S, Ranzinger et al. 2024, the figures of the error circle). Every normaliser is fitted to
// the two channels alone: a circle stays a circle where errors in all directions weigh alike.
struct ErrorContours {
    struct Contour {
        std::string normalizer;
        // Of errors at 0°, 1°, ... 360° of normalised space, in the teacher's units.
        std::vector<double> x, y, radius;
        double ratio = 1;  // the longest over the shortest error
    };
    int64_t channels = 0;           // of the teacher
    int64_t first = 0, second = 0;  // the channels of x and y
    double firstDeviation = 0, secondDeviation = 0, correlation = 0;
    // In the order of allNormalizerKinds(), without none: its circle has radius 1 in the teacher's units,
    // which says nothing beside a loud or a quiet teacher's. Those of the whitening kinds are one ellipse,
    // that of one deviation of the features, and differ in which error lies where on it.
    std::vector<Contour> contours;
};

class TeacherEngine {
  public:
    virtual ~TeacherEngine() = default;
    // InvalidFile for a damaged file, InvalidArgument for an unknown normaliser or features that cannot be
    // normalised.
    virtual Result<CovarianceMaps> covariance(const std::filesystem::path& moments,
                                              const std::string& normalizer, JobContext& job) = 0;
    // The same, and ShapeMismatch where sample and moments have different channels.
    virtual Result<FeatureClouds> clouds(const std::filesystem::path& moments,
                                         const std::filesystem::path& sample, const std::string& normalizer,
                                         CloudAxes axes, JobContext& job) = 0;
    // Of channels `first` and `second`; -1: the channel of largest variance, the one most correlated with the
    // other. InvalidArgument for channels that the teacher lacks, that are the same, or without variance.
    virtual Result<ErrorContours> errorContours(const std::filesystem::path& moments, int64_t first,
                                                int64_t second, JobContext& job) = 0;
};

}  // namespace vitrine
