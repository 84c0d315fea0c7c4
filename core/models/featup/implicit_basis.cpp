#include "core/models/featup/implicit_basis.h"

namespace vitrine::featup {

at::Tensor ImplicitBasis::reduced(const at::Tensor& features) const {
    const at::Tensor centred = features - mean.view({1, -1, 1, 1});
    return (at::matmul(components, centred.flatten(2)) / scale)
        .view({features.size(0), components.size(0), features.size(2), features.size(3)});
}

at::Tensor ImplicitBasis::features(const at::Tensor& reduced) const {
    const at::Tensor spread = at::matmul(components.t() * scale, reduced.flatten(2));
    return spread.view({reduced.size(0), components.size(1), reduced.size(2), reduced.size(3)}) +
           mean.view({1, -1, 1, 1});
}

}  // namespace vitrine::featup
