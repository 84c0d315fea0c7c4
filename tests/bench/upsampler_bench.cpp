// Time and peak memory of a FeatSharp upsampler with random weights. Its encoder is a single convolution, so
// that what is measured is the upsampler.
//   upsampler_bench [--guide jbu|jafar|bilinear] [--side PIXELS] [--patch N] [--factor N] [--width N]
//                   [--rounds N] [--threads N]
// One JSON line. The peak is that of the whole process, 0.3 GB of it LibTorch; `mean_magnitude` of the result
// tells builds apart that compute something else.
#include "core/base/json.h"
#include "core/models/featsharp/featsharp_network.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace vitrine {
namespace {

using featsharp::FeatSharpConfig;
using featsharp::FeatSharpNetwork;
using featsharp::Guide;

struct Options {
    std::string guide = "jafar";
    int64_t side = 1024, patch = 16, factor = 4, width = 768, rounds = 1;
};

int64_t peakMegabytes() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss / 1024;
}

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

int run(const Options& options) {
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
        const auto start = std::chrono::steady_clock::now();
        const auto features = network.forward(picture, encoder, false);
        seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
        if (!features) {
            std::fprintf(stderr, "%s\n", features.error().text().c_str());
            return 1;
        }
        magnitude = features->fine.norm(1).item<double>() / double(features->fine.numel());
    }
    std::sort(seconds.begin(), seconds.end());
    const Json line{{"guide", options.guide},
                    {"side", options.side},
                    {"patch", options.patch},
                    {"factor", options.factor},
                    {"width", options.width},
                    {"threads", at::get_num_threads()},
                    {"seconds", seconds[seconds.size() / 2]},
                    {"seconds_range", {seconds.front(), seconds.back()}},
                    {"mean_magnitude", magnitude},
                    {"peak_rss_mb", peakMegabytes()}};
    std::printf("%s\n", line.dump().c_str());
    return 0;
}

}  // namespace
}  // namespace vitrine

int main(int argumentCount, char** arguments) {
    vitrine::Options options;
    for (int index = 1; index < argumentCount; index += 2) {
        const std::string key = arguments[index],
                          value = index + 1 < argumentCount ? arguments[index + 1] : "";
        const int64_t number = std::max(1ll, std::atoll(value.c_str()));
        if (key == "--guide" && (value == "jbu" || value == "jafar" || value == "bilinear"))
            options.guide = value;
        else if (key == "--side")
            options.side = number;
        else if (key == "--patch")
            options.patch = number;
        else if (key == "--factor")
            options.factor = number;
        else if (key == "--width")
            options.width = number;
        else if (key == "--rounds")
            options.rounds = number;
        else if (key == "--threads")
            at::set_num_threads(int(number));
        else {
            std::fprintf(stderr,
                         "usage: upsampler_bench [--guide jbu|jafar|bilinear] [--side PIXELS] [--patch N] "
                         "[--factor N] [--width N] [--rounds N] [--threads N]\n");
            return 2;
        }
    }
    return vitrine::run(options);
}
