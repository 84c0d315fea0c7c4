#include "core/io/tensor_statistics.h"

#include "core/io/dequantize.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <exception>
#include <limits>
#include <map>
#include <mutex>
#include <numeric>
#include <thread>

namespace vitrine {
namespace {

constexpr uint64_t kChunkElements = 1 << 16;
constexpr int64_t kMaxGroup = 1024;

// Rows are cut so that no group lies in two chunks: into stretches of `width` columns, or several rows at
// once.
struct Plan {
    uint64_t rows, columns;
    uint64_t width;         // columns of a stretch
    uint64_t stretches;     // per row
    uint64_t rowsPerChunk;  // above 1 only where a stretch is a whole row
    uint64_t chunks;

    Plan(const TensorInfo& info, uint64_t alignment) {
        const uint64_t count = info.elementCount();
        columns = info.shape.empty() ? 1 : uint64_t(info.shape.back());
        rows = columns ? count / columns : 0;
        width = std::max<uint64_t>(kChunkElements / alignment * alignment, alignment);
        stretches = (columns + width - 1) / width;
        rowsPerChunk = stretches == 1 ? std::max<uint64_t>(kChunkElements / columns, 1) : 1;
        chunks = stretches <= 1 ? (rows + rowsPerChunk - 1) / rowsPerChunk : rows * stretches;
    }
};

// What one chunk gives; merged in the chunks' order, so that threads do not change the result.
struct Partial {
    uint64_t finite = 0, zeros = 0, nans = 0, infinities = 0;
    double minimum = std::numeric_limits<double>::infinity(),
           maximum = -std::numeric_limits<double>::infinity();
    double mean = 0, squares = 0;  // squares: sum of squared differences from the mean

    void add(std::span<const double> values) {
        double sum = 0;
        for (const double value : values) {
            zeros += value == 0;
            if (!std::isfinite(value)) {
                (std::isnan(value) ? nans : infinities) += 1;
                continue;
            }
            ++finite;
            sum += value;
            minimum = std::min(minimum, value);
            maximum = std::max(maximum, value);
        }
        mean = finite ? sum / double(finite) : 0;
        for (const double value : values)
            if (std::isfinite(value))
                squares += (value - mean) * (value - mean);
    }
    // Chan, Golub and LeVeque 1979, pairwise update of mean and variance.
    void merge(const Partial& other) {
        zeros += other.zeros;
        nans += other.nans;
        infinities += other.infinities;
        if (other.finite == 0)
            return;
        const double total = double(finite + other.finite), difference = other.mean - mean;
        mean += difference * (double(other.finite) / total);
        squares += other.squares + difference * difference * (double(finite) * double(other.finite) / total);
        finite += other.finite;
        minimum = std::min(minimum, other.minimum);
        maximum = std::max(maximum, other.maximum);
    }
};

struct ChunkResult {
    Partial partial;
    std::vector<NmCompliance> patterns;
};

// Groups of a stretch of one row; `firstGroup` is the number of its first group.
void scanGroups(std::span<const double> row, uint64_t firstGroup, size_t maxViolations, NmCompliance& found) {
    const size_t group = size_t(found.pattern.group);
    const size_t whole = row.size() / group;
    for (size_t g = 0; g < whole; ++g) {
        int64_t nonzero = 0;
        for (size_t i = g * group; i < (g + 1) * group; ++i)
            nonzero += row[i] != 0;
        if (nonzero <= found.pattern.nonzero)
            continue;
        ++found.violatingGroups;
        if (found.firstViolations.size() < maxViolations)
            found.firstViolations.push_back(firstGroup + g);
    }
    found.groups += whole;
    found.leftoverElements += row.size() - whole * group;
}

ChunkResult scanChunk(const TensorBytes& tensor, const Plan& plan, const StatisticsOptions& options,
                      uint64_t chunk, std::vector<double>& buffer) {
    const uint64_t row = plan.stretches == 1 ? chunk * plan.rowsPerChunk : chunk / plan.stretches;
    const uint64_t column = plan.stretches == 1 ? 0 : chunk % plan.stretches * plan.width;
    const uint64_t rowCount = std::min(plan.rowsPerChunk, plan.rows - row);
    const uint64_t width = std::min(plan.width, plan.columns - column);
    buffer.resize(rowCount * width);
    decodeElements(tensor.info.dtype, tensor.bytes, row * plan.columns + column, std::span(buffer));
    ChunkResult result;
    result.partial.add(buffer);
    for (const NmPattern& pattern : options.patterns) {
        NmCompliance& found =
            result.patterns.emplace_back(NmCompliance{.pattern = pattern, .firstViolations = {}});
        const uint64_t group = uint64_t(pattern.group), perRow = plan.columns / group;
        for (uint64_t i = 0; i < rowCount; ++i)
            scanGroups(std::span(buffer).subspan(i * width, width), (row + i) * perRow + column / group,
                       options.maxViolations, found);
    }
    return result;
}

void mergeCompliance(NmCompliance& total, const NmCompliance& part, size_t maxViolations) {
    total.groups += part.groups;
    total.violatingGroups += part.violatingGroups;
    total.leftoverElements += part.leftoverElements;
    for (const uint64_t group : part.firstViolations)
        if (total.firstViolations.size() < maxViolations)
            total.firstViolations.push_back(group);
}

TensorStatistics summarize(uint64_t count, const Partial& total) {
    TensorStatistics statistics;
    statistics.count = count;
    statistics.zeros = total.zeros;
    statistics.nans = total.nans;
    statistics.infinities = total.infinities;
    if (total.finite > 0) {
        statistics.minimum = total.minimum;
        statistics.maximum = total.maximum;
        statistics.absoluteMaximum = std::max(std::abs(total.minimum), std::abs(total.maximum));
        statistics.mean = total.mean;
        statistics.standardDeviation = std::sqrt(total.squares / double(total.finite));
    }
    return statistics;
}

// Merges as many results as are there in order; results wait for those before them, at most a few per thread.
class OrderedMerge {
  public:
    OrderedMerge(const StatisticsOptions& options, uint64_t window) : options_(options), window_(window) {
        for (const NmPattern& pattern : options.patterns)
            patterns_.push_back({.pattern = pattern, .firstViolations = {}});
    }
    // Blocks while `chunk` is further ahead than the window: the memory of waiting results stays bounded.
    bool waitForTurn(uint64_t chunk, const std::stop_token& stop) {
        std::unique_lock lock(mutex_);
        return moved_.wait(lock, stop, [&] { return chunk < next_ + window_ || thrown_; }) && !thrown_;
    }
    // A thread that ran into an exception: nobody waits for its chunk any more.
    void giveUp(std::exception_ptr thrown) {
        const std::lock_guard lock(mutex_);
        thrown_ = std::move(thrown);
        moved_.notify_all();
    }
    void rethrow() const {
        if (thrown_)
            std::rethrow_exception(thrown_);
    }
    void add(uint64_t chunk, ChunkResult result) {
        const std::lock_guard lock(mutex_);
        waiting_.emplace(chunk, std::move(result));
        for (auto it = waiting_.find(next_); it != waiting_.end(); it = waiting_.find(next_)) {
            total_.merge(it->second.partial);
            for (size_t i = 0; i < patterns_.size(); ++i)
                mergeCompliance(patterns_[i], it->second.patterns[i], options_.maxViolations);
            waiting_.erase(it);
            ++next_;
        }
        moved_.notify_all();
    }
    TensorStatistics finish(uint64_t count) {
        TensorStatistics statistics = summarize(count, total_);
        statistics.patterns = std::move(patterns_);
        return statistics;
    }

