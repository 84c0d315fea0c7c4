// What this process takes of the machine, read from /proc and, where an NVIDIA driver answers, from it: for
// the monitor curves of a run ("system/...") on the same steps as its losses.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace vitrine {

struct ProcessUsage {
    double cpuSeconds = 0;  // all threads, user and system
    int64_t residentBytes = 0, peakBytes = 0;
    int64_t readBytes = 0, writtenBytes = 0;  // to and from the disk; 0 where the system does not say
};
ProcessUsage processUsage();

struct GpuUsage {
    double busyShare = 0;  // of the last sample period, 0 to 1; of all processes
    int64_t usedBytes = 0, totalBytes = 0;
};
// Of the GPU with this number; nothing without a driver. The first call loads the driver's library.
std::optional<GpuUsage> gpuUsage(int device);

// Usage since the last look, as metrics with units in their names: "system/memory (MB)", "system/cpu
// (cores)". Not thread-safe.
class UsageMeter {
  public:
    // `gpu`: number of the GPU to look at; below 0: none.
    explicit UsageMeter(int gpu = -1);
    // Empty while the last look is less than `seconds` ago.
    std::vector<std::pair<std::string, double>> look(double seconds);

  private:
    int gpu_;
    ProcessUsage last_;
    std::chrono::steady_clock::time_point lastTime_;
};

}  // namespace vitrine
