// Low-bit formats.
#include "kernels/compression_operators.h"
#include "tests/bench/kernels_bench_rows.h"

namespace vitrine::bench {

void addLowBit(KernelRows& rows) {
    using kernels::LowBitFormat;
    const auto weight = at::randn({2048, 4096});
    const auto groups = weight.reshape({-1, 128});
    rows.push_back({"int4 groups of 128, 2048x4096",
                    [=] { kernels::lowBitEncode(weight, LowBitFormat::Affine, 4, 128); },
                    [=] {
                        const auto low = groups.amin({1}, true).clamp_max(0),
                                   high = groups.amax({1}, true).clamp_min(0);
                        const auto scale = (high - low) / 15, zero = (-low / scale).round();
                        ((groups / scale).round() + zero).clamp(0, 15).to(at::kByte);
                    }});
    rows.push_back({"fp8 e4m3 per row, 2048x4096",
                    [=] { kernels::lowBitEncode(weight, LowBitFormat::E4M3, 8, 0); },
                    [=] {
                        const auto scale = weight.abs().amax({1}, true) / 448;
                        (weight / scale).clamp(-448, 448).to(at::kFloat8_e4m3fn);
                    }});
    const auto entries = at::tensor(at::ArrayRef<float>(kernels::kNormalFloat4, 16));
    const auto middles = (entries.slice(0, 1) + entries.slice(0, 0, 15)) / 2;
    rows.push_back({"nf4 blocks of 64, 2048x4096",
                    [=] { kernels::lowBitEncode(weight, LowBitFormat::Nf4, 4, 64); },
                    [=] {
                        const auto blocks = weight.reshape({-1, 64});
                        at::bucketize(blocks / blocks.abs().amax({1}, true), middles);
                    }});
    const auto codes = kernels::lowBitEncode(weight, LowBitFormat::Nvfp4, 4, 16);
    rows.push_back(
        {"nvfp4, 2048x4096", [=] { kernels::lowBitEncode(weight, LowBitFormat::Nvfp4, 4, 16); },
         [=] {
             const auto blocks = weight.reshape({-1, 16});
             const auto scale = (blocks.abs().amax({1}, true) / 6).to(at::kFloat8_e4m3fn).to(at::kFloat);
             at::bucketize((blocks / scale).abs(), at::tensor({.25f, .75f, 1.25f, 1.75f, 2.5f, 3.5f, 5.f}));
         }});
    const auto magnitudes = at::tensor(at::ArrayRef<float>(kernels::kE2M1, 8));
    const auto all = at::cat({magnitudes, -magnitudes});
    rows.push_back({"nvfp4 decode, 2048x4096", [=] { kernels::lowBitDecode(codes, LowBitFormat::Nvfp4, 16); },
                    [=] {
                        all.index_select(0, codes.codes.flatten().to(at::kInt)).reshape({-1, 16}) *
                            codes.scales.reshape({-1, 1});
                    }});
}

}  // namespace vitrine::bench
