#include "core/distill/teacher_moments.h"

#include "core/io/safetensors.h"
#include "core/nn/weights.h"

namespace vitrine {

Result<void> TeacherMoments::add(const at::Tensor& features, const at::Tensor& summaries,
                                 const at::Tensor& mask) {
    if (features.defined())
        if (auto added = spatial.addMaps(features, mask); !added)
            return fail(added.error().in("spatial features"));
    if (!summaries.defined())
        return {};
    // The cone refuses zero vectors, which moments would take: it goes first, so that an error leaves both
    // alike.
    if (auto added = cone.add(summaries); !added)
        return fail(added.error().in("summaries"));
    if (auto added = summary.add(summaries); !added)
        return fail(added.error().in("summaries"));
    return {};
}

Result<void> TeacherMoments::merge(const TeacherMoments& other) {
    VITRINE_TRY_VOID(spatial.merge(other.spatial));
    VITRINE_TRY_VOID(cone.merge(other.cone));
    return summary.merge(other.summary);
}

Result<void> TeacherMoments::save(const std::filesystem::path& file,
                                  const std::map<std::string, std::string>& metadata) const {
    std::map<std::string, at::Tensor> tensors;
    putBelow(tensors, spatial.state(), "spatial");
    putBelow(tensors, summary.state(), "summary");
    putBelow(tensors, cone.state(), "cone");
    return writeTensors(file, tensors, metadata);
}

Result<TeacherMoments> TeacherMoments::load(const std::filesystem::path& file) {
    VITRINE_TRY(const auto source, openSafetensors(file));
    VITRINE_TRY(const auto tensors, readAllTensors(*source));
    const auto part = [&](const char* name, auto read) {
        auto value = read(stateBelow(tensors, name));
        if (!value)
            value = fail(value.error().in(name).in(file.string()));
        return value;
    };
    TeacherMoments moments;
    VITRINE_TRY(moments.spatial, part("spatial", &FeatureMoments::fromState));
    VITRINE_TRY(moments.summary, part("summary", &FeatureMoments::fromState));
    VITRINE_TRY(moments.cone, part("cone", &SummaryConeEstimator::fromState));
    return moments;
}

}  // namespace vitrine
