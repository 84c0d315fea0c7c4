#include "app/desktop/inspect/clouds/cloud_workbench.h"

#include "app/desktop/inspect/clouds/cloud_panel.h"
#include "app/desktop/inspect/inspect_controller.h"
#include "core/clouds/cloud_readers.h"
#include "widgets/shell/main_window.h"
#include "widgets/view/figure.h"

#include <QClipboard>
#include <QDockWidget>
#include <QFileDialog>
#include <QFileInfo>
#include <QGuiApplication>

namespace vitrine {
namespace {

constexpr int kDockWidth = 460;

std::shared_ptr<const Image> imageOf(const QImage& shown) {
    const QImage rgb = shown.convertToFormat(QImage::Format_RGB888);
    auto image = std::make_shared<Image>(ImageSize{rgb.width(), rgb.height()}, 3, SampleType::U8);
    for (int y = 0; y < rgb.height(); ++y)
        std::copy_n(rgb.constScanLine(y), size_t(rgb.width()) * 3, image->row<uint8_t>(y));
    return image;
}

QString provenanceOf(const LoadedCloud& loaded, const DrawnCloud& drawn) {
    QStringList parts{"cloud " + QFileInfo(loaded.file).fileName(),
                      QStringLiteral("%1 points").arg(loaded.points->pointCount())};
    if (!loaded.points->frame.empty())
        parts.append("frame " + QString::fromStdString(loaded.points->frame));
    if (drawn.colors)
        parts.append("coloured by " + QString::fromStdString(drawn.colors->title));
    parts.append("Vitrine " + QCoreApplication::applicationVersion());
    return parts.join(" · ");
}

}  // namespace

CloudWorkbench::CloudWorkbench(MainWindow* window, InspectController* pictures, ViewLink* link,
                               QObject* parent)
    : QObject(parent),
      window_(window),
      pictures_(pictures),
      controller_(new CloudController(window->jobs(), this)),
      panel_(new CloudPanel(controller_, link)) {
    connect(pictures_, &InspectController::pictureChanged, this,
            [this] { controller_->setPicture(pictures_->picture()); });
    connect(controller_, &CloudController::available, this, [this] {
        if (!dockAppeared_)
            showDock();
    });
    connect(controller_, &CloudController::pictureWanted, this, &CloudWorkbench::pictureWanted);
    connect(controller_, &CloudController::failed, this,
            [this](const QString& message) { window_->toasts().show(ToastKind::Error, message); });
    connect(controller_, &CloudController::saved, this, [this](const QString& file) {
        window_->toasts().show(ToastKind::Success, tr("Saved %1").arg(file));
    });
    connect(panel_, &CloudPanel::styleEdited, this, [this](const CloudStyle& style) {
        window_->commands().runUndoable(tr("Change the 3-D view"), "inspect.cloud",
                                        controller_->style().toJson(), style.toJson());
    });
    connect(panel_, &CloudPanel::probeRequested, this, [this](QPointF at) {
        window_->commands().run("inspect.probe", {{"x", at.x()}, {"y", at.y()}});
    });
}

void CloudWorkbench::setDock(QDockWidget* dock) {
    dock_ = dock;
    dock_->hide();
}

void CloudWorkbench::showDock() {
    dockAppeared_ = true;
    if (!dock_ || (dock_->isVisible() && !panel_->visibleRegion().isEmpty()))
        return;
    dock_->show();
    dock_->raise();
    auto* workspace = qobject_cast<QMainWindow*>(dock_->parentWidget());
    if (!workspace)
        return;
    workspace->resizeDocks({dock_}, {std::min(kDockWidth, workspace->width() / 3)}, Qt::Horizontal);
    workspace->resizeDocks({dock_}, {workspace->height() * 3 / 5}, Qt::Vertical);
}

bool CloudWorkbench::takes(const QString& path) {
    return QFileInfo(path).isFile() && pointCloudReaderOf(path.toStdString()) != nullptr;
}

void CloudWorkbench::open(const QString& file) {
    showDock();
    controller_->open(file);
}

void CloudWorkbench::declareCommands() {
    CommandCenter& commands = window_->commands();
    const auto add = [&](const char* name, const char* summary, const char* icon, std::function<void()> act) {
        commands.add({name, summary, {}, icon, {}, [act = std::move(act)](const Json&) -> Result<void> {
                          act();
                          return {};
                      }});
    };
    const Json schema = {
        {"type", "object"},
        {"properties",
         {{"coloring", {{"type", "string"}, {"description", "auto, own, picture, height, …"}}},
          {"colorMap", {{"type", "string"}}},
          {"clip", {{"type", "number"}, {"minimum", 0}, {"maximum", 49}}},
          {"pointSize", {{"type", "number"}, {"minimum", 1}, {"maximum", 20}}},
          {"up", {{"type", "string"}, {"description", "auto, z, -y, …"}}},
          {"grid", {{"type", "boolean"}}},
          {"boxes", {{"type", "boolean"}}}}},
        {"additionalProperties", false}};
    commands.add({"inspect.cloud",
                  "Set how the 3-D view shows the cloud",
                  {},
                  "cube",
                  schema,
                  [this](const Json& arguments) -> Result<void> {
                      Json merged = controller_->style().toJson();
                      merged.update(arguments);
                      controller_->setStyle(CloudStyle::fromJson(merged));
                      return {};
                  }});
    add("inspect.cloudOverview", "Show the whole cloud", "fit", [this] {
        if (panel_->view())
            panel_->view()->showOverview();
    });
    add("inspect.cloudFromCamera", "Look at the cloud as the camera of its picture did", "camera", [this] {
        if (panel_->view())
            panel_->view()->showFromCamera();
    });
    add("inspect.cloudCopy", "Copy the 3-D view", "copy", [this] { copy(); });
    commands.add({"inspect.cloudSave",
                  "Save the 3-D view as a figure (PNG, SVG) or the cloud as PLY",
                  {},
                  "export",
                  Json{{"type", "object"}, {"properties", {{"path", {{"type", "string"}}}}}},
                  [this](const Json& arguments) -> Result<void> {
                      if (arguments.contains("path"))
                          return save(arguments["path"].get<std::string>());
                      chooseFile();
                      return {};
                  }});
    panel_->setCommands(commands);
}

QImage CloudWorkbench::image() const {
    return panel_->view() && controller_->loaded() ? panel_->view()->toImage() : QImage();
}

void CloudWorkbench::copy() {
    const QImage shown = image();
    if (shown.isNull())
        return window_->toasts().show(ToastKind::Error, tr("There is no cloud to copy"));
    QGuiApplication::clipboard()->setImage(shown);
    window_->toasts().show(ToastKind::Success, tr("The 3-D view is in the clipboard"));
}

void CloudWorkbench::chooseFile() {
    auto* dialog =
        new QFileDialog(window_, tr("Save the 3-D view"), {}, tr("Figures and clouds (*.png *.svg *.ply)"));
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->setDefaultSuffix("png");
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QFileDialog::fileSelected, this, [this](const QString& file) {
        window_->commands().run("inspect.cloudSave", {{"path", file.toStdString()}});
    });
    dialog->open();
}

