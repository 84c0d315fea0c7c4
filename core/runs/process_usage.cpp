#include "core/runs/process_usage.h"

#include <dlfcn.h>
#include <sys/resource.h>

#include <array>
#include <cstring>
#include <fstream>

namespace vitrine {
namespace {

constexpr double kMegabyte = 1e6;

// Value of "key: number ..." in a file of /proc; 0 if there is none.
int64_t numberIn(const char* file, const std::string& key) {
    std::ifstream lines(file);
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(key + ":"))
            return std::strtoll(line.c_str() + key.size() + 1, nullptr, 10);
    return 0;
}

// The driver's management library (NVML), by its stable C interface.
class Nvml {
  public:
    static const Nvml* instance() {
        static const Nvml nvml;
        return nvml.ready_ ? &nvml : nullptr;
    }

    std::optional<GpuUsage> usage(int device) const {
        void* handle = nullptr;
        std::array<unsigned, 2> shares{};  // nvmlUtilization_t: gpu, memory; percent
        std::array<uint64_t, 3> memory{};  // nvmlMemory_t: total, free, used; bytes
        if (byIndex_(unsigned(device), &handle) != 0 || utilization_(handle, shares.data()) != 0 ||
            memory_(handle, memory.data()) != 0)
            return std::nullopt;
        return GpuUsage{shares[0] / 100.0, int64_t(memory[2]), int64_t(memory[0])};
    }

  private:
    Nvml() {
        void* library = ::dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);  // kept for the program's life
        if (!library)
            return;
        int (*initialize)() = nullptr;
        const auto find = [&](auto& function, const char* name) {
            void* const symbol = ::dlsym(library, name);
            std::memcpy(&function, &symbol, sizeof symbol);
            return symbol != nullptr;
        };
        ready_ = find(initialize, "nvmlInit_v2") && find(byIndex_, "nvmlDeviceGetHandleByIndex_v2") &&
                 find(utilization_, "nvmlDeviceGetUtilizationRates") &&
                 find(memory_, "nvmlDeviceGetMemoryInfo") && initialize() == 0;
    }

    int (*byIndex_)(unsigned, void**) = nullptr;
    int (*utilization_)(void*, void*) = nullptr;
    int (*memory_)(void*, void*) = nullptr;
    bool ready_ = false;
};

}  // namespace

ProcessUsage processUsage() {
    ProcessUsage usage;
    rusage times{};
    if (::getrusage(RUSAGE_SELF, &times) == 0)
        for (const timeval& part : {times.ru_utime, times.ru_stime})
            usage.cpuSeconds += double(part.tv_sec) + double(part.tv_usec) * 1e-6;
    usage.residentBytes = numberIn("/proc/self/status", "VmRSS") * 1024;
    usage.peakBytes = numberIn("/proc/self/status", "VmHWM") * 1024;
    usage.readBytes = numberIn("/proc/self/io", "read_bytes");
    usage.writtenBytes = numberIn("/proc/self/io", "write_bytes");
    return usage;
}

std::optional<GpuUsage> gpuUsage(int device) {
    const Nvml* const nvml = device < 0 ? nullptr : Nvml::instance();
    return nvml ? nvml->usage(device) : std::nullopt;
}

UsageMeter::UsageMeter(int gpu)
    : gpu_(gpu), last_(processUsage()), lastTime_(std::chrono::steady_clock::now()) {}

std::vector<std::pair<std::string, double>> UsageMeter::look(double seconds) {
    const auto now = std::chrono::steady_clock::now();
    const double passed = std::chrono::duration<double>(now - lastTime_).count();
    if (passed < seconds || passed <= 0)
        return {};
    const ProcessUsage usage = processUsage();
    std::vector<std::pair<std::string, double>> found{
        {"system/memory (MB)", double(usage.residentBytes) / kMegabyte},
        {"system/peak memory (MB)", double(usage.peakBytes) / kMegabyte},
        {"system/cpu (cores)", (usage.cpuSeconds - last_.cpuSeconds) / passed},
        {"system/read (MB per s)", double(usage.readBytes - last_.readBytes) / kMegabyte / passed},
        {"system/written (MB per s)", double(usage.writtenBytes - last_.writtenBytes) / kMegabyte / passed}};
    if (const auto gpu = gpuUsage(gpu_)) {
        found.emplace_back("system/gpu (share)", gpu->busyShare);
        found.emplace_back("system/gpu memory (MB)", double(gpu->usedBytes) / kMegabyte);
    }
    last_ = usage;
    lastTime_ = now;
    return found;
}

}  // namespace vitrine
