// Asks the project's database on a thread of its own and brings the answers to the interface thread. Of
// several questions with the same name only the newest is answered: a slider that moves on leaves its old
// questions behind.
#pragma once

#include "core/runs/project.h"

#include <QObject>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

namespace vitrine {

class RunService : public QObject {
    Q_OBJECT
  public:
    // `watch`: look every second whether another process changed the database.
    explicit RunService(bool watch, QObject* parent = nullptr);
    ~RunService() override;

    // Opens (or, with an empty path, closes) a project; questions wait until it is open. Asked before and not
    // yet answered: dropped.
    void open(const std::filesystem::path& folder);
    // Runs `question` on the service's thread, then `answer` on the interface thread.
    template <typename T>
    void ask(const std::string& name, std::function<Result<T>(const Project&)> question,
             std::function<void(Result<T>)> answer) {
        post(name, [question = std::move(question), answer = std::move(answer)](const Project* project,
                                                                                const Error& problem) {
            Result<T> result = fail(problem);
            try {
                if (project)
                    result = question(*project);
            } catch (...) {
                result = fail(errorFromCurrentException("reading the project"));
            }
            return std::function<void()>([answer, result = std::move(result)] { answer(std::move(result)); });
        });
    }
    bool isBusy() const { return pending_ > 0; }

  signals:
    void opened(const QString& name, bool readOnly);
    // The project cannot be opened, or its database vanished while it was open. It is tried again every two
    // seconds; said once for each reason. opened() and changed() follow once it can be had.
    void openFailed(const QString& message);
    // By this or another process; at most every quarter of a second; what changes in between is announced
    // then.
    void changed();

  private:
    using Task = std::function<std::function<void()>(const Project*, const Error&)>;
    struct Entry {
        std::string name;
        uint64_t id;
        Task task;
    };
    void post(const std::string& name, Task task);
    void loop(std::stop_token stop);
    // What the service's thread has open.
    struct Held {
        std::filesystem::path folder;
        std::optional<Project> project;
        std::pair<uint64_t, uint64_t> file;  // device and number of the database's file
        Error problem;                       // why there is no project
        std::chrono::steady_clock::time_point tried;
        std::chrono::steady_clock::time_point announced = {};  // changed()
        bool lookSoon = false;                                 // something may have changed since
    };
    void work(Held& held, const Entry& entry);
    void openNow(Held& held);
    void refuse(Held& held, Error problem);
    void look(Held& held);

    const bool watch_;
    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::deque<Entry> queue_;
    std::optional<std::filesystem::path> toOpen_;
    std::map<std::string, uint64_t> newest_;  // interface thread
    uint64_t nextId_ = 1;
    int pending_ = 0;  // interface thread
    int64_t counter_ = -1;
    std::jthread thread_;
};

}  // namespace vitrine
