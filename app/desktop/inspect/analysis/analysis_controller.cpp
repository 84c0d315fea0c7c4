#include "app/desktop/inspect/analysis/analysis_controller.h"

#include "core/engine/picture_labels.h"

#include <QFileInfo>
#include <algorithm>
#include <chrono>

namespace vitrine {
namespace {

const QString kLane = QStringLiteral("analysis");

QString nameOf(const LoadedModel& model) {
    return QFileInfo(QString::fromStdString(model.path)).fileName();
}

const LoadedModel* findModel(const std::vector<LoadedModel>& models, const std::string& path) {
    const auto found = std::find_if(models.begin(), models.end(),
                                    [&](const LoadedModel& each) { return each.path == path; });
    return found == models.end() ? nullptr : &*found;
}

// What the engine is given; made on the interface thread.
struct Order {
    AnalysisSettings settings;
    std::string modelId, otherId, chosen;
    PictureSet pictures;
};

Result<LabelVotes> voteByNeighbors(Analysis& analysis, const Order& order, JobContext& job) {
    NeighborRequest request;
    request.modelId = order.modelId;
    request.pictures = order.pictures;
    request.count = request.voters = order.settings.voters;
    const std::vector<std::string>& paths = order.pictures.paths;
    std::vector<std::string> labels = labelsFromFolders(paths);
    if (order.settings.labels != "folders") {
        VITRINE_TRY(labels, labelsFromCsv(order.settings.labels, "", paths));
    }
    // Pictures without a class do not vote.
    request.pictures.paths.clear();
    for (size_t index = 0; index < paths.size(); ++index)
        if (!labels[index].empty()) {
            request.pictures.paths.push_back(paths[index]);
            request.labels.push_back(labels[index]);
        }
    VITRINE_TRY(const NeighborLists lists, analysis.neighbors(request, job));
    return votesOf(lists, request.pictures.paths, request.labels, request.temperature);
}

Result<decltype(AnalysisOutcome::result)> analyse(Analysis& analysis, const Order& order, JobContext& job) {
    const AnalysisSettings& settings = order.settings;
    switch (settings.kind) {
        case AnalysisKind::Compare:
            return analysis.compare({.modelId = order.modelId,
                                     .otherId = order.otherId,
                                     .pictures = order.pictures,
                                     .samples = settings.places ? CkaSamples::Places : CkaSamples::Pictures},
                                    job);
        case AnalysisKind::Rank:
            return analysis.rank(
                {.modelId = order.modelId, .pictures = order.pictures, .viewCount = settings.views}, job);
        case AnalysisKind::Neighbors: {
            NeighborRequest request;
            request.modelId = order.modelId;
            request.pictures = order.pictures;
            request.queries = {order.chosen};
            request.count = settings.count;
            return analysis.neighbors(request, job);
        }
        case AnalysisKind::Knn:
            return voteByNeighbors(analysis, order, job);
        case AnalysisKind::ZeroShot:
            return analysis.zeroShot({.modelId = order.modelId,
                                      .pictures = order.pictures,
                                      .classes = settings.classNames(),
                                      .templates = {settings.sentence}},
                                     job);
        case AnalysisKind::Pattern: {
            PatternRequest request;
            request.modelId = order.modelId;
            request.pictures = order.pictures;
            request.layer = settings.layer;
            return analysis.pattern(request, job);
        }
    }
    return vitrine::fail(ErrorCode::InvalidArgument, "there is no such analysis");
}

}  // namespace

std::string AnalysisOutcome::csv() const {
    return std::visit([](const auto& each) { return csvOf(each); }, result);
}

const std::vector<SkippedPicture>& AnalysisOutcome::skipped() const {
    return std::visit([](const auto& each) -> const std::vector<SkippedPicture>& { return each.skipped; },
                      result);
}

AnalysisController::AnalysisController(InspectController* pictures, QObject* parent)
    : QObject(parent), pictures_(pictures) {
    connect(pictures_, &InspectController::modelsChanged, this, &AnalysisController::modelsChanged);
}

void AnalysisController::setSettings(const AnalysisSettings& settings) {
    if (settings == settings_)
        return;
    settings_ = settings;
    emit settingsChanged();
}

const LoadedModel* AnalysisController::model() const {
    const bool words = settings_.kind == AnalysisKind::ZeroShot;
    const LoadedModel* chosen = findModel(models(), settings_.modelPath);
    if (chosen && (chosen->info.hasText || !words))
        return chosen;
    const auto first = std::find_if(models().begin(), models().end(),
                                    [&](const LoadedModel& each) { return each.info.hasText || !words; });
    return first == models().end() ? nullptr : &*first;
}

const LoadedModel* AnalysisController::other() const {
    if (const LoadedModel* chosen = findModel(models(), settings_.otherPath))
        return chosen;
    const LoadedModel* first = model();
    for (const LoadedModel& each : models())
        if (&each != first)
            return &each;
    return first;
}

void AnalysisController::fail(const QString& message) {
    outcome_ = nullptr;
    error_ = message;
    running_ = false;
    emit changed();
}

void AnalysisController::cancel() {
    pictures_->cancelJob(kLane);
}

void AnalysisController::run(const QStringList& pictures, const QString& chosen) {
    cancel();
    const LoadedModel* first = model();
    const LoadedModel* second = other();
    if (models().empty())
        return fail(tr("Open a model folder first (Ctrl+Shift+O)"));
    if (!first)
        return fail(
            tr("No open model has a text side. Zero-shot classes need CLIP or SigLIP with its tokenizer."));
    if (settings_.kind == AnalysisKind::Neighbors && chosen.isEmpty())
        return fail(tr("Choose a picture of the gallery first"));
    auto order = std::make_shared<Order>();
    order->settings = settings_;
    order->modelId = first->id;
    order->otherId = second->id;
    order->chosen = chosen.toStdString();
    for (const QString& path : pictures)
        order->pictures.paths.push_back(path.toStdString());
    running_ = true;
    error_.clear();
    emit changed();
    const QString model = nameOf(*first), other = nameOf(*second);
    pictures_->runJob(
        {kLane, tr(analysisKindName(settings_.kind).title),
         [this, order, model, other](InspectEngine& engine, JobContext& job) -> std::function<void()> {
             const auto start = std::chrono::steady_clock::now();
             auto result = std::make_shared<Result<decltype(AnalysisOutcome::result)>>(
                 analyse(engine.analysis(), *order, job));
             const double seconds =
                 std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
             return [this, order, model, other, result, seconds] {
                 if (!*result)
                     return fail(QString::fromStdString(result->error().text()));
                 running_ = false;
                 outcome_ = std::make_shared<const AnalysisOutcome>(
                     AnalysisOutcome{order->settings, model, other, std::move(**result), seconds});
                 emit changed();
             };
         },
         [this] {
             running_ = false;
             emit changed();
         },
         EnginePriority::Background});
}

}  // namespace vitrine
