// All kernels through one table: shapes (odd ones too) x element types x devices present, against plain
// float64 definitions. Error: |a - b| / |b|. Outputs of earlier calls are freed as NaN first, so that an
// element a kernel fails to write shows.
#include "kernels/compression_operators.h"
#include "kernels/operators.h"
#include "tests/kernels/compression_references.h"
#include "tests/kernels/kernel_checks.h"

namespace vitrine::kernels {
namespace {

double tolerance(at::ScalarType type) {
    return type == at::kDouble  ? 1e-12
           : type == at::kFloat ? 2e-6
                                : 5e-6;  // 16-bit inputs are summed in float
}

struct Case {
    const char* name;
    std::vector<int64_t> shape;
    std::function<std::vector<at::Tensor>(const std::vector<int64_t>&)> inputs;  // float64, CPU
    std::function<at::Tensor(const std::vector<at::Tensor>&)> run;
    std::function<at::Tensor(const std::vector<at::Tensor>&)> reference;  // float64
    std::vector<at::ScalarType> types;
    double slack = 1;
};

at::ScalarType accumulated(at::ScalarType type) {
    return type == at::kDouble ? at::kDouble : at::kFloat;
}

at::Tensor normal(at::IntArrayRef shape) {
    return at::randn(shape, at::kDouble);
}

// Neighbourhoods as (B, C, D*D, H, W): the plain way, which the kernels avoid.
at::Tensor unfolded(const at::Tensor& map, int64_t radius) {
    const int64_t d = 2 * radius + 1;
    return at::im2col(padReflected(map, radius), {d, d}, {1, 1}, {0, 0}, {1, 1})
        .reshape({map.size(0), map.size(1), d * d, map.size(2), map.size(3)});
}

at::Tensor spatialKernel(int64_t radius, double sigma) {
    const auto axis = at::linspace(-1, 1, 2 * radius + 1, at::kDouble);
    const auto square = axis.square().unsqueeze(1) + axis.square().unsqueeze(0);
    return (-square / (2 * sigma * sigma)).exp().reshape({1, -1, 1, 1});
}

at::Tensor normalized(const at::Tensor& weights) {
    return weights / weights.sum(1, true).clamp_min(1e-7);
}

// Built up as [[H, H], [H, -H]], another way than the kernel's.
at::Tensor sylvester(int64_t order) {
    auto matrix = at::ones({1, 1}, at::kDouble);
    while (matrix.size(0) < order)
        matrix = at::cat({at::cat({matrix, matrix}, 1), at::cat({matrix, -matrix}, 1)}, 0);
    return matrix;
}

// u, delta, A, B, C, D, z, delta bias for shape (batch, channels, length, states).
std::vector<at::Tensor> scanInputs(const std::vector<int64_t>& s) {
    return {normal({s[0], s[1], s[2]}),          normal({s[0], s[1], s[2]}) * 0.5 - 1,
            -(normal({s[1], s[3]}) * 0.5).exp(), normal({s[0], s[3], s[2]}),
            normal({s[0], s[3], s[2]}),          normal({s[1]}),
            normal({s[0], s[1], s[2]}),          normal({s[1]}) * 0.3};
}

at::Tensor plainScan(const std::vector<at::Tensor>& in) {
    const auto delta = at::softplus(in[1] + in[7].unsqueeze(1));
    auto state = at::zeros({in[0].size(0), in[0].size(1), in[2].size(1)}, at::kDouble);
    auto out = at::empty_like(in[0]);
    for (int64_t t = 0; t < in[0].size(2); ++t) {
        const auto step = delta.select(2, t).unsqueeze(2);
        state = (step * in[2]).exp() * state +
                step * in[0].select(2, t).unsqueeze(2) * in[3].select(2, t).unsqueeze(1);
        out.select(2, t).copy_((state * in[4].select(2, t).unsqueeze(1)).sum(2));
    }
    return (out + in[5].unsqueeze(1) * in[0]) * at::silu(in[6]);
}

// Shapes are (rows of x, rows of the weight, columns) of a product and (groups) of a mask.
void addCompression(std::vector<Case>& list) {
    const std::vector<at::ScalarType> all{at::kFloat, at::kDouble, at::kHalf, at::kBFloat16};
    for (const auto& shape : std::vector<std::vector<int64_t>>{
             {1, 1, 4}, {1, 33, 68}, {3, 5, 36}, {7, 17, 132}, {16, 9, 1100}, {19, 70, 260}, {65, 3, 12}})
        list.push_back({"sparse24 search, apply, pack and linear", shape,
                        [](const std::vector<int64_t>& s) {
                            return std::vector<at::Tensor>{normal({s[0], s[2]}), normal({s[1], s[2]})};
                        },
                        [](const auto& in) {
                            const auto packed = sparse24Pack(sparse24Apply(in[1], sparse24Search(in[1])));
                            const auto x = in[0].to(accumulated(in[0].scalar_type()));
                            return sparse24Linear(x, packed.values, packed.metadata);
                        },
                        [](const auto& in) { return in[0].matmul((in[1] * plainMask24(in[1].abs())).t()); },
                        all});
    for (const auto& shape : std::vector<std::vector<int64_t>>{{1}, {15}, {16}, {333}})
        for (const int64_t candidates : {6, 4})
            list.push_back({"gumbel_mask",
                            shape,
                            [candidates](const std::vector<int64_t>& s) {
                                return std::vector<at::Tensor>{normal({s[0], candidates}), normal({s[0], 4})};
                            },
                            [](const auto& in) { return gumbelMask(in[0], in[1], 12345678901, 1.7, 0.9); },
                            [candidates](const auto& in) {
                                const auto noise = plainGumbel(12345678901, in[0].size(0), candidates);
                                const auto y = ((1.7 * in[0] + noise) / 0.9).softmax(1);
                                return in[1] * (candidates == 4 ? y : y.matmul(patternMatrix()));
                            },
                            {at::kFloat, at::kDouble},
                            2});
}

std::vector<Case> cases() {
    const std::vector<at::ScalarType> all{at::kFloat, at::kDouble, at::kHalf, at::kBFloat16};
    const std::vector<at::ScalarType> full{at::kFloat, at::kDouble};
    std::vector<Case> list;
    for (const auto& shape :
         std::vector<std::vector<int64_t>>{{1, 1, 1}, {7, 3, 5}, {48, 17, 19}, {129, 1, 257}, {96, 33, 31}}) {
        for (const int64_t rows : {1, 3, 9}) {
            const auto withRows = [rows](const std::vector<int64_t>& s) {
                return std::vector<at::Tensor>{normal(s) + 0.5, normal({rows, s[0]}), normal({s[0]})};
            };
            list.push_back({"cosine_similarity_map", shape, withRows,
                            [](const auto& in) { return cosineSimilarityMap(in[0], in[1]); },
                            [](const auto& in) {
                                const auto x = in[0].flatten(1), q = in[1];
                                const auto dots = q.matmul(x);
                                return (dots / q.norm(2, {1}, true) / x.norm(2, {0}, true))
                                    .reshape({q.size(0), in[0].size(1), in[0].size(2)});
                            },
                            all});
            list.push_back({"pca_projection", shape, withRows,
                            [](const auto& in) { return pcaProjection(in[0], in[2], in[1]); },
                            [](const auto& in) {
                                return in[1]
                                    .matmul(in[0].flatten(1) - in[2].unsqueeze(1))
                                    .reshape({in[1].size(0), in[0].size(1), in[0].size(2)});
                            },
                            all});
        }
    }
    for (const auto& shape : std::vector<std::vector<int64_t>>{
             {1, 3, 1, 1}, {2, 3, 2, 5}, {1, 32, 9, 16}, {1, 5, 17, 67}, {2, 3, 4, 33}}) {
        for (const int64_t radius : {1, 3}) {
            const auto guidance = [](const std::vector<int64_t>& s) {
                return std::vector<at::Tensor>{at::rand(s, at::kDouble)};
            };
            list.push_back({"jbu_learned_taps", shape, guidance,
                            [radius](const auto& in) { return jbuLearnedTaps(in[0], 1.7, 0.8, radius); },
                            [radius](const auto& in) {
                                const auto scores = (unfolded(in[0], radius) * in[0].unsqueeze(2)).sum(1);
                                return normalized((1.7 * scores).softmax(1) * spatialKernel(radius, 0.8));
                            },
                            full, 4});
            list.push_back({"jbu_guided_taps", shape, guidance,
                            [radius](const auto& in) { return jbuGuidedTaps(in[0], 1.0, 0.2, radius); },
                            [radius](const auto& in) {
                                const auto distance =
                                    (unfolded(in[0], radius) - in[0].unsqueeze(2)).square().sum(1);
                                return normalized((-distance / 0.08).exp() * spatialKernel(radius, 1.0));
                            },
                            full, 4});
            list.push_back(
                {"jbu_apply", shape,
                 [radius](const std::vector<int64_t>& s) {
                     const int64_t d = 2 * radius + 1;
                     return std::vector<at::Tensor>{normal(s),
                                                    at::rand({s[0], d * d, s[2], s[3]}, at::kDouble)};
                 },
                 [](const auto& in) { return jbuApply(in[0], in[1]); },
                 [radius](const auto& in) { return (unfolded(in[0], radius) * in[1].unsqueeze(1)).sum(2); },
                 full});
        }
    }
    for (const auto& [shape, order] :
         std::vector<std::pair<std::vector<int64_t>, int64_t>>{{{3, 1}, 1},
                                                               {{5, 2}, 2},
                                                               {{2, 3, 4}, 4},
                                                               {{7, 8}, 8},
                                                               {{3, 16}, 16},
                                                               {{2, 64}, 64},
                                                               {{5, 128}, 128},
                                                               {{3, 1024}, 1024},
                                                               {{2, 2048}, 2048},
                                                               {{4, 20}, 1},
                                                               {{3, 12}, 4},
                                                               {{2, 96}, 8},
                                                               {{2, 7, 192}, 64},
                                                               {{3, 1280}, 64},
                                                               {{2, 1152}, 32},
                                                               {{1, 16384}, 16384},
                                                               {{2, 20000}, 2}})
        list.push_back({"hadamard_transform", shape,
                        [](const std::vector<int64_t>& s) { return std::vector<at::Tensor>{normal(s)}; },
                        [order](const auto& in) { return hadamardTransform(in[0], order, 0.37); },
                        [order](const auto& in) {
                            const auto x = in[0].reshape({-1, order, in[0].size(-1) / order});
                            return (0.37 * sylvester(order).matmul(x)).reshape(in[0].sizes());
                        },
                        all});
    for (const auto& shape :
         std::vector<std::vector<int64_t>>{{1, 1, 1, 1}, {2, 7, 33, 8}, {1, 40, 65, 16}, {3, 17, 16, 5}})
        list.push_back({"selective_scan", shape, scanInputs,
                        [](const auto& in) {
                            return std::get<0>(selectiveScan(
                                {in[0], in[1], in[2], in[3], in[4], in[5], in[6], in[7], {}, true}));
                        },
                        plainScan, full, 2});
    addCompression(list);
    return list;
}

TEST(Kernels, AgreeWithFloat64DefinitionsOnEveryDevice) {
    at::manual_seed(7);
    for (const auto& device : testedDevices())
        for (const auto& one : cases())
            for (const auto type : one.types) {
                auto inputs = one.inputs(one.shape);
                std::vector<at::Tensor> rounded, given;
                for (const auto& input : inputs) {
                    rounded.push_back(input.to(type).to(at::kDouble));
                    given.push_back(input.to(device, type));
                }
                const auto expected = one.reference(rounded);
                poisonFreeBlocks(expected.to(device, type == at::kDouble ? at::kDouble : at::kFloat));
                const auto found = one.run(given);
                EXPECT_LE(errorAgainst(found, expected), one.slack * tolerance(type))
                    << one.name << " " << c10::str(at::IntArrayRef(one.shape)) << " " << type << " on "
                    << device;
            }
}

}  // namespace
}  // namespace vitrine::kernels
