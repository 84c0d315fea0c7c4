#include "app/desktop/compress/what_if_desk.h"

#include "app/desktop/compress/compress_texts.h"
#include "core/io/language_files.h"

#include <QDir>
#include <QFileInfo>

namespace vitrine {

std::vector<MaskChoice> planMasks(const CompressController::Shown& runs, const QString& model) {
    std::vector<MaskChoice> choices;
    for (const auto& run : runs)
        for (const Json& row : run->rows) {
            const std::string plan = row.value("plan", std::string());
            const auto file = run->fileOf(plan, "masks.safetensors");
            if (file.empty() || !isSamePath(QString::fromStdString(run->model()), model))
                continue;
            const QString name = QString::fromStdString(plan);
            choices.push_back(
                {runs.size() > 1
                     ? QStringLiteral("%1 · %2").arg(
                           name, QString::fromStdString(run->run.name.empty() ? run->run.id : run->run.name))
                     : name,
                 {MaskSource::Kind::File, file, {}}});
        }
    return choices;
}

QString firstPicture(const CompressController::Shown& runs, const QString& model) {
    for (const auto& run : runs) {
        const Json settings = run->recipe.value("settings", Json::object());
        if (!isSamePath(QString::fromStdString(run->model()), model) || !settings.contains("pictures"))
            continue;
        for (const Json& path : settings["pictures"]) {
            const QFileInfo info(QString::fromStdString(path.get<std::string>()));
            if (info.isFile() && info.suffix() != "bin")
                return info.filePath();
            const QStringList inside =
                QDir(info.filePath())
                    .entryList({"*.jpg", "*.jpeg", "*.png", "*.webp"}, QDir::Files, QDir::Name);
            if (info.isDir() && !inside.isEmpty())
                return info.filePath() + "/" + inside.front();
        }
    }
    return {};
}

std::vector<CompressedChoice> planWeights(const CompressController::Shown& runs, const QString& model) {
    std::vector<CompressedChoice> choices;
    for (const auto& run : runs)
        for (const Json& row : run->rows) {
            const std::string plan = row.value("plan", std::string());
            const auto folder = run->folderOf(plan);
            if (folder.empty() || !isSamePath(QString::fromStdString(run->model()), model))
                continue;
            const QStringList words = QString::fromStdString(row.value("method", std::string())).split(' ');
            const auto at = words.indexOf("rank");
            const int rank =
                at >= 0 && at + 1 < words.size() ? QString(words[at + 1]).remove(',').toInt() : 0;
            choices.push_back({QString::fromStdString(plan),
                               QString::fromStdString((folder / "compressed.safetensors").string()), rank});
        }
    return choices;
}

WhatIfDesk::WhatIfDesk(CompressController* controller, CompressInspector* inspector, WhatIfView* view,
                       QObject* parent)
    : QObject(parent), controller_(controller), inspector_(inspector), view_(view) {
    connect(controller_, &CompressController::shownChanged, this, &WhatIfDesk::refresh);
    connect(view_, &WhatIfView::edited, this, &WhatIfDesk::ask);
}

void WhatIfDesk::setModel(const QString& path) {
    const bool language = isLanguageModelPath(path.toStdString());
    model_ = path;
    view_->setModel(QFileInfo(model_).fileName(),
                    language || path.isEmpty() ? WhatIfView::Subject::Text : WhatIfView::Subject::Picture);
    refresh();
    ask();
}

void WhatIfDesk::setPicture(const QString& path) {
    view_->picture()->setPicture(path);
    ask();
}

void WhatIfDesk::refresh() {
    view_->setChoices(planMasks(controller_->shown(), model_), planWeights(controller_->shown(), model_));
    if (view_->subject() == WhatIfView::Subject::Picture && view_->picture()->picture().isEmpty())
        if (const QString first = firstPicture(controller_->shown(), model_); !first.isEmpty())
            setPicture(first);
}

void WhatIfDesk::ask() {
    if (model_.isEmpty())
        return;
    PartsOff off;
    const Switches& switches = view_->switches()->switches();
    off.attentionOff.assign(switches.attentionOff.begin(), switches.attentionOff.end());
    off.feedForwardOff.assign(switches.feedForwardOff.begin(), switches.feedForwardOff.end());
    off.headsOff.assign(switches.headsOff.begin(), switches.headsOff.end());
    off.masks = view_->masks();
    off.compressed = view_->compressed();
    off.rank = view_->rank();
    view_->subject() == WhatIfView::Subject::Text ? askText(off) : askPicture(off);
}

void WhatIfDesk::askText(const PartsOff& off) {
    WhatIfRequest request{off, {}, {}, {}};
    request.model = model_.toStdString();
    request.text = view_->text().toStdString();
    inspector_->ask<WhatIf>(
        "what if", [request](CompressEngine& engine, JobContext& job) { return engine.whatIf(request, job); },
        [this](Result<WhatIf> answer) {
            answer ? view_->setAnswer(*answer)
                   : view_->setProblem(QString::fromStdString(answer.error().text()));
        });
}

void WhatIfDesk::askPicture(const PartsOff& off) {
    PictureWhatIfRequest request;
    static_cast<PartsOff&>(request) = off;
    request.model = model_.toStdString();
    request.picture = view_->picture()->picture().toStdString();
    request.tokens = view_->tokens();
    request.tokenMethod = view_->tokenMethod().toStdString();
    if (request.picture.empty())
        return view_->setProblem(tr("Choose a picture, or drop one on the window"));
    inspector_->ask<PictureWhatIf>(
        "what if", [request](CompressEngine& engine, JobContext& job) { return engine.whatIf(request, job); },
        [this](Result<PictureWhatIf> answer) {
            answer ? view_->setAnswer(*answer)
                   : view_->setProblem(QString::fromStdString(answer.error().text()));
        });
}

}  // namespace vitrine
