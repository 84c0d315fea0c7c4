// Times of the kernels and of the paths that views wait for, each against plain LibTorch in the same run.
//   kernels_bench [--json FILE] [--filter TEXT] [--repeat N]
// Prints the median and the 10th to 90th percentile of N (default 9) runs after one warm-up, and the ratio of
// medians.
#include "core/base/file.h"
#include "tests/bench/bench_measures.h"
#include "tests/bench/bench_options.h"
#include "tests/bench/kernels_bench_rows.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <iostream>

namespace vitrine::bench {
namespace {

struct Timing {
    double median = 0, low = 0, high = 0;  // milliseconds
    // Median processor time of all threads, milliseconds: what a loaded machine distorts least.
    double cpu = 0;
};

Timing measure(const Work& work, int64_t repeat) {
    work();
    std::vector<double> times, processor;
    for (int64_t run = 0; run < repeat; ++run) {
        const double start = processorSeconds();
        times.push_back(1e3 * secondsOf(work));
        processor.push_back(1e3 * (processorSeconds() - start));
    }
    std::sort(times.begin(), times.end());
    const auto at = [&](double share) { return times[size_t(share * double(times.size() - 1) + 0.5)]; };
    return {at(0.5), at(0.1), at(0.9), spreadOf(std::move(processor)).median};
}

Json report(const KernelRow& kernel, int64_t repeat) {
    const auto ours = measure(kernel.ours, repeat);
    Json row{{"name", kernel.name},
             {"median_ms", ours.median},
             {"p10_ms", ours.low},
             {"p90_ms", ours.high},
             {"cpu_ms", ours.cpu}};
    std::string line = fmt::format("{:<54} {:9.2f} ms ({:.2f} to {:.2f}, cpu {:.2f})", kernel.name,
                                   ours.median, ours.low, ours.high, ours.cpu);
    if (kernel.plain) {
        const auto plain = measure(kernel.plain, repeat);
        row["plain_median_ms"] = plain.median;
        row["ratio"] = plain.median / ours.median;
        line += fmt::format("  {} {:9.2f} ms  ratio {:.2f}", kernel.baseline, plain.median,
                            plain.median / ours.median);
        row["baseline"] = kernel.baseline;
    }
    if (kernel.targetMs > 0) {
        row["target_ms"] = kernel.targetMs;
        line += fmt::format("  target {} ms: {}", kernel.targetMs,
                            ours.median <= kernel.targetMs ? "met" : "missed");
    }
    std::cout << line << std::endl;
    return row;
}

}  // namespace

int runBenchmarks(int argumentCount, char** arguments) {
    std::string jsonFile, filter;
    int64_t repeat = 9;
    if (!readBenchOptions(argumentCount, arguments,
                          {{.key = "--json", .value = &jsonFile},
                           {.key = "--filter", .value = &filter},
                           {.key = "--repeat", .value = &repeat}}))
        return kUsageError;
    const c10::InferenceMode inference;
    at::manual_seed(0);
    KernelRows rows;
    addUpsampling(rows);
    addProjections(rows);
    addSparsity(rows);
    addLowBit(rows);
    addRotations(rows);
    addScans(rows);
    addViews(rows);
    std::cout << at::get_num_threads() << " threads, " << repeat << " runs\n";
    Json results = Json::array();
    for (const KernelRow& row : rows)
        if (row.name.find(filter) != std::string::npos)
            results.push_back(report(row, repeat));
    if (!jsonFile.empty())
        must(writeFileAtomically(
            jsonFile,
            Json{{"threads", at::get_num_threads()}, {"repeat", repeat}, {"results", results}}.dump(1)));
    return 0;
}

}  // namespace vitrine::bench

int main(int argumentCount, char** arguments) {
    return vitrine::bench::runBenchmarks(argumentCount, arguments);
}