  private:
    const StatisticsOptions& options_;
    const uint64_t window_;
    std::mutex mutex_;
    std::condition_variable_any moved_;
    uint64_t next_ = 0;
    std::exception_ptr thrown_;
    std::map<uint64_t, ChunkResult> waiting_;
    Partial total_;
    std::vector<NmCompliance> patterns_;
};

// Chunks never straddle a group of any pattern, nor a block of 32.
Result<uint64_t> commonAlignment(const StatisticsOptions& options) {
    uint64_t alignment = 32;
    for (const NmPattern& pattern : options.patterns) {
        alignment = std::lcm(alignment, uint64_t(pattern.group));
        if (alignment > (1u << 22))
            return fail(ErrorCode::InvalidArgument, "the patterns' groups have too large a common multiple",
                        "patterns", "Ask for fewer patterns at a time");
    }
    return alignment;
}

}  // namespace

Result<void> StatisticsOptions::validate() const {
    for (const NmPattern& pattern : patterns)
        if (pattern.nonzero < 1 || pattern.nonzero > pattern.group || pattern.group > kMaxGroup)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("{}:{} is no pattern; N:M needs 0 < N <= M <= {}", pattern.nonzero,
                                    pattern.group, kMaxGroup),
                        "patterns");
    return {};
}

Result<TensorStatistics> tensorStatistics(const TensorBytes& tensor, const StatisticsOptions& options,
                                          const JobContext& job) {
    VITRINE_TRY_VOID(options.validate());
    VITRINE_TRY_VOID(checkDecodable(tensor));
    VITRINE_TRY(const uint64_t alignment, commonAlignment(options));
    const Plan plan(tensor.info, alignment);
    const uint64_t cores = std::max(1u, std::thread::hardware_concurrency());
    const uint64_t threads = std::min<uint64_t>(options.threads ? options.threads : cores, plan.chunks);
    OrderedMerge merge(options, 4 * std::max<uint64_t>(threads, 1));
    std::atomic<uint64_t> next{0};
    const auto work = [&] {
        try {
            std::vector<double> buffer;
            for (uint64_t chunk = next++; chunk < plan.chunks; chunk = next++) {
                if (!merge.waitForTurn(chunk, job.stopToken()) || job.stopRequested())
                    return;
                merge.add(chunk, scanChunk(tensor, plan, options, chunk, buffer));
            }
        } catch (...) {
            merge.giveUp(std::current_exception());
        }
    };
    {
        std::vector<std::jthread> helpers;
        for (uint64_t i = 1; i < threads; ++i)
            helpers.emplace_back(work);
        work();
    }
    merge.rethrow();
    VITRINE_TRY_VOID(job.checkStop());
    return merge.finish(tensor.info.elementCount());
}

}  // namespace vitrine
