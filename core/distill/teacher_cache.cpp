#include "core/distill/teacher_cache.h"

#include "core/base/cache_folder.h"
#include "core/base/file.h"
#include "core/base/hash.h"
#include "core/base/stopwatch.h"
#include "core/base/thread_pool.h"
#include "core/distill/teacher_cache_entry.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr double kLevelAfterRoom = 0.95;  // of the limit, down to which entries are removed

}  // namespace

struct TeacherCache::Parts {
    fs::path folder;
    TeacherCacheOptions options;
    double opened = secondsNow();
    Counts counts;

    mutable std::mutex mutex;  // of what follows
    std::condition_variable written;
    std::map<std::string, StoredOutput> waiting;  // by key: asked for again before it is on disk
    int64_t waitingBytes = 0, totalBytes = 0;
    bool stores = true;
    std::vector<std::string> messages;
    ThreadPool pool{1};  // last: its thread ends before what it uses

    fs::path fileOf(const std::string& key) const {
        const std::string hash = sha256Hex(key);
        return folder / hash.substr(0, 2) / (hash.substr(2) + kCacheEntryExtension);
    }
    void stopStoring(const std::string& why) {
        const std::lock_guard lock(mutex);
        if (stores)
            messages.push_back(why);
        stores = false;
    }
    // On the background thread.
    void write(const std::string& key);
    Result<int64_t> store(const std::string& key, const StoredOutput& output);
    Result<bool> makeRoom(int64_t bytes);
};

// Whether there is room for so many bytes now.
Result<bool> TeacherCache::Parts::makeRoom(int64_t bytes) {
    {
        const std::lock_guard lock(mutex);
        if (totalBytes + bytes <= options.limitBytes)
            return true;
    }
    // Other processes write here too: count anew, and remove what was used longest ago.
    VITRINE_TRY(const auto files, cacheFiles(folder, kCacheEntryExtension));
    int64_t total = bytesOf(files);
    // What this run uses comes round again: to remove one for another would only go in circles.
    if (total + bytes > options.limitBytes)
        total =
            removeLongestUnused(files, int64_t(kLevelAfterRoom * double(options.limitBytes)) - bytes, opened);
    const std::lock_guard lock(mutex);
    totalBytes = total;
    return total + bytes <= options.limitBytes;
}

Result<int64_t> TeacherCache::Parts::store(const std::string& key, const StoredOutput& output) {
    const fs::path file = fileOf(key);
    std::error_code problem;
    if (fs::exists(file, problem))
        return 0;  // another run was faster
    const int64_t bytes = kCacheEntryHeaderBytes + bytesOf(output);
    VITRINE_TRY(const bool room, makeRoom(bytes));
    if (!room) {
        stopStoring(
            fmt::format("the cache of teachers is full ({:.2f} GB): what it holds is used, no more is "
                        "stored; settings.teacher_cache_limit makes it larger",
                        double(options.limitBytes) / 1e9));
        return 0;
    }
    const fs::space_info space = fs::space(folder, problem);
    if (!problem && int64_t(space.available) < bytes + options.bytesLeftFree)
        return fail(ErrorCode::DiskFull,
                    fmt::format("the disk is full but for {:.2f} GB", double(space.available) / 1e9),
                    folder.string());
    fs::create_directories(file.parent_path(), problem);
    if (problem)
        return fail(errorFromErrno(problem.value(), "make the folder", file.parent_path()));
    VITRINE_TRY_VOID(writeCacheEntry(file, key, output));
    return bytes;
}

void TeacherCache::Parts::write(const std::string& key) {
    StoredOutput output;
    bool wanted = false;
    {
        const std::lock_guard lock(mutex);
        output = waiting.at(key);
        wanted = stores;
    }
    Result<int64_t> bytes = int64_t(0);
    if (wanted)
        try {
            bytes = store(key, output);
        } catch (...) {
            bytes = fail(errorFromCurrentException("writing to the cache of teachers"));
        }
    if (!bytes)
        stopStoring(fmt::format("the cache of teachers is switched off, the run goes on without it: {}",
                                bytes.error().text()));
    {
        const std::lock_guard lock(mutex);
        waiting.erase(key);
        waitingBytes -= bytesOf(output);
        if (bytes) {
            totalBytes += *bytes;
            counts.storedBytes += *bytes;
        }
    }
    written.notify_all();
}

