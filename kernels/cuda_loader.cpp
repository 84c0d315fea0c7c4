#include "kernels/cuda_loader.h"

#include <dlfcn.h>

#include <filesystem>
#include <type_traits>

namespace vitrine::kernels {
namespace {

struct Loaded {
    bool done = false;
    std::string status;
};

// Of libcuda.so.1, which is never unloaded.
struct Driver {
    int devices = 0;  // 0: no driver answers
    int (*deviceGet)(int* device, int index) = nullptr;
    int (*deviceName)(char* name, int size, int device) = nullptr;
};

Driver openDriver() {
    Driver driver;
    void* library = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
    if (!library)
        return driver;
    const auto find = [&](auto& function, const char* name) {
        function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
    };
    int (*initialize)(unsigned) = nullptr;
    int (*deviceCount)(int*) = nullptr;
    find(initialize, "cuInit");
    find(deviceCount, "cuDeviceGetCount");
    find(driver.deviceGet, "cuDeviceGet");
    find(driver.deviceName, "cuDeviceGetName");
    int found = 0;
    if (initialize && deviceCount && initialize(0) == 0 && deviceCount(&found) == 0)
        driver.devices = found;
    return driver;
}

const Driver& driver() {
    static const Driver opened = openDriver();
    return opened;
}

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
    return driver().devices;
}

std::string cudaDeviceName(int index) {
    if (index < 0 || index >= driver().devices || !driver().deviceGet || !driver().deviceName)
        return {};
    int device = 0;
    char name[256] = {};
    if (driver().deviceGet(&device, index) != 0 || driver().deviceName(name, sizeof name - 1, device) != 0)
        return {};
    return name;
}

bool loadCudaKernels() {
    return loadedOnce().done;
}
std::string cudaKernelsStatus() {
    return loadedOnce().status;
}

}  // namespace vitrine::kernels
