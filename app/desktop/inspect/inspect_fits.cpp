// Upsamplers that are fitted to the shown picture: the fit is a job of the status bar, in the background of
// everything else the engine is asked for. A panel shows its map when the fit is there.
#include "app/desktop/inspect/inspect_controller.h"
#include "core/upsampling/implicit_name.h"

namespace vitrine {
namespace {

std::string keyOf(const MapRequest& request) {
    return fmt::format("{}|{}|{}|{}|{}", request.source.modelId, request.source.imagePath,
                       request.source.resolution, request.source.square, request.upsampler);
}

QString laneOf(int index) {
    return QStringLiteral("fit %1").arg(index + 1);
}

}  // namespace

bool InspectController::fitIsThere(int index, const MapRequest& wanted) {
    PanelFit& fit = fits_[index];
    const std::string key = keyOf(wanted);
    if (!isImplicitUpsampler(wanted.upsampler) || fitted_.contains(key)) {
        dropFit(index);
        return true;
    }
    PanelContent& content = contents_[size_t(index)];
    if (content.request.source.imagePath != wanted.source.imagePath)
        content.result = nullptr;  // of another picture
    if (fit.key == key) {
        content.busy = fit.running;
        content.hint = fit.running ? tr("Fitting to this picture: the status bar says how far it is")
                                   : tr("The fit was cancelled: F5 starts it again");
        emit panelChanged(index);
        return false;
    }
    dropFit(index);
    startFit(index, key, wanted);
    return false;
}

void InspectController::startFit(int index, const std::string& key, const MapRequest& wanted) {
    fits_[index] = {key, true};
    PanelContent& content = contents_[size_t(index)];
    content.busy = true;
    content.hint = tr("Fitting to this picture: the status bar says how far it is");
    emit panelChanged(index);
    const auto isCurrent = [this, index, key] { return index < panelCount() && fits_[index].key == key; };
    const auto finish = [this, index, key, isCurrent](const Result<MapResult>& made) {
        if (made)
            fitted_.insert(key);
        if (!isCurrent())
            return;
        fits_[index] = {};
        if (made)
            return request(index);
        contents_[size_t(index)].busy = false;
        contents_[size_t(index)].hint.clear();
        contents_[size_t(index)].result = nullptr;
        contents_[size_t(index)].error = QString::fromStdString(made.error().text());
        emit panelChanged(index);
    };
    runJob({laneOf(index), tr("FeatUp in viewport %1").arg(index + 1),
            [wanted, finish](InspectEngine& engine, JobContext& job) -> std::function<void()> {
                auto made = std::make_shared<Result<MapResult>>(engine.render(wanted, job));
                return [made, finish] { finish(*made); };
            },
            [this, index, key, isCurrent] {
                if (!isCurrent())
                    return;
                fits_[index] = {key, false};
                request(index);
            },
            EnginePriority::Background});
}

void InspectController::remake(int index) {
    dropFit(index);
    request(index);
}

void InspectController::dropFit(int index) {
    const bool running = fits_[index].running;
    fits_[index] = {};
    if (running)
        cancelJob(laneOf(index));
}

}  // namespace vitrine
