#include "app/desktop/compress/compress_inspector.h"

#include "core/engine/engine_loader.h"

namespace vitrine {

CompressInspector::~CompressInspector() {
    thread_.reset();
}

void CompressInspector::post(std::function<void()> finish) {
    QMetaObject::invokeMethod(this, std::move(finish), Qt::QueuedConnection);
}

void CompressInspector::start() {
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

void CompressInspector::post(const std::string& lane, Task task, EnginePriority priority) {
    start();
    const uint64_t id = next_++;
    newest_[lane] = id;
    thread_->submit(
        lane,
        [this, lane, id, holder = holder_, task = std::move(task)](InspectEngine&, JobContext& job) {
            if (!holder->engine && holder->problem.message.empty()) {
                const auto engine = loadEngine();
                engine ? void(holder->engine = (*engine)->createCompressEngine())
                       : void(holder->problem = engine.error());
            }
            auto finish = task(holder->engine.get(), holder->problem, job);
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

void CompressInspector::cancel(const std::string& lane) {
    if (newest_.erase(lane) == 0)
        return;
    thread_->cancel(lane);
    emit stateChanged();
}

bool CompressInspector::isBusy() const {
    return !newest_.empty();
}

bool CompressInspector::isBusy(const std::string& lane) const {
    return newest_.contains(lane);
}

}  // namespace vitrine
