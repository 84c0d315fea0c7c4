#include "core/media/resample_filter.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <numbers>
#include <thread>
#include <vector>

namespace vitrine {
namespace {

double boxFilter(double x) {
    return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
}

double bilinearFilter(double x) {
    x = std::abs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

double hammingFilter(double x) {
    x = std::abs(x);
    if (x == 0.0)
        return 1.0;
    if (x >= 1.0)
        return 0.0;
    x *= std::numbers::pi;
    return std::sin(x) / x * (0.54 + 0.46 * std::cos(x));
}

// Keys' cubic with a = -0.5.
double bicubicFilter(double x) {
    constexpr double a = -0.5;
    x = std::abs(x);
    if (x < 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
    if (x < 2.0)
        return (((x - 5) * x + 8) * x - 4) * a;
    return 0.0;
}

double sinc(double x) {
    if (x == 0.0)
        return 1.0;
    x *= std::numbers::pi;
    return std::sin(x) / x;
}

double lanczosFilter(double x) {
    return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0;
}

struct Kernel {
    double (*function)(double);
    double support;
};

Kernel kernelOf(Resampling resampling) {
    switch (resampling) {
        case Resampling::Box:
            return {boxFilter, 0.5};
        case Resampling::Bilinear:
            return {bilinearFilter, 1.0};
        case Resampling::Hamming:
            return {hammingFilter, 1.0};
        case Resampling::Bicubic:
            return {bicubicFilter, 2.0};
        default:
            return {lanczosFilter, 3.0};
    }
}

}  // namespace

AxisFilter makeAxisFilter(int64_t inputSize, int64_t outputSize, Resampling resampling) {
    const Kernel kernel = kernelOf(resampling);
    const double scale = double(inputSize) / double(outputSize);
    const double filterScale = std::max(scale, 1.0);
    const double support = kernel.support * filterScale;
    const double inverseScale = 1.0 / filterScale;

    AxisFilter filter;
    filter.taps = int64_t(std::ceil(support)) * 2 + 1;
    filter.first.resize(size_t(outputSize));
    filter.count.resize(size_t(outputSize));
    filter.weights.assign(size_t(outputSize * filter.taps), 0.0);
    for (int64_t i = 0; i < outputSize; ++i) {
        const double centre = (double(i) + 0.5) * scale;
        // Conversion to integer truncates towards zero, then clamps: the order matters at the left edge.
        const int64_t first = std::max<int64_t>(int64_t(centre - support + 0.5), 0);
        const int64_t end = std::min<int64_t>(int64_t(centre + support + 0.5), inputSize);
        double* weights = &filter.weights[size_t(i * filter.taps)];
        double sum = 0;
        for (int64_t j = 0; j < end - first; ++j) {
            weights[j] = kernel.function((double(j + first) - centre + 0.5) * inverseScale);
            sum += weights[j];
        }
        if (sum != 0.0)
            for (int64_t j = 0; j < end - first; ++j)
                weights[j] /= sum;
        filter.first[size_t(i)] = first;
        filter.count[size_t(i)] = end - first;
    }
    return filter;
}

std::vector<int64_t> nearestIndices(int64_t inputSize, int64_t outputSize) {
    std::vector<int64_t> indices(static_cast<size_t>(outputSize));
    const double step = double(inputSize) / double(outputSize);
    double position = step * 0.5;
    for (int64_t& index : indices) {
        index = std::min(int64_t(position), inputSize - 1);
        position += step;
    }
    return indices;
}

void parallelRows(int64_t rows, int64_t operations, const std::function<void(int64_t, int64_t)>& work) {
    constexpr int64_t kOperationsPerThread = 8'000'000;  // about 5 ms: starting a thread costs far less
    const int64_t threads = std::clamp<int64_t>(operations / kOperationsPerThread, 1,
                                                std::max(1u, std::thread::hardware_concurrency()));
    if (threads == 1 || rows < threads) {
        work(0, rows);
        return;
    }
    // What a part throws (out of memory) reaches the caller, not the end of the process.
    std::vector<std::exception_ptr> thrown(static_cast<size_t>(threads));
    const auto part = [&](int64_t t) {
        try {
            work(rows * t / threads, rows * (t + 1) / threads);
        } catch (...) {
            thrown[size_t(t)] = std::current_exception();
        }
    };
    {
        std::vector<std::jthread> running;
        for (int64_t t = 1; t < threads; ++t)
            running.emplace_back(part, t);
        part(0);
    }
    for (const std::exception_ptr& problem : thrown)
        if (problem)
            std::rethrow_exception(problem);
}

}  // namespace vitrine
