// Speed of reading tensors, each against a baseline of the same run: medians of repeated runs with their
// spread.
//   io_bench [megabytes of the large file, default 256] [folder for it, default the temporary one]
#include "core/base/file.h"
#include "core/io/safetensors.h"
#include "core/io/tensor_statistics.h"
#include "tests/bench/bench_measures.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>

namespace {

using namespace vitrine;
using namespace vitrine::bench;
namespace fs = std::filesystem;

struct Times {
    double median, low, high;  // milliseconds; low and high: quartiles
};

Times measure(int repeats, const std::function<void()>& work) {
    std::vector<double> times;
    for (int i = 0; i < repeats + 1; ++i) {
        times.push_back(1e3 * secondsOf(work));
    }
    times.erase(times.begin());  // the first run warms caches
    std::sort(times.begin(), times.end());
    return {times[times.size() / 2], times[times.size() / 4], times[times.size() * 3 / 4]};
}

void print(const char* what, const Times& times, const Times& baseline, double megabytes = 0) {
    std::printf("%-46s %9.3f ms  (%.3f .. %.3f)", what, times.median, times.low, times.high);
    if (megabytes > 0)
        std::printf("  %8.0f MB/s", megabytes / times.median * 1000);
    std::printf("  speed / baseline = %.2f\n", baseline.median / times.median);
}

void write(const fs::path& file, int count, const std::vector<float>& values) {
    std::vector<TensorToWrite> tensors;
    for (int i = 0; i < count; ++i)
        tensors.push_back({fmt::format("encoder.layers.{}.weight", i),
                           DType::F32,
                           {int64_t(values.size() / 8), 8},
                           std::as_bytes(std::span(values))});
    must(writeSafetensors(file, tensors));
}

void headerOf1000(const fs::path& folder) {
    const fs::path file = folder / "many.safetensors";
    write(file, 1000, std::vector<float>(16));
    const std::string content = must(readFile(file));
    uint64_t size = 0;
    std::memcpy(&size, content.data(), 8);
    const std::string header = content.substr(8, size);
    const Times parse = measure(51, [&] { must(parseJson(header, "header")); });
    print("header of 1000 tensors: JSON tree alone (base)", parse, parse);
    print("header of 1000 tensors: open, checked, sorted", measure(51, [&] { must(openSafetensors(file)); }),
          parse);
}

void readPlainly(const fs::path& file, std::vector<std::byte>& buffer) {
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    size_t done = 0;
    while (done < buffer.size()) {
        const ssize_t got = ::read(descriptor, buffer.data() + done, buffer.size() - done);
        if (got <= 0)
            break;
        done += size_t(got);
    }
    ::close(descriptor);
    if (done != buffer.size()) {
        std::fprintf(stderr, "reading %s stopped after %zu bytes\n", file.c_str(), done);
        std::exit(1);
    }
}

void wholeLoad(const fs::path& folder, size_t megabytes) {
    const fs::path file = folder / "large.safetensors";
    constexpr int kTensors = 64;
    write(file, kTensors,
          std::vector<float>(std::max<size_t>(megabytes, 1) * (1 << 20) / 4 / kTensors, 1.5f));
    const double size = double(fs::file_size(file)) / 1e6;
    // Both sides fill memory that was touched before: what is compared is the way to the bytes, not the
    // allocator.
    std::vector<std::byte> buffer(fs::file_size(file));
    const Times plain = measure(9, [&] { readPlainly(file, buffer); });
    print("whole file: read() (base)", plain, plain, size);
    const Times load = measure(9, [&] {
        const auto source = must(openSafetensors(file));
        size_t at = 0;
        for (const TensorInfo& info : source->tensors()) {
            const TensorBytes tensor = must(source->read(info.name));
            std::memcpy(buffer.data() + at, tensor.bytes.data(), tensor.bytes.size());
            at += tensor.bytes.size();
        }
    });
    print("whole file: open and copy every tensor", load, plain, size);
    const JobContext job;
    const Times statistics = measure(3, [&] {
        const auto source = must(openSafetensors(file));
        for (const TensorInfo& info : source->tensors())
            must(tensorStatistics(must(source->read(info.name)), {}, job));
    });
    print("statistics with 2:4, 4:8, 1:4", statistics, plain, size);
}

}  // namespace

int main(int argc, char** argv) {
    const size_t megabytes = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 256;
    const fs::path folder =
        (argc > 2 ? fs::path(argv[2]) : fs::temp_directory_path()) / fmt::format("io_bench-{}", ::getpid());
    std::error_code error;
    if (!fs::create_directories(folder, error)) {
        std::fprintf(stderr, "cannot make %s\n", folder.c_str());
        return 1;
    }
    headerOf1000(folder);
    wholeLoad(folder, megabytes);
    fs::remove_all(folder, error);
}
