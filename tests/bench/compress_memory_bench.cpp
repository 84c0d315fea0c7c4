// Memory that compressing a language model on the CPU takes of its own, beside its weights and one block's
// statistics, while all packed layers are kept to be saved. One process at a time.
//   compress_memory_bench --plan wanda|sparsegpt_int4|wanda_eora [--model FOLDER] [--windows N] [--length N]
// One JSON line, MB; "ratio" is the peak of the process's own (not mapped) memory, sampled every 2 ms, over
// weights + statistics. Without a folder: random weights, 1024 wide, 12 blocks, 32,000 tokens.
#include "core/base/job_context.h"
#include "core/compress/compression_driver.h"
#include "core/compress/decoder_blocks.h"
#include "core/compress/layer_offload.h"
#include "core/models/language/language_model.h"
#include "tests/bench/bench_measures.h"
#include "tests/bench/bench_options.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

namespace vitrine {
namespace {
namespace fs = std::filesystem;
using bench::must;

double ownMegabytes() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("RssAnon:"))
            return std::stod(line.substr(8)) * 1024 / 1e6;
    return 0;
}

// The largest use of memory since it was made.
class PeakWatch {
  public:
    double megabytes() {
        look();
        return peak_;
    }

  private:
    void look() { peak_ = std::max(peak_.load(), ownMegabytes()); }

    std::atomic<double> peak_ = 0;
    std::jthread watcher_{[this](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            look();
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
    }};
};

void writeRandomModel(const fs::path& folder) {
    DecoderConfig config;
    config.vocabulary = 32000;
    config.width = 1024;
    config.contextLength = 2048;
    config.tiedEmbeddings = true;
    LayerSettings layer;
    layer.attention.queryHeads = 16;
    layer.attention.keyValueHeads = 4;
    layer.attention.headWidth = 64;
    layer.feedForward.intermediate = 2816;
    config.layers.assign(12, layer);
    must(saveLanguageModel(*must(createLanguageModel(config, 1)), folder));
}

CompressionPlan planOf(const std::string& name) {
    CompressionPlan plan;
    plan.prune = name == "sparsegpt_int4" ? PruneMethod::SparseGpt : PruneMethod::Wanda;
    if (name == "sparsegpt_int4")
        plan.quantization = *LowBitFormatSpec::fromName("int4");
    if (name == "wanda_eora") {
        plan.lowRank = LowRankMethod::Eora;
        plan.rank = 64;
    }
    return plan;
}

void measure(const std::string& planName, const fs::path& model, const fs::path& scratch, int64_t windows,
             int64_t length) {
    const double before = ownMegabytes();
    PeakWatch watch;
    LoadOptions options;
    const auto loaded = must(loadLanguageModel(model, options));
    double weights = 0;
    for (const auto& parameter : loaded->decoder().parameters())
        weights += double(parameter.nbytes()) / 1e6;
    std::vector<at::Tensor> batches;
    for (int64_t i = 0; i < windows; ++i)
        batches.push_back(at::randint(loaded->config().vocabulary, {1, length}, at::kLong));
    DecoderBlocks blocks(loaded->decoder(), std::move(batches));
    LayerOffload packed(scratch);
    JobContext job;
    const auto report = must(compressModel(blocks, planOf(planName), job, [&](CompressedLayer&& layer) {
        return packed.add(layer.report.name, std::move(layer.saved));
    }));
    const double compressing = watch.megabytes();
    const double offloaded = double(packed.bytesOffloaded()) / 1e6;
    must(saveLanguageModel(*loaded, scratch / "result", {.type = at::kBFloat16}));
    must(packed.take().save(scratch / "result" / "compressed.safetensors"));
    const double peak = watch.megabytes();
    const double statistics = double(report.largestStatisticsBytes) / 1e6;
    bench::printLine({{"plan", planName},
                      {"weights_mb", weights},
                      {"statistics_mb", statistics},
                      {"packed_on_disk_mb", offloaded},
                      {"before_mb", before},
                      {"peak_while_compressing_mb", compressing},
                      {"peak_mb", peak},
                      {"ratio", peak / (weights + statistics)}});
}

}  // namespace

int runBenchmark(int argumentCount, char** arguments) {
    std::string plan = "wanda", model;
    int64_t windows = 8, length = 256;
    if (!bench::readBenchOptions(
            argumentCount, arguments,
            {{.key = "--plan", .value = &plan, .choices = {"wanda", "sparsegpt_int4", "wanda_eora"}},
             {.key = "--model", .value = &model},
             {.key = "--windows", .value = &windows},
             {.key = "--length", .value = &length, .least = 16}}))
        return bench::kUsageError;
    const fs::path scratch = fs::temp_directory_path() / "vitrine_compress_memory";
    fs::create_directories(scratch);
    if (model.empty()) {
        writeRandomModel(scratch / "model");
        model = scratch / "model";
    }
    measure(plan, model, scratch, windows, length);
    fs::remove_all(scratch);
    return 0;
}

}  // namespace vitrine

int main(int argumentCount, char** arguments) {
    return vitrine::runBenchmark(argumentCount, arguments);
}
