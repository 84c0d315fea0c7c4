// Speed of the ViT encoders on the CPU: pictures a second and GFLOP/s, beside what the same machine's matrix
// product reaches on the model's own layer shapes, measured in the same run.
//   encoder_bench [--case vit_b16|radio_b] [--batch N] [--size PIXELS] [--rounds N] [--threads N]
//                 [--export FOLDER]
// Without --case: both cases; without --batch: at batch 1 and 8. One JSON line per measurement. --export
// writes the random weights, the pixels and the features, which encoder_peer.py computes with eager PyTorch.
#include "core/models/radio/radio_model.h"
#include "core/nn/weights.h"
#include "tests/bench/bench_measures.h"
#include "tests/bench/bench_options.h"

#include <ATen/Parallel.h>

#include <filesystem>

namespace vitrine {
namespace {

using namespace bench;

struct Options {
    std::string name, exportFolder;
    int64_t batch = 0, size = 224, rounds = 7;
};

struct Timing : Spread {
    double cpu = 0;  // median processor seconds of all threads: the fairer number on a busy machine
};

// Median of `rounds` runs after one to warm up.
Timing measure(int64_t rounds, const std::function<void()>& work) {
    work();
    std::vector<double> times, processor;
    for (int64_t i = 0; i < rounds; ++i) {
        const double start = processorSeconds();
        times.push_back(secondsOf(work));
        processor.push_back(processorSeconds() - start);
    }
    return {spreadOf(std::move(times)), spreadOf(std::move(processor)).median};
}

// ViT-B/16: one class token and the 14x14 positions of 224 pixels; RADIO-B: the 128x128 position field, four
// class and four register tokens.
RadioConfig configurationOf(const std::string& name) {
    RadioConfig config;
    config.width = 768;
    config.depth = 12;
    config.headCount = 12;
    config.block = {.width = 768, .headCount = 12, .hidden = 3072};
    const bool radio = name == "radio_b";
    config.gridSide = radio ? 128 : 14;
    config.classTokens = radio ? 4 : 1;
    config.registers = radio ? 4 : 0;
    config.finalNorm = !radio;
    return config;
}

std::shared_ptr<RadioModule> randomModule(const RadioConfig& config) {
    auto module = std::make_shared<RadioModule>(config);
    at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(1);
    const at::NoGradGuard noGrad;
    for (auto& entry : module->named_parameters()) {
        const bool isNorm = entry.key().find("norm") != std::string::npos && entry.key().ends_with("weight");
        entry.value().normal_(isNorm ? 1.0 : 0.0, 0.02, generator);
    }
    return module;
}

struct LayerShape {
    int64_t rows, in, out, count;
    double flops() const { return 2.0 * double(rows) * double(in) * double(out) * double(count); }
};

std::vector<LayerShape> linearLayers(const RadioConfig& config, int64_t batch, int64_t patches) {
    const int64_t rows = batch * (patches + config.prefixTokens()), d = config.width, f = config.block.hidden;
    return {{batch * patches, config.channels * config.patchSize * config.patchSize, d, 1},
            {rows, d, 3 * d, config.depth},
            {rows, d, d, config.depth},
            {rows, d, f, config.depth},
            {rows, f, d, config.depth}};
}

// GFLOP/s of plain matrix products of the layers' shapes, weighted as the model uses them.
double matrixRate(const std::vector<LayerShape>& layers, int64_t rounds) {
    double flops = 0, seconds = 0;
    for (const LayerShape& layer : layers) {
        const at::Tensor x = at::randn({layer.rows, layer.in}), w = at::randn({layer.in, layer.out});
        const Timing timing = measure(rounds, [&] { at::matmul(x, w); });
        flops += layer.flops();
        seconds += timing.median * double(layer.count);
    }
    return flops / seconds / 1e9;
}

void exportCase(const Options& options, const RadioModule& module, const at::Tensor& pixels,
                const EncoderOutput& output) {
    std::map<std::string, at::Tensor> tensors;
    for (const auto& entry : module.named_parameters())
        tensors[entry.key()] = entry.value();
    for (const auto& entry : module.named_buffers())
        tensors[entry.key()] = entry.value();
    const std::filesystem::path folder = options.exportFolder;
    std::filesystem::create_directories(folder);
    must(writeTensors(folder / "model.safetensors", tensors));
    must(writeTensors(folder / "data.safetensors", {{"pixels", pixels}, {"features", output.features}}));
}

void run(const Options& options) {
    const auto module = randomModule(configurationOf(options.name));
    const RadioConfig& config = module->config();
    const RadioModel model(module, options.name);
    const c10::InferenceMode inference;
    const at::Tensor pixels = at::rand({options.batch, 3, options.size, options.size});
    const EncoderOutput first = must(model.encode(pixels, {}));
    if (!options.exportFolder.empty())
        exportCase(options, *module, pixels, first);
    const Timing timing = measure(options.rounds, [&] { (void)model.encode(pixels, {}); });

    const int64_t side = options.size / config.patchSize, patches = side * side;
    const std::vector<LayerShape> layers = linearLayers(config, options.batch, patches);
    const double tokens = double(patches + config.prefixTokens());
    double flops = 4.0 * double(options.batch) * tokens * tokens * double(config.width * config.depth);
    for (const LayerShape& layer : layers)
        flops += layer.flops();
    const double achieved = flops / timing.median / 1e9, matrix = matrixRate(layers, options.rounds);
    const auto rate = [&](double seconds) { return double(options.batch) / seconds; };
    printLine({{"case", options.name},
               {"size", options.size},
               {"batch", options.batch},
               {"threads", at::get_num_threads()},
               {"images_per_second", rate(timing.median)},
               {"images_per_second_range", {rate(timing.slowest), rate(timing.fastest)}},
               {"cpu_seconds_per_image", timing.cpu / double(options.batch)},
               {"gflops", achieved},
               {"matmul_gflops", matrix},
               {"of_matmul", achieved / matrix},
               {"peak_rss_mb", peakMegabytes()}});
}

}  // namespace
}  // namespace vitrine

int main(int argumentCount, char** arguments) {
    using namespace vitrine::bench;
    vitrine::Options options;
    if (!readBenchOptions(
            argumentCount, arguments,
            {{.key = "--case", .value = &options.name, .choices = {"vit_b16", "radio_b"}},
             {.key = "--batch", .value = &options.batch},
             {.key = "--size", .value = &options.size},
             {.key = "--rounds", .value = &options.rounds},
             {.key = "--threads", .value = [](int64_t count) { at::set_num_threads(int(count)); }},
             {.key = "--export", .value = &options.exportFolder}}))
        return kUsageError;
    for (const std::string name : {"vit_b16", "radio_b"})
        for (const int64_t batch :
             options.batch ? std::vector<int64_t>{options.batch} : std::vector<int64_t>{1, 8}) {
            if (!options.name.empty() && options.name != name)
                continue;
            vitrine::Options one = options;
            one.name = name;
            one.batch = batch;
            vitrine::run(one);
        }
    return 0;
}
