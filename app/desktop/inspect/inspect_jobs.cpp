// Long work of the engine thread: its start, models, embeddings, and what others hand over (analyses). Each
// is a job of the status bar.
#include "app/desktop/inspect/inspect_controller.h"
#include "widgets/shell/job_list.h"

#include <utility>

namespace vitrine {

void InspectController::startEngine() {
    if (engine_)
        return;
    emit engineStateChanged(tr("Engine starting…"));
    engine_ = std::make_unique<EngineThread>(
        [this](const Result<void>& ready) {
            const QString error = ready ? QString() : QString::fromStdString(ready.error().text());
            post([this, error] {
                engineError_ = error;
                emit engineStateChanged(error.isEmpty() ? tr("Engine ready") : tr("Engine not available"));
                if (error.isEmpty())
                    return;
                emit failed(error);
                for (const QString& lane : laneJobs_.keys())
                    cancelJob(lane);
            });
        },
        [this](const std::string& lane, const Progress& progress) {
            post([this, lane = QString::fromStdString(lane), progress] {
                if (laneJobs_.contains(lane))
                    jobs_.update(laneJobs_[lane].id, progress);
            });
        });
    engine_->submit({}, [this](InspectEngine& engine, JobContext&) {
        post([this, list = engine.upsamplers()] { upsamplers_ = list; });
    });
}

void InspectController::runJob(EngineJob job) {
    startEngine();
    cancelJob(job.lane);
    if (!engineError_.isEmpty()) {
        emit failed(engineError_);
        return job.abandoned();
    }
    const uint64_t number = ++jobNumber_;
    const auto isCurrent = [this, lane = job.lane, number] {
        return laneJobs_.contains(lane) && laneJobs_[lane].number == number;
    };
    // The list of jobs is being read while a job is cancelled: the rest comes a little later.
    const int id = jobs_.begin(job.title, [this, lane = job.lane, isCurrent] {
        if (isCurrent())
            engine_->cancel(lane.toStdString());
        post([this, lane, isCurrent] {
            if (isCurrent())
                cancelJob(lane);
        });
    });
    laneJobs_.insert(job.lane, {id, number, std::move(job.abandoned)});
    engine_->submit(
        job.lane.toStdString(),
        [this, lane = job.lane, isCurrent, work = std::move(job.work)](InspectEngine& engine,
                                                                       JobContext& context) {
            auto finish = work(engine, context);
            post([this, lane, isCurrent, finish = std::move(finish)] {
                if (!isCurrent())
                    return;
                jobs_.end(laneJobs_.take(lane).id);
                finish();
            });
        },
        job.priority);
}

void InspectController::cancelJob(const QString& lane) {
    if (!laneJobs_.contains(lane))
        return;
    engine_->cancel(lane.toStdString());
    const LaneJob job = laneJobs_.take(lane);
    jobs_.end(job.id);
    job.abandoned();
}

void InspectController::openModel(const QString& path) {
    ++loading_;
    const auto finish = [this, path](Result<LoadedModel>& loaded, std::vector<std::string> own) {
        --loading_;
        if (!loaded) {
            emit failed(QString::fromStdString(loaded.error().text()));
            return;
        }
        loaded->path = path.toStdString();
        ownUpsamplers_[loaded->path] = std::move(own);
        std::erase_if(models_, [&](const LoadedModel& model) { return model.path == loaded->path; });
        models_.push_back(*loaded);
        emit modelsChanged();
        refreshAll();
    };
    runJob({"model:" + path, tr("loading %1").arg(path),
            [path, finish](InspectEngine& engine, JobContext& job) -> std::function<void()> {
                auto loaded = std::make_shared<Result<LoadedModel>>(
                    engine.loadModel(path.toStdString(), "cpu", "float32", job));
                return [loaded, finish, own = upsamplersInside(path.toStdString())] { finish(*loaded, own); };
            },
            [this] { --loading_; }});
}

void InspectController::embed(const QStringList& pictures, EmbeddingCallback done) {
    if (models_.empty()) {
        emit failed(tr("Open a model first: the plot shows its summaries of the pictures"));
        return;
    }
    std::vector<std::string> paths;
    for (const QString& path : pictures)
        paths.push_back(path.toStdString());
    FeatureSource source;
    const LoadedModel* model = modelOf(panels_.front());
    source.modelId = model->id;
    source.square = model->info.fixedSize;
    runJob({"embedding", tr("embedding pictures"),
            [this, source, paths, done = std::move(done)](InspectEngine& engine,
                                                          JobContext& job) -> std::function<void()> {
                auto result = std::make_shared<Result<SummaryEmbedding>>(engine.embed(source, paths, 8, job));
                return [this, result, done] {
                    if (!*result)
                        emit failed(QString::fromStdString(result->error().text()));
                    done(std::move(*result));
                };
            },
            [] {}});
}

}  // namespace vitrine
