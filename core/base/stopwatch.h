// Adds the time of its life to a number of seconds.
#pragma once

#include <chrono>

namespace vitrine {

class Stopwatch {
  public:
    explicit Stopwatch(double& seconds) : seconds_(seconds), start_(std::chrono::steady_clock::now()) {}
    ~Stopwatch() {
        seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    }
    Stopwatch(const Stopwatch&) = delete;
    Stopwatch& operator=(const Stopwatch&) = delete;

  private:
    double& seconds_;  // outlives the watch, and is read after it
    std::chrono::steady_clock::time_point start_;
};

}  // namespace vitrine
