// Joint bilateral upsampling.
#include "kernels/operators.h"
#include "tests/bench/kernels_bench_rows.h"

namespace vitrine::bench {
namespace {

at::Tensor unfold(const at::Tensor& map, int64_t radius) {
    const int64_t d = 2 * radius + 1;
    return at::im2col(at::reflection_pad2d(map, {radius, radius, radius, radius}), {d, d}, {1, 1}, {0, 0},
                      {1, 1})
        .reshape({map.size(0), map.size(1), d * d, map.size(2), map.size(3)});
}

// Learned-range level in plain LibTorch: neighbours unfolded for guidance and features.
at::Tensor plainLearnedLevel(const at::Tensor& map, const at::Tensor& keys, const at::Tensor& spatial) {
    const auto scores = (unfold(keys, 3) * keys.unsqueeze(2)).sum(1);
    auto taps = scores.softmax(1) * spatial;
    taps = taps / taps.sum(1, true).clamp_min(1e-7);
    return (unfold(map, 3) * taps.unsqueeze(1)).sum(2);
}

at::Tensor plainGuidedLevel(const at::Tensor& map, const at::Tensor& guidance, const at::Tensor& spatial) {
    const auto distance = (unfold(guidance, 3) - guidance.unsqueeze(2)).square().sum(1);
    auto taps = (-distance / (2 * 0.1 * 0.1)).exp() * spatial;
    taps = taps / taps.sum(1, true);
    return (unfold(map, 3) * taps.unsqueeze(1)).sum(2);
}

}  // namespace

void addUpsampling(KernelRows& rows) {
    const auto map = at::randn({1, 256, 96, 96}), keys = at::randn({1, 32, 96, 96}),
               rgb = at::rand({1, 3, 96, 96});
    const auto axis = at::linspace(-1, 1, 7);
    const auto spatial =
        (-(axis.square().unsqueeze(1) + axis.square().unsqueeze(0)) / 2).exp().reshape({1, 49, 1, 1});
    rows.push_back({"jbu learned level, 256 channels, 96x96",
                    [=] { kernels::jbuApply(map, kernels::jbuLearnedTaps(keys, 1, 1, 3)); },
                    [=] { plainLearnedLevel(map, keys, spatial); }});
    rows.push_back({"jbu guided level, 256 channels, 96x96",
                    [=] { kernels::jbuApply(map, kernels::jbuGuidedTaps(rgb, 1, 0.1, 3)); },
                    [=] { plainGuidedLevel(map, rgb, spatial); }});
    const auto three = at::randn({1, 3, 256, 256}), small = at::rand({1, 3, 256, 256});
    rows.push_back({"jbu guided level, 3 channels, 256x256",
                    [=] { kernels::jbuApply(three, kernels::jbuGuidedTaps(small, 1, 0.1, 3)); },
                    [=] { plainGuidedLevel(three, small, spatial); }});
}

}  // namespace vitrine::bench
