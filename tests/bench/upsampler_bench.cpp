// Time and peak memory of a FeatSharp upsampler with random weights. Its encoder is a single convolution, so
// that what is measured is the upsampler.
//   upsampler_bench [--guide jbu|jafar|bilinear] [--side PIXELS] [--patch N] [--factor N] [--width N]
//                   [--rounds N] [--threads N]
// One JSON line. The peak is that of the whole process, 0.3 GB of it LibTorch; `mean_magnitude` of the result
// tells builds apart that compute something else.
#include "core/models/featsharp/featsharp_network.h"
#include "tests/bench/bench_measures.h"
#include "tests/bench/bench_options.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>

namespace vitrine {
namespace {

using namespace bench;
using featsharp::FeatSharpConfig;
using featsharp::FeatSharpNetwork;
using featsharp::Guide;
using featsharp::SharpFeatures;

struct Options {
    std::string guide = "jafar";
    int64_t side = 1024, patch = 16, factor = 4, width = 768, rounds = 1;
};

FeatSharpConfig configurationOf(const Options& options) {
    FeatSharpConfig config;
    config.modelResolution = options.side;
    config.patchSize = options.patch;
    config.factor = options.factor;
    config.featureWidth = options.width;
    config.guide = options.guide == "jafar"      ? Guide::Jafar
                   : options.guide == "bilinear" ? Guide::Bilinear
                                                 : Guide::Bilateral;
    return config;
}

void run(const Options& options) {
    const FeatSharpConfig config = configurationOf(options);
    torch::nn::Module root;
    const FeatSharpNetwork network(root, config);
    const at::NoGradGuard noGrad;
    at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(1);
    for (auto& entry : root.named_parameters())
        entry.value().normal_(0.0, 0.1, generator);
    const at::Tensor weight =
        at::empty({options.width, 3, options.patch, options.patch}).normal_(0, 0.1, generator);
    const auto encoder = [&](const at::Tensor& pictures) -> Result<at::Tensor> {
        return at::tanh(at::conv2d(pictures, weight, {}, options.patch));
    };
    const at::Tensor picture = at::empty({1, 3, options.side, options.side}).uniform_(-1, 1, generator);
    std::vector<double> seconds;
    double magnitude = 0;
    for (int64_t round = 0; round < options.rounds; ++round) {
        Result<SharpFeatures> features;
        seconds.push_back(secondsOf([&] { features = network.forward(picture, encoder, false); }));
        const at::Tensor fine = must(std::move(features)).fine;
        magnitude = fine.norm(1).item<double>() / double(fine.numel());
    }
    const Spread spread = spreadOf(std::move(seconds));
    printLine({{"guide", options.guide},
               {"side", options.side},
               {"patch", options.patch},
               {"factor", options.factor},
               {"width", options.width},
               {"threads", at::get_num_threads()},
               {"seconds", spread.median},
               {"seconds_range", {spread.fastest, spread.slowest}},
               {"mean_magnitude", magnitude},
               {"peak_rss_mb", peakMegabytes()}});
}

}  // namespace
}  // namespace vitrine

int main(int argumentCount, char** arguments) {
    using namespace vitrine::bench;
    vitrine::Options options;
    if (!readBenchOptions(
            argumentCount, arguments,
            {{.key = "--guide", .value = &options.guide, .choices = {"jbu", "jafar", "bilinear"}},
             {.key = "--side", .value = &options.side},
             {.key = "--patch", .value = &options.patch},
             {.key = "--factor", .value = &options.factor},
             {.key = "--width", .value = &options.width},
             {.key = "--rounds", .value = &options.rounds},
             {.key = "--threads", .value = [](int64_t count) { at::set_num_threads(int(count)); }}}))
        return kUsageError;
    vitrine::run(options);
    return 0;
}
