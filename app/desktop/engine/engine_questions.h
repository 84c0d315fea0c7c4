// Asks a part of the engine library on a thread of its own (engine_thread.h) and brings the answers to the
// interface thread. Of questions in the same lane only the newest is answered. The library is loaded with
// the first question.
//
//   EngineQuestions<TeacherEngine> questions([](const Engine& library) { return
//   library.createTeacherEngine(); }); questions.ask<CovarianceMaps>("covariance", [](TeacherEngine& engine,
//   JobContext& job) { … },
//                                 [this](Result<CovarianceMaps> answer) { … });
#pragma once

#include "core/engine/engine_loader.h"
#include "core/engine/engine_thread.h"

#include <QObject>
#include <map>
#include <memory>

namespace vitrine {

// What does not depend on the part that is asked.
class EngineQuestionsBase : public QObject {
    Q_OBJECT
  public:
    ~EngineQuestionsBase() override;

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

  protected:
    // Null with the reason where the library cannot be loaded.
    using Handle = std::shared_ptr<void>;
    using Make = std::function<Handle(const Engine&)>;
    using Task = std::function<std::function<void()>(void* part, const Error& problem, JobContext& job)>;

    EngineQuestionsBase(Make make, QObject* parent);
    void post(const std::string& lane, Task task, EnginePriority priority);

  private:
    void start();

    struct Holder {
        Make make;
        Handle part;  // of the engine's thread
        Error problem;
    };
    std::map<std::string, uint64_t> newest_;  // what is not answered yet
    uint64_t next_ = 1;
    std::shared_ptr<Holder> holder_;
    std::unique_ptr<EngineThread> thread_;  // last: ends before the rest is destroyed
};

template <typename Part>
class EngineQuestions : public EngineQuestionsBase {
  public:
    explicit EngineQuestions(std::function<std::unique_ptr<Part>(const Engine&)> make,
                             QObject* parent = nullptr)
        : EngineQuestionsBase([make = std::move(make)](
                                  const Engine& library) { return std::shared_ptr<void>(make(library)); },
                              parent) {}

    // `question` runs on the engine's thread and checks job.stopRequested() in long steps; `answer` on the
    // interface thread. Background questions wait for interactive ones wherever they report progress.
    template <typename T>
    void ask(const std::string& lane, std::function<Result<T>(Part&, JobContext&)> question,
             std::function<void(Result<T>)> answer, EnginePriority priority = EnginePriority::Interactive) {
        post(
            lane,
            [question = std::move(question), answer = std::move(answer)](void* part, const Error& problem,
                                                                         JobContext& job) {
                Result<T> result = fail(problem);
                try {
                    if (part)
                        result = question(*static_cast<Part*>(part), job);
                } catch (...) {
                    result = fail(errorFromCurrentException("the engine"));
                }
                return std::function<void()>([answer, result = std::make_shared<Result<T>>(std::move(
                                                          result))] { answer(std::move(*result)); });
            },
            priority);
    }
};

}  // namespace vitrine
