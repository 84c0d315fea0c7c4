// All statistics of one teacher (or of one layer or adaptor of it): spatial features, summaries and the
// summaries' cone, kept apart because normalisation concerns the spatial features and the angle loss the
// summaries.
#pragma once

#include "core/distill/feature_moments.h"
#include "core/distill/summary_dispersion.h"

namespace vitrine {

struct TeacherMoments {
    FeatureMoments spatial;
    FeatureMoments summary;
    SummaryConeEstimator cone;

    explicit TeacherMoments(const MomentOptions& options = {}) : spatial(options), summary(options) {}

    // features (B, C, h, w), mask (B, h, w) bool or undefined; summaries (B, S) or undefined. Errors: as
    // FeatureMoments and SummaryConeEstimator, "spatial features" or "summaries" in `where`.
    Result<void> add(const at::Tensor& features, const at::Tensor& summaries, const at::Tensor& mask = {});
    Result<void> merge(const TeacherMoments& other);

    // One safetensors file, names under "spatial.", "summary." and "cone."; metadata as given.
    Result<void> save(const std::filesystem::path& file,
                      const std::map<std::string, std::string>& metadata = {}) const;
    static Result<TeacherMoments> load(const std::filesystem::path& file);
};

}  // namespace vitrine
