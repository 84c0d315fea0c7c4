#include "core/runs/metric_writer.h"

#include "core/base/log.h"

#include <algorithm>
#include <limits>

namespace vitrine {

Result<std::unique_ptr<MetricWriter>> MetricWriter::open(const Project& project, const Run& run,
                                                         Options options) {
    VITRINE_TRY(Database database, Database::open(project.databasePath(), Database::Mode::ReadWrite));
    return std::unique_ptr<MetricWriter>(new MetricWriter(std::move(database), run.number, options));
}

MetricWriter::MetricWriter(Database database, int64_t run, Options options)
    : database_(std::move(database)), run_(run), options_(options) {
    thread_ = std::jthread([this](std::stop_token stop) { loop(stop); });
}

MetricWriter::~MetricWriter() {
    thread_.request_stop();
    thread_.join();
    if (const uint64_t lost = addedPoints_ - writtenPoints_; lost > 0)
        log::error("{} points of metrics were lost: {}", lost, failure_ ? "" : failure_.error().text());
}

void MetricWriter::add(std::string_view key, int64_t step, double value, double time) {
    std::unique_lock lock(mutex_);
    const auto hasRoom = [&] { return addedPoints_ - writtenPoints_ < options_.maxBufferedPoints; };
    written_.wait(lock, [&] { return hasRoom() || !failure_ || !refusal_; });
    // Once a point was refused no later one may be taken: the series would have a hole.
    if (!refusal_)
        return;
    if (!hasRoom()) {
        refusal_ = failure_;
        return;
    }
    auto found = keys_.find(key);
    if (found == keys_.end()) {
        found = keys_.emplace(std::string(key), uint32_t(names_.size())).first;
        names_.emplace_back(key);
    }
    buffer_.push_back({found->second, step, time > 0 ? time : nowSeconds(), value});
    ++addedPoints_;
    if (buffer_.size() == options_.flushPoints)
        changed_.notify_one();
}

Result<void> MetricWriter::flush() {
    std::unique_lock lock(mutex_);
    const uint64_t target = addedPoints_;
    flushWanted_ = true;
    failure_ = {};
    changed_.notify_one();
    written_.wait(lock, [&] { return writtenPoints_ >= target || !failure_; });
    return writtenPoints_ < target ? failure_ : refusal_;
}

Result<void> MetricWriter::refusal() const {
    const std::lock_guard lock(mutex_);
    return refusal_;
}

void MetricWriter::loop(std::stop_token stop) {
    std::vector<Point> points;  // taken from the buffer, oldest first, and not yet committed
    std::vector<std::string> names;
    std::unique_lock lock(mutex_);
    while (true) {
        // After a failure the next attempt waits for its time, or a full disk would keep a core busy.
        changed_.wait_for(lock, stop, std::chrono::duration<double>(options_.flushSeconds), [&] {
            return flushWanted_ || (points.empty() && buffer_.size() >= options_.flushPoints);
        });
        flushWanted_ = false;
        points.insert(points.end(), buffer_.begin(), buffer_.end());
        buffer_.clear();
        names.insert(names.end(), names_.begin() + std::ptrdiff_t(names.size()), names_.end());
        const uint64_t covered = addedPoints_;
        lock.unlock();
        Result<void> result = writeAll(points, names, stop);
        lock.lock();
        writtenPoints_ = covered - points.size();
        noteOutcome(result);
        failure_ = std::move(result);
        written_.notify_all();
        if (stop.stop_requested() && buffer_.empty())
            return;
    }
}

// The log tells of a failure and of its end once, not at every attempt.
void MetricWriter::noteOutcome(const Result<void>& result) {
    if (!result && !failing_)
        log::warn("metrics cannot be written and wait in memory: {}", result.error().text());
    else if (result && failing_)
        log::info("the metrics that waited are written");
    failing_ = !result;
}

Result<void> MetricWriter::writeAll(std::vector<Point>& points, const std::vector<std::string>& names,
                                    const std::stop_token& stop) {
    // In parts, so that on a disk that is nearly full as much as fits is kept.
    constexpr size_t kTransactionPoints = 16384;
    Result<void> result;
    size_t done = 0;
    while (result && done < points.size()) {
        const size_t count = std::min(kTransactionPoints, points.size() - done);
        const std::span<const Point> part(points.data() + done, count);
        result = write(part, names);
        // Another process may keep the database for long (a migration, a backup): wait rather than lose.
        while (!result && result.error().code == ErrorCode::Busy && !stop.stop_requested())
            result = write(part, names);
        if (result)
            done += count;
    }
    points.erase(points.begin(), points.begin() + std::ptrdiff_t(done));
    return result;
}

Result<void> MetricWriter::openSeries(size_t count, const std::vector<std::string>& names) {
    series_.resize(count);
    for (size_t i = 0; i < count; ++i) {
        if (series_[i].known)
            continue;
        VITRINE_TRY(const int64_t key, keyId(database_, "metric", names[i]));
        VITRINE_TRY_VOID(database_.execute("INSERT OR IGNORE INTO series(key, run) VALUES(?,?)", key, run_));
        VITRINE_TRY(Statement row,
                    database_.prepare("SELECT id, last_step FROM series WHERE key=? AND run=?"));
        row.bindAll(key, run_);
        VITRINE_TRY_VOID(row.step().map([](bool) {}));
        series_[i].id = row.integer(0);
        series_[i].lastStep = row.isNull(1) ? std::numeric_limits<int64_t>::min() : row.integer(1);
    }
    return {};
}

Result<void> MetricWriter::write(std::span<const Point> points, const std::vector<std::string>& names) {
    std::vector<const Point*> last;
    VITRINE_TRY_VOID(database_.transaction([&]() -> Result<void> {
        VITRINE_TRY_VOID(openSeries(names.size(), names));
        last.assign(names.size(), nullptr);
        {
            VITRINE_TRY(Statement insert, database_.prepare("INSERT OR REPLACE INTO points VALUES(?,?,?,?)"));
            for (const Point& point : points) {
                insert.bindAll(series_[point.key].id, point.step, point.time, point.value);
                VITRINE_TRY_VOID(insert.run());
                const Point*& newest = last[point.key];
                if (point.step >= (newest ? newest->step : series_[point.key].lastStep))
                    newest = &point;
            }
        }
        for (size_t i = 0; i < last.size(); ++i)
            if (last[i])
                VITRINE_TRY_VOID(
                    database_.execute("UPDATE series SET last_step=?, last_time=?, last_value=? WHERE id=?",
                                      last[i]->step, last[i]->time, last[i]->value, series_[i].id));
        return {};
    }));
    // Only what is committed is remembered: a transaction that was rolled back took its new series along.
    for (size_t i = 0; i < series_.size(); ++i) {
        series_[i].known = true;
        if (last[i])
            series_[i].lastStep = last[i]->step;
    }
    return {};
}

}  // namespace vitrine
