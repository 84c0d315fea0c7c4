#include "core/distill/teacher_place.h"

#include "kernels/cuda_loader.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/version.h>

namespace vitrine {

std::string teacherPlace(at::Device device) {
    if (device.is_cpu())
        return fmt::format("cpu {}, {} threads, LibTorch " TORCH_VERSION, at::get_cpu_capability(),
                           at::get_num_threads());
    // "cuda" without a number is the thread's current device.
    const int index =
        device.has_index() ? device.index() : c10::impl::VirtualGuardImpl(device.type()).getDevice().index();
    return teacherPlaceOnGpu(kernels::cudaDeviceName(index));
}

std::string teacherPlaceOnGpu(const std::string& name) {
    return fmt::format("cuda {}, LibTorch " TORCH_VERSION, name.empty() ? "of an unknown model" : name);
}

}  // namespace vitrine