Result<void> CloudWorkbench::save(const std::string& path) {
    const auto loaded = controller_->loaded();
    if (!loaded || !panel_->view())
        return fail(ErrorCode::InvalidArgument, "there is no cloud to save");
    if (QFileInfo(QString::fromStdString(path)).suffix().compare("ply", Qt::CaseInsensitive) == 0) {
        controller_->savePly(QString::fromStdString(path));
        return {};
    }
    Figure figure;
    figure.layer.image = imageOf(image());
    figure.layer.rectInImage =
        QRectF(0, 0, double(figure.layer.image->width()), double(figure.layer.image->height()));
    figure.width = int(figure.layer.image->width());
    figure.title = QFileInfo(loaded->file).fileName();
    figure.provenance = provenanceOf(*loaded, controller_->drawn());
    VITRINE_TRY_VOID(writeFigure(figure, path));
    window_->toasts().show(ToastKind::Success, tr("Saved %1").arg(QString::fromStdString(path)));
    return {};
}

Json CloudWorkbench::saveSession() const {
    return {{"style", controller_->style().toJson()},
            {"file", controller_->openedFile().toStdString()},
            {"dockAppeared", dockAppeared_}};
}

void CloudWorkbench::restoreSession(const Json& session) {
    if (!session.is_object())
        return;
    controller_->setStyle(CloudStyle::fromJson(session.value("style", Json::object())));
    dockAppeared_ = session.value("dockAppeared", Json(false)) == true;
    const Json file = session.value("file", Json());
    if (file.is_string() && QFileInfo::exists(QString::fromStdString(file.get<std::string>())) &&
        !file.get<std::string>().empty())
        controller_->open(QString::fromStdString(file.get<std::string>()));
}

}  // namespace vitrine
