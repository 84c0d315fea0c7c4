// Times of compression methods against the loops as they are published, written in plain LibTorch (float32,
// the same operations column by column), in the same run.
//   compress_bench [--json FILE] [--repeat N] [--size K]
// Prints medians of N (default 3) runs and the ratio. K (default 1024): a K x K layer, and 4096 x 14336 for
// Wanda.
#include "core/base/file.h"
#include "core/compress/column_sweep.h"
#include "core/compress/low_rank.h"
#include "tests/bench/bench_measures.h"
#include "tests/bench/bench_options.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <functional>
#include <iostream>

namespace vitrine {
namespace {

using namespace bench;

using Work = std::function<void()>;

double medianMs(const Work& work, int64_t repeat) {
    std::vector<double> seconds;
    for (int64_t run = 0; run < repeat; ++run)
        seconds.push_back(secondsOf(work));
    return 1e3 * spreadOf(std::move(seconds)).median;
}

at::Tensor plainFactor(const at::Tensor& moment) {
    auto h = moment.clone();
    h.diagonal().add_(0.01 * h.diagonal().mean().item<double>());
    return at::linalg_cholesky(at::cholesky_inverse(at::linalg_cholesky(h)), true);
}

// IST-DASLab/sparsegpt, fasterprune with 2:4.
at::Tensor plainSparseGpt(const at::Tensor& weight, const at::Tensor& moment) {
    const auto r = plainFactor(moment);
    auto w = weight.clone();
    for (int64_t i1 = 0; i1 < w.size(1); i1 += 128) {
        const int64_t i2 = std::min(i1 + 128, w.size(1));
        auto w1 = w.slice(1, i1, i2).clone(), q1 = at::zeros_like(w1), e1 = at::zeros_like(w1);
        const auto r1 = r.slice(0, i1, i2).slice(1, i1, i2);
        auto mask = at::zeros_like(w1, at::kBool);
        for (int64_t i = 0; i < i2 - i1; ++i) {
            const auto column = w1.select(1, i);
            if (i % 4 == 0) {
                const auto scores = w1.slice(1, i, i + 4).square() /
                                    r1.diagonal().slice(0, i, i + 4).square().reshape({1, -1});
                mask.scatter_(1, i + std::get<1>(scores.topk(2, 1, false)), true);
            }
            const auto q = column.clone().masked_fill_(mask.select(1, i), 0);
            q1.select(1, i).copy_(q);
            const auto e = (column - q) / r1[i][i];
            w1.slice(1, i).sub_(e.unsqueeze(1).matmul(r1[i].slice(0, i).unsqueeze(0)));
            e1.select(1, i).copy_(e);
        }
        w.slice(1, i1, i2).copy_(q1);
        w.slice(1, i2).sub_(e1.matmul(r.slice(0, i1, i2).slice(1, i2)));
    }
    return w;
}

// IST-DASLab/gptq, fasterquant with 4 bits and groups of 128.
at::Tensor plainGptq(const at::Tensor& weight, const at::Tensor& moment) {
    const auto r = plainFactor(moment);
    auto w = weight.clone(), out = at::zeros_like(weight);
    at::Tensor scale, zero;
    for (int64_t i1 = 0; i1 < w.size(1); i1 += 128) {
        const int64_t i2 = std::min(i1 + 128, w.size(1));
        auto w1 = w.slice(1, i1, i2).clone(), e1 = at::zeros_like(w1);
        const auto r1 = r.slice(0, i1, i2).slice(1, i1, i2);
        for (int64_t i = 0; i < i2 - i1; ++i) {
            if ((i1 + i) % 128 == 0) {
                const auto group = w.slice(1, i1 + i, i1 + i + 128);
                const auto low = group.amin({1}).clamp_max(0), high = group.amax({1}).clamp_min(0);
                scale = (high - low) / 15;
                zero = (-low / scale).round();
            }
            const auto column = w1.select(1, i);
            const auto q = scale * (((column / scale).round() + zero).clamp(0, 15) - zero);
            out.select(1, i1 + i).copy_(q);
            const auto e = (column - q) / r1[i][i];
            w1.slice(1, i).sub_(e.unsqueeze(1).matmul(r1[i].slice(0, i).unsqueeze(0)));
            e1.select(1, i).copy_(e);
        }
        w.slice(1, i2).sub_(e1.matmul(r.slice(0, i1, i2).slice(1, i2)));
    }
    return out;
}

// locuslab/wanda: the lowest half of every row, by sorting.
void plainWanda(const at::Tensor& weight, const at::Tensor& norm) {
    auto w = weight.clone();
    const auto order = std::get<1>(at::sort(w.abs() * norm, true, 1, false));
    w.scatter_(1, order.slice(1, 0, w.size(1) / 2), 0);
}

// NVlabs/EoRA: eigenspace projection, SVD and the inverse projection.
void plainEora(const at::Tensor& difference, const at::Tensor& moment, int64_t rank) {
    const auto [values, vectors] = at::linalg_eigh(moment);
    const auto root = values.clamp_min(1e-10).sqrt();
    const auto [u, s, vt] = at::linalg_svd(difference.matmul(vectors * root), false);
    u.slice(1, 0, rank).matmul(at::diag(s.slice(0, 0, rank)));
    vt.slice(0, 0, rank).matmul((vectors / root).t());
}

struct Entry {
    std::string name;
    Work ours, plain;
    double targetMs = 0;
};

std::vector<Entry> entries(int64_t size) {
    const auto x = at::randn({4 * size, size}).matmul(at::randn({size, size}) / std::sqrt(double(size)));
    auto statistics = std::make_shared<LinearStatistics>(size);
    (void)statistics->add(x);
    const auto weight = at::randn({size, size});
    const auto moment = statistics->secondMoment().to(at::kFloat);
    const auto wide = at::randn({4096, 14336}), norm = at::rand({14336}) + 0.1;
    const auto shape = fmt::format("{0}x{0}", size);
    const auto pattern = SparsityPattern::nOfM(2, 4);
    const auto sweep = [=](const SweepOptions& options) {
        (void)*sweepColumns(weight, *inverseFactor(*statistics), options);
    };
    const auto int4 = *LowBitFormatSpec::fromName("int4");
    return {
        {"SparseGPT 2:4, " + shape,
         [=] {
             sweep({pattern, {}, {}});
         },
         [=] { plainSparseGpt(weight, moment); }},
        {"GPTQ int4 groups of 128, " + shape,
         [=] {
             sweep({{}, int4, {}});
         },
         [=] { plainGptq(weight, moment); }},
        {"inverse factor alone, " + shape, [=] { (void)*inverseFactor(*statistics); },
         [=] { plainFactor(moment); }},
        {"EoRA rank 64, " + shape, [=] { (void)*compensate(weight, *statistics, LowRankMethod::Eora, 64); },
         [=] { plainEora(weight, moment, 64); }},
        {"Wanda 2:4, 4096x14336", [=] { (void)*wandaMask(wide, norm, pattern); }, {}, 1000},
        {"Wanda 50 %, 4096x14336", [=] { (void)*wandaMask(wide, norm, SparsityPattern::unstructured(0.5)); },
         [=] { plainWanda(wide, norm); }, 1000}};
}

}  // namespace

int runBenchmarks(int argumentCount, char** arguments) {
    std::string jsonFile;
    int64_t repeat = 3, size = 1024;
    if (!readBenchOptions(argumentCount, arguments,
                          {{.key = "--json", .value = &jsonFile},
                           {.key = "--repeat", .value = &repeat},
                           {.key = "--size", .value = &size, .least = 128}}))
        return kUsageError;
    size = size / 128 * 128;
    const at::NoGradGuard plain;
    at::manual_seed(0);
    Json rows = Json::array();
    std::cout << at::get_num_threads() << " threads, " << repeat << " runs\n";
    for (const auto& entry : entries(size)) {
        const double ours = medianMs(entry.ours, repeat);
        Json row{{"name", entry.name}, {"median_ms", ours}};
        std::string line = fmt::format("{:<36} {:10.1f} ms", entry.name, ours);
        if (entry.plain) {
            const double published = medianMs(entry.plain, repeat);
            row["plain_median_ms"] = published;
            row["ratio"] = published / ours;
            line += fmt::format("  published loop {:10.1f} ms  ratio {:.2f}", published, published / ours);
        }
        if (entry.targetMs > 0) {
            row["target_ms"] = entry.targetMs;
            line +=
                fmt::format("  target {} ms: {}", entry.targetMs, ours <= entry.targetMs ? "met" : "missed");
        }
        std::cout << line << std::endl;
        rows.push_back(row);
    }
    if (!jsonFile.empty())
        must(writeFileAtomically(
            jsonFile,
            Json{{"threads", at::get_num_threads()}, {"repeat", repeat}, {"results", rows}}.dump(1)));
    return 0;
}

}  // namespace vitrine

int main(int argumentCount, char** arguments) {
    return vitrine::runBenchmarks(argumentCount, arguments);
}
