// Projections of features, and rotations.
#include "kernels/operators.h"
#include "tests/bench/kernels_bench_rows.h"

#include <fmt/format.h>

namespace vitrine::bench {

void addProjections(KernelRows& rows) {
    const auto x = at::randn({768, 64, 64}), mean = at::randn({768}), components = at::randn({3, 768});
    const auto query = at::randn({1, 768});
    rows.push_back({"cosine map, 768 channels, 64x64", [=] { kernels::cosineSimilarityMap(x, query); },
                    [=] {
                        at::cosine_similarity(x, query.reshape({768, 1, 1}), 0);
                    }});
    rows.push_back({"pca projection, 768 channels, 64x64",
                    [=] { kernels::pcaProjection(x, mean, components); },
                    [=] { components.matmul(x.flatten(1) - mean.unsqueeze(1)); }});
    const auto half = x.to(at::kBFloat16);
    rows.push_back({"pca projection, bfloat16", [=] { kernels::pcaProjection(half, mean, components); },
                    [=] { components.matmul(half.to(at::kFloat).flatten(1) - mean.unsqueeze(1)); }});
}

// A rotation should cost little more than reading and writing the data (wanted: 1.3 times a copy).
void addRotations(KernelRows& rows) {
    for (const int64_t width : {256, 1024, 4096}) {
        const auto x = at::randn({(int64_t(1) << 23) / width, width});
        rows.push_back({fmt::format("hadamard transform, {} wide, 32 MB", width),
                        [=] { kernels::hadamardTransform(x, width, 0.5); }, [=] { x.clone(); }, 0, "copy"});
    }
    const auto x = at::randn({6400, 1280});
    rows.push_back({"hadamard transform, order 64 of 1280 wide, 32 MB",
                    [=] { kernels::hadamardTransform(x, 64, 0.125); }, [=] { x.clone(); }, 0, "copy"});
    const auto wide = at::randn({2048, 1024}), matrix = at::randn({1024, 1024});
    rows.push_back({"hadamard transform, 1024 wide, against a product",
                    [=] { kernels::hadamardTransform(wide, 1024, 0.5); }, [=] { wide.matmul(matrix); }});
}

}  // namespace vitrine::bench
