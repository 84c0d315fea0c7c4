// Selective scans.
#include "kernels/operators.h"
#include "tests/bench/kernels_bench_rows.h"

#include <fmt/format.h>

namespace vitrine::bench {
namespace {

// The published definition as plain LibTorch: one step after the other, float32.
at::Tensor plainScan(const at::Tensor& u, const at::Tensor& delta, const at::Tensor& a, const at::Tensor& b,
                     const at::Tensor& c, const at::Tensor& skip) {
    const auto step = at::softplus(delta);
    const auto decay = (step.unsqueeze(3) * a.unsqueeze(1).unsqueeze(0)).exp().unbind(2);  // each (B, D, N)
    const auto input = ((step * u).unsqueeze(3) * b.transpose(1, 2).unsqueeze(1)).unbind(2);
    const auto read = c.unsqueeze(3).unbind(2);
    auto state = at::zeros({u.size(0), u.size(1), a.size(1)});
    std::vector<at::Tensor> outputs;
    for (size_t t = 0; t < decay.size(); ++t) {
        state = decay[t] * state + input[t];
        outputs.push_back(at::matmul(state, read[t]).squeeze(2));
    }
    return at::stack(outputs, 2) + skip.unsqueeze(1) * u;
}

}  // namespace

// Mixers of MambaVision-T at 1024 pixels (64 x 64 tokens in one window) and of Mamba-130M, half as wide as
// there.
void addScans(KernelRows& rows) {
    for (const auto& [name, channels, states] :
         {std::tuple{"160 channels, 8 states", 160, 8}, std::tuple{"768 channels, 16 states", 768, 16}}) {
        const int64_t length = 4096;
        const auto u = at::randn({1, length, channels}).transpose(1, 2),
                   delta = at::randn({1, length, channels}).transpose(1, 2) * 0.5 - 1;
        const auto a = -at::arange(1, states + 1, at::kFloat).repeat({channels, 1}),
                   skip = at::ones({channels});
        const auto b = at::randn({1, states, length}), c = at::randn({1, states, length}),
                   grad = at::randn({1, channels, length});
        const auto ours = [](const std::vector<at::Tensor>& in) {
            return std::get<0>(
                kernels::selectiveScan({in[0], in[1], in[2], in[3], in[4], in[5], {}, {}, {}, true}));
        };
        const auto plain = [](const std::vector<at::Tensor>& in) {
            return plainScan(in[0], in[1], in[2], in[3], in[4], in[5]);
        };
        const std::vector<at::Tensor> inputs{u, delta, a, b, c, skip};
        rows.push_back({fmt::format("selective scan, length 4096, {}", name), [=] { ours(inputs); },
                        [=] { plain(inputs); }, 0, "step by step"});
        rows.push_back({fmt::format("selective scan backward pass, {}", name), backwardOf(ours, inputs, grad),
                        backwardOf(plain, inputs, grad), 0, "step by step"});
    }
}

}  // namespace vitrine::bench
