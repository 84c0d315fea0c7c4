#include "app/desktop/runs/run_service.h"

#include <algorithm>

namespace vitrine {

constexpr auto kWatchEvery = std::chrono::seconds(1);

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
    std::optional<Project> project;
    while (!stop.stop_requested()) {
        std::optional<std::filesystem::path> folder;
        std::optional<Entry> entry;
        {
            std::unique_lock lock(mutex_);
            wake_.wait_for(lock, stop, kWatchEvery, [this] { return toOpen_ || !queue_.empty(); });
            folder = std::exchange(toOpen_, std::nullopt);
            if (!folder && !queue_.empty()) {
                entry = std::move(queue_.front());
                queue_.pop_front();
            }
        }
        if (folder)
            openNow(project, *folder);
        else if (entry)
            work(project, *entry);
        else if (!stop.stop_requested())
            look(project);
    }
}

void RunService::openNow(std::optional<Project>& project, const std::filesystem::path& folder) {
    project.reset();
    counter_ = -1;
    if (folder.empty())
        return;
    auto result = Project::open(folder);
    if (!result) {
        const QString text = QString::fromStdString(result.error().text());
        QMetaObject::invokeMethod(
            this, [this, text] { emit openFailed(text); }, Qt::QueuedConnection);
        return;
    }
    project.emplace(std::move(*result));
    const QString name = QString::fromStdString(project->name());
    const bool readOnly = project->readOnly();
    QMetaObject::invokeMethod(
        this, [this, name, readOnly] { emit opened(name, readOnly); }, Qt::QueuedConnection);
    if (const auto counter = project->changeCounter())
        counter_ = *counter;
}

void RunService::work(std::optional<Project>& project, const Entry& entry) {
    std::function<void()> finish = entry.task(project ? &*project : nullptr);
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
    look(project);
}

void RunService::look(const std::optional<Project>& project) {
    if (!watch_ || !project)
        return;
    const auto counter = project->changeCounter();
    if (!counter || *counter == counter_)
        return;
    counter_ = *counter;
    QMetaObject::invokeMethod(
        this, [this] { emit changed(); }, Qt::QueuedConnection);
}

}  // namespace vitrine
