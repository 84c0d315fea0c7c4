// What the Inspect workspace opens, and what it keeps in the session.
#include "app/desktop/inspect/analysis/analysis_workbench.h"
#include "app/desktop/inspect/clouds/cloud_workbench.h"
#include "app/desktop/inspect/inspect_panel.h"
#include "app/desktop/inspect/inspect_workspace.h"
#include "core/clouds/cloud_readers.h"
#include "core/io/language_files.h"
#include "core/media/image_folder.h"
#include "core/runs/project.h"
#include "widgets/gallery/gallery_model.h"
#include "widgets/gallery/gallery_view.h"
#include "widgets/shell/main_window.h"

#include <QDir>
#include <QFileInfo>
#include <QLineEdit>
#include <utility>

namespace vitrine {

static const QString kSource = QStringLiteral("inspect");

namespace {

// A model folder, or a folder or file of weights of a known small network.
bool looksLikeModel(const QFileInfo& info) {
    static const QStringList weights{"*.safetensors", "*.pth", "*.pt"};
    if (info.isDir())
        return QFileInfo::exists(info.filePath() + "/config.json") ||
               !QDir(info.filePath()).entryList(weights, QDir::Files).isEmpty();
    return QDir::match(weights, info.fileName());
}

}  // namespace

bool InspectWorkspace::openPath(const QString& path) {
    const QFileInfo info(path);
    if (Project::exists(path.toStdString()))
        return false;  // of the Runs workspace
    if (isLanguageModelPath(path.toStdString()))
        return false;  // of the Compress workspace
    if (isUpsamplerFolder(path.toStdString())) {
        window_->commands().run("inspect.openUpsampler", {{"path", path.toStdString()}});
        return true;
    }
    if (looksLikeModel(info)) {
        const std::string model = path.toStdString();
        std::erase(modelPaths_, model);
        modelPaths_.push_back(model);
        controller_->openModel(path);
        return true;
    }
    if (info.isDir()) {
        openFolder(path);
        return true;
    }
    if (CloudWorkbench::takes(path)) {
        clouds_->open(path);
        return true;
    }
    if (!hasImageExtension(path.toStdString()))
        return false;
    galleryModel_->addPaths({path});
    selection_.select({path}, kSource);
    return true;
}

// Listing 10,000 names may take a while on a cold disk: never on the interface thread.
void InspectWorkspace::openFolder(const QString& path) {
    ++scanning_;
    scanner_.submit([this, path] {
        auto list = std::make_shared<Result<ImageFolderList>>(
            listImages(path.toStdString(), ImageFolderOptions{.recursive = true}));
        std::vector<std::filesystem::path> clouds;
        if (*list && (*list)->images.empty())
            clouds = listPointClouds(path.toStdString());
        QMetaObject::invokeMethod(
            this,
            [this, path, list, clouds = std::move(clouds)] {
                --scanning_;
                if (!*list)
                    return window_->toasts().show(ToastKind::Error,
                                                  QString::fromStdString(list->error().text()));
                QStringList paths;
                for (const auto& file : (*list)->images)
                    paths.append(QString::fromStdString(file.string()));
                if (paths.isEmpty() && !clouds.empty())
                    return clouds_->open(QString::fromStdString(clouds.front().string()));
                if (paths.isEmpty())
                    return window_->toasts().show(ToastKind::Error, tr("%1 holds no pictures").arg(path));
                galleryModel_->addPaths(paths);
                if (selection_.selected().isEmpty())
                    selection_.select({galleryModel_->pathAt(0)}, kSource);
            },
            Qt::QueuedConnection);
    });
}

Json InspectWorkspace::saveSession() const {
    Json panels = Json::array();
    for (int index = 0; index < controller_->panelCount(); ++index)
        panels.push_back(controller_->panel(index).toJson());
    Json pictures = Json::array();
    for (const QString& path : galleryModel_->allPaths())
        pictures.push_back(path.toStdString());
    Json session{{"panels", panels},
                 {"pictures", pictures},
                 {"models", modelPaths_},
                 {"current", selection_.current().toStdString()},
                 {"text", controller_->text().toStdString()},
                 {"cellSide", galleryView_->cellSide()},
                 {"cloud", clouds_->saveSession()},
                 {"analysis", analyses_->saveSession()}};
    // While the picture of the last session is still being read, its camera is the one to keep.
    session["camera"] = cameraToJson(restoredCamera_.value_or(link_.camera()));
    return session;
}

void InspectWorkspace::restoreSession(const Json& session) {
    const auto texts = [&](const char* key) {
        QStringList list;
        const Json values = session.value(key, Json::array());
        for (const auto& value : values)
            if (value.is_string())
                list.append(QString::fromStdString(value.get<std::string>()));
        return list;
    };
    const Json panels = session.value("panels", Json::array());
    if (!panels.empty()) {
        setPanelCount(int(panels.size()));
        for (int index = 0; index < controller_->panelCount(); ++index)
            controller_->setPanel(index, PanelState::fromJson(panels[size_t(index)]));
        for (InspectPanel* panel : panels_)
            panel->refresh();
    }
    galleryModel_->setPaths(texts("pictures"));
    galleryView_->setCellSide(int(session.value("cellSide", 112)));
    for (const QString& model : texts("models"))
        if (QFileInfo::exists(model))
            openPath(model);
    clouds_->restoreSession(session.value("cloud", Json::object()));
    analyses_->restoreSession(session.value("analysis", Json::object()));
    const QString text = QString::fromStdString(session.value("text", std::string()));
    textEdit_->setText(text);
    controller_->setText(text);
    const QString current = QString::fromStdString(session.value("current", std::string()));
    if (galleryModel_->rowOf(current) < 0)
        return;
    restoredCamera_ = cameraFromJson(session.value("camera", Json()));
    selection_.select({current}, kSource);
}

void InspectWorkspace::placeCamera() {
    // A slow picture comes twice, reduced and whole: what was done to the view meanwhile stays.
    if (std::exchange(placedPicture_, controller_->picture()) == controller_->picture())
        return;
    const std::optional<Camera> restored = std::exchange(restoredCamera_, std::nullopt);
    if (restored && controller_->imageSize().width > 0)
        link_.setCamera(*restored);
    else
        link_.fit();
}

}  // namespace vitrine
