#include "core/engine/teacher_engine_impl.h"

#include "core/distill/normalizer.h"
#include "core/distill/teacher_moments.h"
#include "core/engine/error_contours.h"
#include "core/engine/statistics_report.h"
#include "core/features/feature_sample.h"

#include <algorithm>
#include <map>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kAxes = 3;

std::vector<float> floatsOf(const at::Tensor& tensor) {
    const at::Tensor flat = tensor.to(at::kFloat).contiguous();
    return {flat.const_data_ptr<float>(), flat.const_data_ptr<float>() + flat.numel()};
}

// What a normaliser makes of a column or of a covariance; W = 1 for none.
struct Space {
    at::Tensor matrix;  // (C, C) float64; undefined: 1

    at::Tensor columns(const at::Tensor& given) const {
        return matrix.defined() ? matrix.matmul(given) : given;
    }
    at::Tensor covariance(const at::Tensor& given) const {
        return matrix.defined() ? matrix.matmul(given).matmul(matrix.t()) : given;
    }
};

// Orthonormal columns that span the same, in their order (modified Gram-Schmidt).
at::Tensor orthonormal(const at::Tensor& columns) {
    at::Tensor result = columns.clone();
    for (int64_t column = 0; column < result.size(1); ++column) {
        at::Tensor own = result.select(1, column);
        for (int64_t earlier = 0; earlier < column; ++earlier) {
            const at::Tensor known = result.select(1, earlier);
            own.sub_(known * known.dot(own));
        }
        own.div_(own.norm().clamp_min(1e-300));
    }
    return result;
}

// (n, axes) -> x, y, z of each.
std::vector<float> coordinatesOf(const at::Tensor& projected) {
    at::Tensor whole = at::zeros({projected.size(0), kAxes}, at::kFloat);
    whole.narrow(1, 0, projected.size(1)).copy_(projected);
    return floatsOf(whole);
}

class TeacherEngineImpl : public TeacherEngine {
  public:
    Result<CovarianceMaps> covariance(const fs::path& moments, const std::string& normalizer,
                                      JobContext& job) override {
        VITRINE_TRY_VOID(open(moments));
        VITRINE_TRY(const Space space, spaceOf(normalizer));
        VITRINE_TRY_VOID(job.checkStop());
        CovarianceMaps maps;
        maps.channels = statistics_.channelCount();
        maps.before = floatsOf(statistics_.covariance);
        maps.after = floatsOf(space.covariance(statistics_.covariance));
        return maps;
    }

    Result<FeatureClouds> clouds(const fs::path& moments, const fs::path& sample,
                                 const std::string& normalizer, CloudAxes axes, JobContext& job) override {
        VITRINE_TRY_VOID(open(moments));
        VITRINE_TRY(const FeatureSample kept, FeatureSample::load(sample));
        const std::vector<SampledPicture> pictures = kept.list();
        FeatureClouds clouds;
        clouds.channels = statistics_.channelCount();
        clouds.picturesSeen = kept.seen();
        std::vector<at::Tensor> rows;
        for (const SampledPicture& picture : pictures) {
            if (picture.tokens.size(1) != clouds.channels)
                return fail(ErrorCode::ShapeMismatch,
                            fmt::format("the sample has {} channels, the moments have {}",
                                        picture.tokens.size(1), clouds.channels),
                            sample.string());
            rows.push_back(picture.tokens);
            clouds.pictureOf.insert(clouds.pictureOf.end(), size_t(picture.tokens.size(0)),
                                    int32_t(clouds.pictures.size()));
            const std::vector<float> places = floatsOf(picture.places);
            clouds.places.insert(clouds.places.end(), places.begin(), places.end());
            clouds.pictures.push_back(picture.name);
        }
        if (rows.empty())
            return fail(ErrorCode::InvalidFile, "the sample holds no vector", sample.string(),
                        "Collect the statistics again");
        VITRINE_TRY(const Space space, spaceOf(normalizer));
        VITRINE_TRY_VOID(job.checkStop());
        const at::Tensor vectors = at::cat(rows);
        clouds.norms = floatsOf(vectors.norm(2, {1}));
        const at::Tensor centred = vectors.to(at::kDouble) - statistics_.mean;
        VITRINE_TRY(const at::Tensor columns, axisColumns(axes, clouds.axes));
        const at::Tensor taken = axes == CloudAxes::Channels ? columns : orthonormal(space.columns(columns));
        clouds.before = coordinatesOf(centred.matmul(columns));
        clouds.after = coordinatesOf(space.columns(centred.t()).t().matmul(taken));
        describe(clouds.axes, columns, statistics_.covariance, true);
        describe(clouds.axes, taken, space.covariance(statistics_.covariance), false);
        return clouds;
    }

