#include "app/desktop/runs/run_service.h"

#include <sys/stat.h>

#include <algorithm>

namespace vitrine {

constexpr auto kWatchEvery = std::chrono::seconds(1);
constexpr auto kRest = std::chrono::milliseconds(250);  // between two announcements
constexpr auto kTryEvery = std::chrono::seconds(2);

namespace {

// Nothing if there is no such file.
std::optional<std::pair<uint64_t, uint64_t>> fileNumber(const std::filesystem::path& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        return std::nullopt;
    return std::pair{uint64_t(status.st_dev), uint64_t(status.st_ino)};
}

}  // namespace

RunService::RunService(bool watch, QObject* parent)
    : QObject(parent), watch_(watch), thread_([this](std::stop_token stop) { loop(stop); }) {}

RunService::~RunService() {
    thread_.request_stop();
    wake_.notify_all();
    thread_.join();
}

void RunService::open(const std::filesystem::path& folder) {
    const std::lock_guard lock(mutex_);
    toOpen_ = folder;
    pending_ -= int(queue_.size());
    queue_.clear();
    newest_.clear();
    wake_.notify_all();
}

void RunService::post(const std::string& name, Task task) {
    const std::lock_guard lock(mutex_);
    const auto older =
        std::find_if(queue_.begin(), queue_.end(), [&](const Entry& entry) { return entry.name == name; });
    if (older != queue_.end()) {
        queue_.erase(older);
        --pending_;
    }
    newest_[name] = nextId_;
    queue_.push_back({name, nextId_++, std::move(task)});
    ++pending_;
    wake_.notify_all();
}

void RunService::loop(std::stop_token stop) {
    Held held;
    held.problem = Error{ErrorCode::NotFound, "no project is open", {}, {}};
    while (!stop.stop_requested()) {
        std::optional<std::filesystem::path> folder;
        std::optional<Entry> entry;
        {
            std::unique_lock lock(mutex_);
            wake_.wait_for(lock, stop, held.lookSoon ? kRest : kWatchEvery,
                           [this] { return toOpen_ || !queue_.empty(); });
            folder = std::exchange(toOpen_, std::nullopt);
            if (!folder && !queue_.empty()) {
                entry = std::move(queue_.front());
                queue_.pop_front();
            }
        }
        if (folder) {
            held = Held{.folder = std::move(*folder),
                        .project = {},
                        .file = {},
                        .problem = {ErrorCode::NotFound, "no project is open", {}, {}},
                        .tried = {}};
            if (!held.folder.empty())
                openNow(held);
        } else if (entry) {
            work(held, *entry);
        } else if (!stop.stop_requested()) {
            look(held);
        }
    }
}

void RunService::openNow(Held& held) {
    held.tried = std::chrono::steady_clock::now();
    counter_ = -1;
    auto result = Project::open(held.folder);
    if (!result)
        return refuse(held, result.error());
    held.project.emplace(std::move(*result));
    held.problem = {};
    held.file = fileNumber(held.project->databasePath()).value_or(std::pair<uint64_t, uint64_t>());
    const QString name = QString::fromStdString(held.project->name());
    const bool readOnly = held.project->readOnly();
    QMetaObject::invokeMethod(
        this, [this, name, readOnly] { emit opened(name, readOnly); }, Qt::QueuedConnection);
    if (const auto counter = held.project->changeCounter())
        counter_ = *counter;
}

void RunService::refuse(Held& held, Error problem) {
    held.project.reset();
    const QString text = QString::fromStdString(problem.text());
    const bool said = held.problem.text() == problem.text();
    held.problem = std::move(problem);
    if (!said)
        QMetaObject::invokeMethod(
            this, [this, text] { emit openFailed(text); }, Qt::QueuedConnection);
}

void RunService::work(Held& held, const Entry& entry) {
    std::function<void()> finish = entry.task(held.project ? &*held.project : nullptr, held.problem);
    QMetaObject::invokeMethod(
        this,
        [this, name = entry.name, id = entry.id, finish = std::move(finish)] {
            {
                const std::lock_guard lock(mutex_);
                --pending_;
                const auto newest = newest_.find(name);
                if (newest == newest_.end() || newest->second != id)
                    return;
            }
            finish();
        },
        Qt::QueuedConnection);
    look(held);
}

void RunService::look(Held& held) {
    if (held.folder.empty())
        return;
    if (held.project && fileNumber(held.project->databasePath()) != held.file) {
        const bool gone = !fileNumber(held.project->databasePath());
        refuse(held, {ErrorCode::NotFound,
                      gone ? "the project's database was deleted or moved while it was open"
                           : "the project's database was replaced by another file while it was open",
                      (held.folder / "vitrine.db").string(),
                      gone ? "Put it back, or open another project" : "It is opened again"});
        held.tried = {};
    }
    if (!held.project) {
        if (std::chrono::steady_clock::now() - held.tried < kTryEvery)
            return;
        // Gone is told apart from never having been there; it is the same until the file is back.
        if (held.problem.code == ErrorCode::NotFound && !fileNumber(held.folder / "vitrine.db"))
            return;
        openNow(held);
        if (!held.project)
            return;
        if (watch_)
            QMetaObject::invokeMethod(
                this, [this] { emit changed(); }, Qt::QueuedConnection);
        return;
    }
    if (!watch_)
        return;
    // Every question ends here, and what is announced leads to questions: a job that writes without pause
    // would keep the window reading.
    const auto now = std::chrono::steady_clock::now();
    held.lookSoon = now - held.announced < kRest;
    if (held.lookSoon)
        return;
    const auto counter = held.project->changeCounter();
    if (!counter || *counter == counter_)
        return;
    counter_ = *counter;
    held.announced = now;
    QMetaObject::invokeMethod(
        this, [this] { emit changed(); }, Qt::QueuedConnection);
}

}  // namespace vitrine
