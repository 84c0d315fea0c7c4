#include "app/desktop/engine/engine_questions.h"

namespace vitrine {

EngineQuestionsBase::EngineQuestionsBase(Make make, QObject* parent)
    : QObject(parent), holder_(std::make_shared<Holder>()) {
    holder_->make = std::move(make);
}

EngineQuestionsBase::~EngineQuestionsBase() {
    thread_.reset();
}

void EngineQuestionsBase::post(std::function<void()> finish) {
    QMetaObject::invokeMethod(this, std::move(finish), Qt::QueuedConnection);
}

void EngineQuestionsBase::start() {
    if (thread_)
        return;
    thread_ = std::make_unique<EngineThread>(
        [this](const Result<void>& loaded) {
            if (!loaded)
                post([this, text = loaded.error().text()] {
                    newest_.clear();  // nothing will be answered
                    emit failed(QString::fromStdString(text));
                    emit stateChanged();
                });
        },
        [this](const std::string& lane, const Progress& progress) {
            post([this, lane, text = progress.text()] {
                if (newest_.contains(lane))
                    emit progressed(QString::fromStdString(lane), QString::fromStdString(text));
            });
        });
}

void EngineQuestionsBase::post(const std::string& lane, Task task, EnginePriority priority) {
    start();
    const uint64_t id = next_++;
    newest_[lane] = id;
    thread_->submit(
        lane,
        [this, lane, id, holder = holder_, task = std::move(task)](InspectEngine&, JobContext& job) {
            if (!holder->part && holder->problem.message.empty()) {
                const auto library = loadEngine();
                library ? void(holder->part = holder->make(**library))
                        : void(holder->problem = library.error());
            }
            auto finish = task(holder->part.get(), holder->problem, job);
            post([this, lane, id, finish = std::move(finish)] {
                const auto newest = newest_.find(lane);
                if (newest == newest_.end() || newest->second != id)
                    return;
                newest_.erase(newest);
                finish();
                emit stateChanged();
            });
        },
        priority);
    emit stateChanged();
}

void EngineQuestionsBase::cancel(const std::string& lane) {
    if (newest_.erase(lane) == 0)
        return;
    thread_->cancel(lane);
    emit stateChanged();
}

bool EngineQuestionsBase::isBusy() const {
    return !newest_.empty();
}

bool EngineQuestionsBase::isBusy(const std::string& lane) const {
    return newest_.contains(lane);
}

}  // namespace vitrine