TeacherCache::TeacherCache(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

TeacherCache::~TeacherCache() {
    flush();
}

Result<std::unique_ptr<TeacherCache>> TeacherCache::open(const fs::path& folder,
                                                         const TeacherCacheOptions& options) {
    std::error_code problem;
    fs::create_directories(folder, problem);
    if (problem)
        return fail(errorFromErrno(problem.value(), "make the cache of teachers", folder));
    auto parts = std::make_unique<Parts>();
    parts->folder = folder;
    parts->options = options;
    VITRINE_TRY(const auto files, cacheFiles(folder, kCacheEntryExtension));
    parts->totalBytes = bytesOf(files);
    return std::unique_ptr<TeacherCache>(new TeacherCache(std::move(parts)));
}

std::optional<TeacherOutput> TeacherCache::find(const std::string& key) {
    Parts& p = *parts_;
    const Stopwatch watch(p.counts.seconds);
    {
        const std::lock_guard lock(p.mutex);
        if (const auto waiting = p.waiting.find(key); waiting != p.waiting.end()) {
            ++p.counts.found;
            return asFloats(waiting->second);
        }
    }
    const fs::path file = p.fileOf(key);
    std::error_code ignored;
    if (fs::exists(file, ignored)) {
        if (auto output = readCacheEntry(file, key)) {
            markUsed(file);
            ++p.counts.found;
            return std::move(*output);
        }
        fs::remove(file, ignored);
    }
    ++p.counts.missing;
    return std::nullopt;
}

void TeacherCache::keep(const std::string& key, const TeacherOutput& output) {
    Parts& p = *parts_;
    const Stopwatch watch(p.counts.seconds);
    StoredOutput kept = storedForm(output, p.options.stored);
    const int64_t bytes = bytesOf(kept);
    {
        std::unique_lock lock(p.mutex);
        p.written.wait(lock,
                       [&] { return p.waitingBytes == 0 || p.waitingBytes + bytes <= p.options.queueBytes; });
        if (!p.stores || p.waiting.contains(key))
            return;
        p.waiting[key] = std::move(kept);
        p.waitingBytes += bytes;
    }
    p.pool.submit([&p, key] { p.write(key); });
}

void TeacherCache::flush() {
    parts_->pool.waitUntilIdle();
}

TeacherCache::Counts TeacherCache::counts() const {
    const std::lock_guard lock(parts_->mutex);
    return parts_->counts;
}

const TeacherCacheOptions& TeacherCache::options() const {
    return parts_->options;
}

int64_t TeacherCache::totalBytes() const {
    const std::lock_guard lock(parts_->mutex);
    return parts_->totalBytes;
}

double TeacherCache::room(const fs::path& folder, const TeacherCacheOptions& options) {
    double held = 0;
    if (const auto files = cacheFiles(folder, kCacheEntryExtension))
        held = double(bytesOf(*files));
    // The disk is that of the nearest folder that is there.
    std::error_code problem;
    fs::path there = fs::absolute(folder, problem);
    while (!fs::exists(there, problem) && there.has_relative_path())
        there = there.parent_path();
    const fs::space_info space = fs::space(there, problem);
    const double free = problem ? 0 : double(space.available) - double(options.bytesLeftFree);
    return std::min(double(options.limitBytes), held + std::max(0.0, free));
}

std::vector<std::string> TeacherCache::takeMessages() {
    const std::lock_guard lock(parts_->mutex);
    return std::exchange(parts_->messages, {});
}

int64_t TeacherCache::entryBytes(int64_t values, at::ScalarType stored) {
    return kCacheEntryHeaderBytes + values * int64_t(c10::elementSize(stored));
}

}  // namespace vitrine
