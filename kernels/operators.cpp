#include "kernels/operators.h"

#include "kernels/common/element.h"
#include "kernels/cuda_loader.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>

namespace vitrine::kernels {

TORCH_LIBRARY(vitrine, library) {
    library.def("cosine_similarity_map(Tensor features, Tensor queries) -> Tensor");
    library.def("pca_projection(Tensor features, Tensor mean, Tensor components) -> Tensor");
    library.def("nm_mask(Tensor scores, int n, int m) -> Tensor");
    library.def("nm_scan(Tensor weight, int m) -> Tensor");
    library.def(
        "jbu_learned_taps(Tensor keys, float temperature, float sigma_spatial, int radius, bool half=False) "
        "-> Tensor");
    library.def(
        "jbu_guided_taps(Tensor guidance, float sigma_spatial, float sigma_range, int radius, bool "
        "half=False) -> Tensor");
    library.def("jbu_apply(Tensor map, Tensor taps) -> Tensor");
    library.def("adaptive_conv(Tensor input, Tensor filters) -> Tensor");
    library.def("adaptive_conv_spread(Tensor centre, Tensor filters) -> Tensor");
    library.def("neighbour_products(Tensor centre, Tensor around) -> Tensor");
    library.def(
        "local_attention(Tensor query, Tensor key, Tensor value, Tensor slopes, int radius, float scale) -> "
        "(Tensor, Tensor)");
    library.def(
        "local_attention_backward(Tensor grad, Tensor query, Tensor key, Tensor value, Tensor slopes, Tensor "
        "log_sum, "
        "int radius, float scale) -> (Tensor, Tensor, Tensor)");
    library.def(
        "selective_scan(Tensor u, Tensor delta, Tensor a, Tensor b, Tensor c, Tensor? skip, Tensor? gate, "
        "Tensor? delta_bias, Tensor? initial_state, bool softplus) -> (Tensor, Tensor)");
    library.def(
        "selective_scan_backward(Tensor grad_out, Tensor grad_last_state, Tensor u, Tensor delta, Tensor a, "
        "Tensor b, "
        "Tensor c, Tensor? skip, Tensor? gate, Tensor? delta_bias, Tensor? initial_state, bool softplus) -> "
        "Tensor[]");
    library.def("hadamard_transform(Tensor input, int order, float scale) -> Tensor");
}

namespace {

template <typename Signature>
c10::TypedOperatorHandle<Signature> find(const char* name) {
    ensureRegistered();
    return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

at::Tensor reflectedAxis(const at::Tensor& map, int64_t dimension, int64_t radius) {
    const int64_t size = map.size(dimension);
    const auto positions = at::empty({size + 2 * radius}, at::kLong);
    for (int64_t index = 0; index < size + 2 * radius; ++index)
        positions.data_ptr<int64_t>()[index] = reflected(index - radius, size);
    return map.index_select(dimension, positions.to(map.device()));
}

}  // namespace

void ensureRegistered() {
    static const bool loaded = loadCudaKernels();
    (void)loaded;
}

at::Tensor padReflected(const at::Tensor& map, int64_t radius) {
    if (radius == 0)
        return map.contiguous();
    if (map.size(-1) > radius && map.size(-2) > radius)
        return at::reflection_pad2d(map, {radius, radius, radius, radius}).contiguous();
    return reflectedAxis(reflectedAxis(map, -2, radius), -1, radius).contiguous();
}

at::Tensor cosineSimilarityMap(const at::Tensor& features, const at::Tensor& queries) {
    static const auto op =
        find<at::Tensor(const at::Tensor&, const at::Tensor&)>("vitrine::cosine_similarity_map");
    return op.call(features, queries);
}

at::Tensor pcaProjection(const at::Tensor& features, const at::Tensor& mean, const at::Tensor& components) {
    static const auto op =
        find<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&)>("vitrine::pca_projection");
    return op.call(features, mean, components);
}

at::Tensor nmMask(const at::Tensor& scores, int64_t n, int64_t m) {
    static const auto op = find<at::Tensor(const at::Tensor&, int64_t, int64_t)>("vitrine::nm_mask");
    return op.call(scores, n, m);
}

at::Tensor nmScan(const at::Tensor& weight, int64_t m) {
    static const auto op = find<at::Tensor(const at::Tensor&, int64_t)>("vitrine::nm_scan");
    return op.call(weight, m);
}

at::Tensor jbuLearnedTaps(const at::Tensor& keys, double temperature, double sigmaSpatial, int64_t radius,
                          bool half) {
    static const auto op =
        find<at::Tensor(const at::Tensor&, double, double, int64_t, bool)>("vitrine::jbu_learned_taps");
    return op.call(keys, temperature, sigmaSpatial, radius, half);
}

at::Tensor jbuGuidedTaps(const at::Tensor& guidance, double sigmaSpatial, double sigmaRange, int64_t radius,
                         bool half) {
    static const auto op =
        find<at::Tensor(const at::Tensor&, double, double, int64_t, bool)>("vitrine::jbu_guided_taps");
    return op.call(guidance, sigmaSpatial, sigmaRange, radius, half);
}

at::Tensor jbuApply(const at::Tensor& map, const at::Tensor& taps) {
    static const auto op = find<at::Tensor(const at::Tensor&, const at::Tensor&)>("vitrine::jbu_apply");
    return op.call(map, taps);
}

at::Tensor adaptiveConv(const at::Tensor& input, const at::Tensor& filters) {
    static const auto op = find<at::Tensor(const at::Tensor&, const at::Tensor&)>("vitrine::adaptive_conv");
    return op.call(input, filters);
}

at::Tensor adaptiveConvSpread(const at::Tensor& centre, const at::Tensor& filters) {
    static const auto op =
        find<at::Tensor(const at::Tensor&, const at::Tensor&)>("vitrine::adaptive_conv_spread");
    return op.call(centre, filters);
}

at::Tensor neighbourProducts(const at::Tensor& centre, const at::Tensor& around) {
    static const auto op =
        find<at::Tensor(const at::Tensor&, const at::Tensor&)>("vitrine::neighbour_products");
    return op.call(centre, around);
}

at::Tensor localAttention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                          const at::Tensor& slopes, int64_t radius, double scale) {
    static const auto op = find<std::tuple<at::Tensor, at::Tensor>(
        const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&, int64_t, double)>(
        "vitrine::local_attention");
    return std::get<0>(op.call(query, key, value, slopes, radius, scale));
}

std::tuple<at::Tensor, at::Tensor> selectiveScan(const SelectiveScanTensors& in) {
    using Tensor = at::Tensor;
    using Optional = std::optional<at::Tensor>;
    static const auto op = find<std::tuple<Tensor, Tensor>(
        const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Optional&,
        const Optional&, const Optional&, const Optional&, bool)>("vitrine::selective_scan");
    return op.call(in.u, in.delta, in.a, in.b, in.c, in.skip, in.gate, in.deltaBias, in.initialState,
                   in.softplus);
}

at::Tensor hadamardTransform(const at::Tensor& input, int64_t order, double scale) {
    static const auto op =
        find<at::Tensor(const at::Tensor&, int64_t, double)>("vitrine::hadamard_transform");
    return op.call(input, order, scale);
}

}  // namespace vitrine::kernels
