#include "kernels/cuda_loader.h"

#include <dlfcn.h>

#include <filesystem>

namespace vitrine::kernels {
namespace {

struct Loaded {
    bool done = false;
    std::string status;
};

std::string libraryFolder() {
    Dl_info info{};
    if (!dladdr(reinterpret_cast<const void*>(&cudaDeviceCount), &info) || !info.dli_fname)
        return {};
    std::error_code ignored;
    return std::filesystem::absolute(info.dli_fname, ignored).parent_path().string();
}

Loaded load() {
    if (cudaDeviceCount() == 0)
        return {false, "no NVIDIA driver with a device answers"};
    const std::string path = libraryFolder() + "/libvitrine_kernels_cuda.so";
    if (!std::filesystem::exists(path))
        return {false, "this build has no CUDA kernels (" + path + " is absent)"};
    // The process keeps it to its end: registered operators point into it.
    if (!dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL)) {
        const char* message = dlerror();
        return {false, message ? message : path + " cannot be loaded"};
    }
    return {true, {}};
}

const Loaded& loadedOnce() {
    static const Loaded result = load();
    return result;
}

}  // namespace

int cudaDeviceCount() {
    static const int count = [] {
        void* driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
        if (!driver)
            return 0;
        const auto initialize = reinterpret_cast<int (*)(unsigned)>(dlsym(driver, "cuInit"));
        const auto deviceCount = reinterpret_cast<int (*)(int*)>(dlsym(driver, "cuDeviceGetCount"));
        int found = 0;
        if (!initialize || !deviceCount || initialize(0) != 0 || deviceCount(&found) != 0)
            return 0;
        return found;
    }();
    return count;
}

bool loadCudaKernels() {
    return loadedOnce().done;
}
std::string cudaKernelsStatus() {
    return loadedOnce().status;
}

}  // namespace vitrine::kernels
