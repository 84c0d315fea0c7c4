// Masks n:m, the packed 2:4 form and its products, learnt masks.
#include "kernels/compression_operators.h"
#include "kernels/operators.h"
#include "tests/bench/kernels_bench_rows.h"

#include <fmt/format.h>

namespace vitrine::bench {
namespace {

void addMasks(KernelRows& rows) {
    const auto weight = at::randn({2048, 2048});
    rows.push_back({"2:4 mask, 2048x2048", [=] { kernels::nmMask(weight, 2, 4); },
                    [=] {
                        const auto groups = weight.reshape({-1, 4});
                        at::zeros_like(groups, at::kByte).scatter_(1, std::get<1>(groups.topk(2, 1)), 1);
                    }});
    rows.push_back({"2:4 scan, 2048x2048", [=] { kernels::nmScan(weight, 4); },
                    [=] {
                        (weight != 0).reshape({-1, 4}).sum(1).bincount({}, 5);
                    }});
}

// Wanda's score and mask in one pass, the packed form, and its product for one token and for many.
void addSparse24(KernelRows& rows) {
    const auto weight = at::randn({4096, 4096}), norm = at::rand({4096}) + 0.1;
    // Best of six by a table of all sums, as it is usually written.
    const auto table =
        at::tensor({1, 1, 0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 1, 1}, at::kFloat)
            .reshape({6, 4})
            .t();
    rows.push_back({"2:4 best of six, 4096x4096", [=] { kernels::sparse24Search(weight); },
                    [=] {
                        weight.abs().reshape({-1, 4}).matmul(table).argmax(1);
                    }});
    rows.push_back({"2:4 best of six, 4096x4096, against reading", [=] { kernels::sparse24Search(weight); },
                    [=] { weight.sum(); }, 0, "sum"});
    for (const auto& [type, name] : {std::pair{at::kBFloat16, "bfloat16"}, std::pair{at::kHalf, "float16"}}) {
        const auto narrow = weight.to(type);
        rows.push_back({fmt::format("2:4 best of six, 4096x4096, {}, against reading", name),
                        [=] { kernels::sparse24Search(narrow); }, [=] { narrow.sum(); }, 0, "sum"});
    }
    rows.push_back({"2:4 best of six, scaled by inputs, 4096x4096",
                    [=] { kernels::sparse24Search(weight, norm); },
                    [=] {
                        (weight.abs() * norm).reshape({-1, 4}).matmul(table).argmax(1);
                    }});
    const auto patterns = kernels::sparse24Search(weight);
    const auto masked = kernels::sparse24Apply(weight, patterns);
    rows.push_back({"2:4 pack, 4096x4096", [=] { kernels::sparse24Pack(masked); },
                    [=] { masked.masked_select(masked != 0); }, 0, "masked_select"});
    const auto packed = kernels::sparse24Pack(masked), half = kernels::sparse24Pack(masked.to(at::kBFloat16));
    rows.push_back({"2:4 unpack, 4096x4096", [=] { kernels::sparse24Unpack(packed.values, packed.metadata); },
                    [=] { masked.clone(); }, 0, "copy"});
    for (const int64_t count : {1, 4, 16, 128, 512}) {
        const auto x = at::randn({count, 4096});
        rows.push_back({fmt::format("2:4 product, {} x 4096x4096", count),
                        [=] { kernels::sparse24Linear(x, packed.values, packed.metadata); },
                        [=] { at::linear(x, masked); }, 0, "dense"});
    }
    const auto one = at::randn({1, 4096});
    const auto dense = masked.to(at::kBFloat16), oneHalf = one.to(at::kBFloat16);
    rows.push_back({"2:4 product, 1 x 4096x4096, bfloat16 weight",
                    [=] { kernels::sparse24Linear(one, half.values, half.metadata); },
                    [=] { at::linear(oneHalf, dense); }, 0, "dense"});
}

// Six logits to four mask values, forward and backward.
void addGumbel(KernelRows& rows) {
    const auto logits = at::randn({1 << 20, 6}), grad = at::randn({1 << 20, 4});
    const auto table =
        at::tensor({1, 1, 0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 1, 1}, at::kFloat)
            .reshape({6, 4});
    const auto ours = [](const std::vector<at::Tensor>& in) {
        return kernels::gumbelMask(in[0], {}, 5, 2, 1);
    };
    const auto plain = [table](const std::vector<at::Tensor>& in) {
        const auto noise = -(-at::rand_like(in[0]).clamp(1e-10, 1 - 1e-7).log()).log();
        return (2 * in[0] + noise).softmax(1).matmul(table.clone());
    };
    rows.push_back({"gumbel mask, 1M groups", [=] { ours({logits}); }, [=] { plain({logits}); }});
    rows.push_back({"gumbel mask backward, 1M groups", backwardOf(ours, {logits}, grad),
                    backwardOf(plain, {logits}, grad)});
}

}  // namespace

void addSparsity(KernelRows& rows) {
    addMasks(rows);
    addSparse24(rows);
    addGumbel(rows);
}

}  // namespace vitrine::bench
