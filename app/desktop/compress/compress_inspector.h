// Asks the engine on a thread of its own (engine_thread.h) and brings the answers to the interface thread. Of
// questions in the same lane only the newest is answered. The engine library is loaded with the first
// question.
#pragma once

#include "core/engine/compress_engine.h"
#include "core/engine/engine_thread.h"

#include <QObject>
#include <map>
#include <memory>

namespace vitrine {

class CompressInspector : public QObject {
    Q_OBJECT
  public:
    using QObject::QObject;
    ~CompressInspector() override;

    // `question` runs on the engine's thread and checks job.stopRequested() in long steps; `answer` on the
    // interface thread. Background questions wait for interactive ones wherever they report progress.
    template <typename T>
    void ask(const std::string& lane, std::function<Result<T>(CompressEngine&, JobContext&)> question,
             std::function<void(Result<T>)> answer, EnginePriority priority = EnginePriority::Interactive) {
        post(
            lane,
            [question = std::move(question), answer = std::move(answer)](
                CompressEngine* engine, const Error& problem, JobContext& job) {
                Result<T> result = fail(problem);
                try {
                    if (engine)
                        result = question(*engine, job);
                } catch (...) {
                    result = fail(errorFromCurrentException("the compression engine"));
                }
                return std::function<void()>([answer, result = std::make_shared<Result<T>>(std::move(
                                                          result))] { answer(std::move(*result)); });
            },
            priority);
    }
    // Drops and stops what was asked in this lane; it is not answered.
    void cancel(const std::string& lane);
    bool isBusy() const;
    bool isBusy(const std::string& lane) const;
    // Runs on the interface thread, later; for news in the middle of a question.
    void post(std::function<void()> finish);

  signals:
    void stateChanged();
    void failed(const QString& message);  // the engine cannot be loaded
    // What a question in this lane does: "reading tensors 12/40".
    void progressed(const QString& lane, const QString& text);

  private:
    using Task = std::function<std::function<void()>(CompressEngine*, const Error&, JobContext&)>;
    struct Holder {
        std::unique_ptr<CompressEngine> engine;  // of the engine's thread
        Error problem;
    };
    void post(const std::string& lane, Task task, EnginePriority priority);
    void start();

    std::map<std::string, uint64_t> newest_;  // what is not answered yet
    uint64_t next_ = 1;
    std::shared_ptr<Holder> holder_ = std::make_shared<Holder>();
    std::unique_ptr<EngineThread> thread_;  // last: ends before the rest is destroyed
};

}  // namespace vitrine
