#include "core/engine/self_check.h"

#include "core/engine/engine_plugins.h"
#include "core/engine/model_store.h"
#include "core/engine/thread_waits.h"
#include "core/media/image_reader.h"
#include "kernels/cuda_loader.h"
#include "kernels/operators.h"

#include <ATen/Parallel.h>
#include <fmt/ranges.h>
#include <torch/version.h>

namespace vitrine {
namespace {

constexpr double kKernelTolerance = 1e-5;

double relativeError(const at::Tensor& actual, const at::Tensor& reference) {
    const at::Tensor difference = actual.cpu().to(at::kDouble) - reference.to(at::kDouble);
    return (difference.norm() / reference.to(at::kDouble).norm().clamp_min(1e-30)).item<double>();
}

DoctorCheck kernelCheck(const char* name, const at::Device& device, double error) {
    const bool good = error < kKernelTolerance;
    return {fmt::format("kernel {} on {}", name, device.str()), good ? CheckState::Good : CheckState::Bad,
            fmt::format("relative error {:.1e}", error),
            good ? "" : "Results on this device cannot be trusted"};
}

std::vector<DoctorCheck> kernelChecks(const at::Device& device) {
    at::Generator generator = at::detail::createCPUGenerator(1);
    const auto random = [&](at::IntArrayRef shape) {
        return at::randn(shape, generator, at::TensorOptions(at::kFloat));
    };
    std::vector<DoctorCheck> checks;

    const at::Tensor features = random({37, 13, 17}), queries = random({3, 37});
    const at::Tensor flat = features.flatten(1);
    const at::Tensor cosine =
        at::matmul(queries / queries.norm(2, 1, true), flat / flat.norm(2, 0, true)).view({3, 13, 17});
    checks.push_back(kernelCheck(
        "cosine map", device,
        relativeError(kernels::cosineSimilarityMap(features.to(device), queries.to(device)), cosine)));

    const at::Tensor mean = random({37}), components = random({3, 37});
    const at::Tensor projected = at::matmul(components, flat - mean.unsqueeze(1)).view({3, 13, 17});
    checks.push_back(kernelCheck(
        "PCA projection", device,
        relativeError(kernels::pcaProjection(features.to(device), mean.to(device), components.to(device)),
                      projected)));

    const at::Tensor guidance = at::rand({1, 3, 13, 17}, generator, at::TensorOptions(at::kFloat));
    const at::Tensor taps = kernels::jbuGuidedTaps(guidance.to(device), 0.5, 0.2, 2);
    const at::Tensor sums = taps.cpu().sum(1);
    checks.push_back(kernelCheck("JBU taps", device, relativeError(sums, at::ones_like(sums))));
    const at::Tensor map = features.unsqueeze(0);
    const at::Tensor unfolded = kernels::padReflected(map, 2).unfold(2, 5, 1).unfold(3, 5, 1).flatten(4);
    const at::Tensor plain = (unfolded * taps.cpu().permute({0, 2, 3, 1}).unsqueeze(1)).sum(-1);
    checks.push_back(
        kernelCheck("JBU", device, relativeError(kernels::jbuApply(map.to(device), taps), plain)));

    const at::Tensor scores = random({8, 64}).abs();
    const at::Tensor groups = scores.view({8, 16, 4});
    const at::Tensor best =
        at::zeros_like(groups).scatter_(2, std::get<1>(groups.topk(2, 2)), 1).view({8, 64});
    checks.push_back(
        kernelCheck("N:M mask", device, relativeError(kernels::nmMask(scores.to(device), 2, 4), best)));
    return checks;
}

}  // namespace

std::vector<DoctorCheck> engineSelfCheck() {
    loadEnginePlugins();
    std::vector<DoctorCheck> checks{
        {"LibTorch",
         CheckState::Good,
         fmt::format("{}, {} threads, {}", TORCH_VERSION, at::get_num_threads(), threadWaits()),
         {}}};
    const auto devices = availableDevices();
    checks.push_back(
        {"devices", devices.size() > 1 ? CheckState::Good : CheckState::Note,
         fmt::format("{}", fmt::join(devices, ", ")),
         devices.size() > 1 ? "" : kernels::cudaKernelsStatus() + ": everything runs on the CPU"});
    if (!picturesAreSupported())
        checks.push_back({"pictures", CheckState::Note, "not read by this build, and written as PNG only",
                          "Built with VITRINE_MEDIA=OFF"});
    for (const std::string& name : devices) {
        try {
            for (DoctorCheck& check : kernelChecks(at::Device(name)))
                checks.push_back(std::move(check));
        } catch (...) {
            checks.push_back({"kernels on " + name, CheckState::Bad, errorFromCurrentException(name).text(),
                              "Build again: ./run --setup"});
        }
    }
    return checks;
}

}  // namespace vitrine