    Result<ErrorContours> errorContours(const fs::path& moments, int64_t first, int64_t second,
                                        JobContext& job) override {
        VITRINE_TRY_VOID(open(moments));
        VITRINE_TRY_VOID(job.checkStop());
        return errorContoursOf(statistics_, options_, first, second);
    }

  private:
    // The statistics of the file that is asked about stay, with what was fitted to them: the next question
    // is mostly about another normaliser of the same stream.
    Result<void> open(const fs::path& moments) {
        if (moments == file_)
            return {};
        VITRINE_TRY(const TeacherMoments loaded, TeacherMoments::load(moments));
        VITRINE_TRY(statistics_, loaded.spatial.statistics());
        options_ = normalizerOptionsOf(loaded.spatial);
        spaces_.clear();
        eigenvectors_ = at::Tensor();
        file_ = moments;
        return {};
    }

    Result<Space> spaceOf(const std::string& name) {
        VITRINE_TRY(const NormalizerKind kind, normalizerFromName(name));
        if (kind == NormalizerKind::None)
            return Space{};
        const auto known = spaces_.find(kind);
        if (known != spaces_.end())
            return known->second;
        VITRINE_TRY(const Normalizer normalizer, Normalizer::fit(kind, statistics_, options_));
        return spaces_[kind] = Space{normalizer.matrix()};
    }

    // (C, 1 to 3) float64, orthonormal; fills in the names.
    Result<at::Tensor> axisColumns(CloudAxes axes, std::vector<FeatureClouds::Axis>& named) {
        const int64_t channels = statistics_.channelCount(), count = std::min(kAxes, channels);
        if (axes == CloudAxes::Channels) {
            const at::Tensor order = statistics_.variance().argsort(true, 0, true).narrow(0, 0, count);
            at::Tensor columns = at::zeros({channels, count}, at::kDouble);
            for (int64_t axis = 0; axis < count; ++axis) {
                const int64_t channel = order[axis].item<int64_t>();
                columns[channel][axis] = 1;
                named.push_back({fmt::format("channel {}", channel)});
            }
            return columns;
        }
        if (!eigenvectors_.defined()) {
            VITRINE_TRY(const FeatureSpectrum spectrum, spectrumOf(statistics_, options_.smallestEigenvalue));
            eigenvectors_ = spectrum.eigenvectors;
        }
        for (int64_t axis = 0; axis < count; ++axis)
            named.push_back({fmt::format("direction {}", axis + 1)});
        return eigenvectors_.narrow(1, channels - count, count).flip(1).contiguous();
    }

    static void describe(std::vector<FeatureClouds::Axis>& axes, const at::Tensor& columns,
                         const at::Tensor& covariance, bool before) {
        const double total = std::max(covariance.diagonal().sum().item<double>(), 1e-300);
        for (size_t axis = 0; axis < axes.size(); ++axis) {
            const at::Tensor column = columns.select(1, int64_t(axis));
            const double variance = std::max(0.0, column.dot(covariance.matmul(column)).item<double>());
            (before ? axes[axis].before : axes[axis].after) = std::sqrt(variance);
            (before ? axes[axis].beforeShare : axes[axis].afterShare) = variance / total;
        }
    }

    fs::path file_;
    MomentStatistics statistics_;
    NormalizerOptions options_;
    std::map<NormalizerKind, Space> spaces_;
    at::Tensor eigenvectors_;  // (C, C), columns by rising eigenvalue; undefined: not asked for yet
};

}  // namespace

std::unique_ptr<TeacherEngine> makeTeacherEngine() {
    return std::make_unique<TeacherEngineImpl>();
}

}  // namespace vitrine
