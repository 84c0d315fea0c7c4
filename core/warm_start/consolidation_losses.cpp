#include "core/warm_start/consolidation_losses.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace vitrine {
namespace {

constexpr double kSmall = 1e-8;

at::Tensor directions(const at::Tensor& features) {
    return features / features.norm(2, {1}, true).clamp_min(kSmall);
}

template <typename Term, size_t Count>
Result<Term> termFrom(const std::string& name, const std::array<const char*, Count>& names,
                      const char* what) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end())
        return fail(ErrorCode::InvalidArgument, fmt::format("there is no {} \"{}\"", what, name), {},
                    fmt::format("Take one of {}", fmt::join(names, ", ")));
    return Term(found - names.begin());
}

at::Tensor crossEntropies(const at::Tensor& logits, const at::Tensor& labels) {
    return at::cross_entropy_loss(logits, labels, {}, at::Reduction::None);
}

}  // namespace

Result<FeatureTerm> featureTermFromName(const std::string& name) {
    return termFrom<FeatureTerm>(name, std::array{"none", "direction", "consolidate", "both", "subspace"},
                                 "term on features");
}

Result<DistillationTerm> distillationTermFromName(const std::string& name) {
    return termFrom<DistillationTerm>(
        name, std::array{"none", "constant", "trust", "trust_hard", "relative", "entropy"},
        "weight of distillation");
}

at::Tensor featureDirectionLoss(const at::Tensor& student, const at::Tensor& teacher) {
    return (directions(student) - directions(teacher.detach())).square().sum(1).mean();
}

at::Tensor channelNormLoss(const at::Tensor& student) {
    // The root has no gradient at 0: a dead channel stays where it is.
    return (student.square().sum(0) + kSmall * kSmall).sqrt().sum() / std::sqrt(double(student.size(0)));
}

at::Tensor inRowSpace(const at::Tensor& features, const at::Tensor& weight) {
    const auto [u, singular, v] = at::linalg_svd(weight.detach(), false);
    const double smallest = singular.max().item<double>() * 1e-6;
    const at::Tensor basis = v.index_select(0, singular.gt(smallest).nonzero().flatten());
    return features.matmul(basis.t());
}

at::Tensor distillationWeights(DistillationTerm term, const at::Tensor& student, const at::Tensor& teacher,
                               const at::Tensor& labels) {
    const at::NoGradGuard plain;
    const at::Tensor probabilities = teacher.softmax(1);
    switch (term) {
        case DistillationTerm::None:
            return at::zeros({teacher.size(0)});
        case DistillationTerm::Constant:
            return at::ones({teacher.size(0)});
        case DistillationTerm::TrustHard:
            return teacher.argmax(1).eq(labels).to(at::kFloat);
        case DistillationTerm::Entropy: {
            const at::Tensor entropy = -(probabilities * probabilities.clamp_min(kSmall).log()).sum(1);
            return 1 - entropy / std::log(double(teacher.size(1)));
        }
        case DistillationTerm::Trust:
        case DistillationTerm::Relative: {
            const at::Tensor trusted = probabilities.gather(1, labels.unsqueeze(1)).squeeze(1);
            const at::Tensor weights = trusted / trusted.mean().clamp_min(kSmall);
            if (term == DistillationTerm::Trust)
                return weights;
            const at::Tensor own = crossEntropies(student, labels).mean(),
                             others = crossEntropies(teacher, labels).mean();
            return weights * 2 * own / (own + others).clamp_min(kSmall);
        }
    }
    return at::ones({teacher.size(0)});
}

at::Tensor weightedDistillation(const at::Tensor& student, const at::Tensor& teacher,
                                const at::Tensor& weights, double temperature) {
    const at::Tensor target = (teacher.detach() / temperature).log_softmax(1);
    const at::Tensor divergence = (target.exp() * (target - (student / temperature).log_softmax(1))).sum(1);
    return (weights * divergence).mean() * temperature * temperature;
}

}  // namespace vitrine
