// Streams metric points of one run into the database: points gather in memory and are written by a thread of
// its own, with its own connection, in one transaction every 0.3 s or 1,000 points. A kill loses at most the
// batch that was not yet committed. add() may be called from any thread.
//
// A batch that cannot be written (a full disk) is kept and tried again, in order, before anything newer: a
// series may end early, but it never has a hole.
#pragma once

#include "core/runs/run_store.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <thread>
#include <unordered_map>

namespace vitrine {

class MetricWriter {
  public:
    struct Options {
        double flushSeconds = 0.3;
        size_t flushPoints = 1000;
        // Above this add() waits for the writer; if the writer cannot write, it takes no more points.
        size_t maxBufferedPoints = 1 << 20;
    };
    static Result<std::unique_ptr<MetricWriter>> open(const Project& project, const Run& run,
                                                      Options options);
    static Result<std::unique_ptr<MetricWriter>> open(const Project& project, const Run& run) {
        return open(project, run, Options());
    }
    ~MetricWriter();  // writes what is left; errors at that point are logged

    // The same key and step again replaces the point (a resumed run repeats the steps after its checkpoint).
    void add(std::string_view key, int64_t step, double value, double time = 0);  // time 0: now
    // Waits until everything added so far is committed, or an attempt to do so failed: then its error, and
    // the points are kept for the next one.
    Result<void> flush();
    // The error (DiskFull, ...) because of which points had to be refused: memory for them ran out before
    // they could be written. A job that meets it should stop, since what it measures from here on is not
    // kept.
    Result<void> refusal() const;

  private:
    struct Point {
        uint32_t key;
        int64_t step;
        double time;
        double value;
    };
    struct Series {
        int64_t id = 0;
        bool known = false;
        int64_t lastStep = 0;
    };
    struct TextHash {
        using is_transparent = void;
        size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
    };

    MetricWriter(Database database, int64_t run, Options options);
    void loop(std::stop_token stop);
    // Commits points from the front of `points`, in order, and takes them out; stops at the first error.
    Result<void> writeAll(std::vector<Point>& points, const std::vector<std::string>& names,
                          const std::stop_token& stop);
    Result<void> write(std::span<const Point> points, const std::vector<std::string>& names);
    void noteOutcome(const Result<void>& result);
    Result<void> openSeries(size_t count, const std::vector<std::string>& names);

    Database database_;  // used by the thread only
    const int64_t run_;
    const Options options_;
    std::vector<Series> series_;  // by key index; used by the thread only
    bool failing_ = false;        // used by the thread only

    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::condition_variable written_;
    std::unordered_map<std::string, uint32_t, TextHash, std::equal_to<>> keys_;
    std::vector<std::string> names_;
    std::vector<Point> buffer_;
    uint64_t addedPoints_ = 0;
    uint64_t writtenPoints_ = 0;
    bool flushWanted_ = false;
    Result<void> failure_;  // of the newest attempt
    Result<void> refusal_;  // set once, stays
    std::jthread thread_;   // last: joined before the rest is destroyed
};

}  // namespace vitrine
