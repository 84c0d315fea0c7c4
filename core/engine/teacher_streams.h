// The streams of features that one model gives (final features, layers, adaptors), each with its moments and
// a small sample of its features: batches of pictures in, statistics out.
#pragma once

#include "core/distill/teacher_moments.h"
#include "core/engine/picture_batches.h"
#include "core/features/feature_sample.h"

#include <filesystem>
#include <vector>

namespace vitrine {

struct TeacherStream {
    std::string name;     // "final", "layer 3", "adaptor clip"
    int64_t layer = -1;   // hidden state; -1: the final features or an adaptor's
    std::string adaptor;  // empty: backbone
    TeacherMoments moments;
    FeatureSample sample;
};

struct StreamSettings {
    std::vector<int64_t> layers;        // -1: the final features
    std::vector<std::string> adaptors;  // "*": all that the model has
    MomentOptions moments;
    FeatureSample sample;  // empty: of this size and seed
};

class TeacherStreams {
  public:
    // `store` owns the model. InvalidArgument for a layer or adaptor that it does not have, or no stream at
    // all.
    static Result<TeacherStreams> open(const StoredModel& model, const StreamSettings& settings);

    // Encodes the batch's pixels (of its first model) and adds all streams. Positions of padding do not
    // count. `names`: of the batch's pictures, for the samples.
    Result<void> add(const ModelBatch& batch, const std::vector<std::string>& names);
    const std::vector<TeacherStream>& list() const { return streams_; }
    // Wall-clock seconds since the start, resumed ones included.
    double encodeSeconds = 0, momentSeconds = 0;

    // Two files for each stream, its moments and its sample, "PREFIX-0.safetensors"...; names of what was
    // written.
    Result<std::vector<std::string>> save(const std::filesystem::path& folder,
                                          const std::string& prefix) const;
    // InvalidFile if the files are not those of these streams.
    Result<void> restore(const std::filesystem::path& folder, const std::vector<std::string>& files);

  private:
    explicit TeacherStreams(const StoredModel& model) : model_(&model) {}
    Result<void> addStream(TeacherStream& stream, const EncoderOutput& output, const ModelBatch& batch,
                           const std::vector<std::string>& names);

    const StoredModel* model_;
    std::vector<TeacherStream> streams_;
    EncodeRequest request_;
};

// (B, height, width) bool: cells whose centre shows the picture rather than padding; undefined if all do.
at::Tensor pictureCells(const std::vector<ImageTransform>& transforms, int64_t height, int64_t width);

}  // namespace vitrine
