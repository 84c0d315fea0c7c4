#include "app/desktop/inspect/analysis/analysis_workbench.h"

#include "app/desktop/inspect/analysis/analysis_panel.h"
#include "core/base/file.h"
#include "core/media/image_reader.h"
#include "widgets/gallery/thumbnail_store.h"
#include "widgets/shell/main_window.h"

#include <QBuffer>
#include <QClipboard>
#include <QDockWidget>
#include <QFileDialog>
#include <QGuiApplication>

namespace vitrine {
namespace {

constexpr int kDockWidth = 440;

Result<void> nothingYet() {
    return fail(ErrorCode::InvalidArgument, "there is no result yet", "analysis", "Run an analysis first");
}

}  // namespace

AnalysisWorkbench::AnalysisWorkbench(MainWindow* window, InspectController* pictures,
                                     std::function<PictureChoice()> choice,
                                     std::shared_ptr<ThumbnailCache> thumbnailCache, QObject* parent)
    : QObject(parent),
      window_(window),
      controller_(new AnalysisController(pictures, this)),
      choice_(std::move(choice)) {
    auto* thumbnails = new ThumbnailStore(
        [](const std::filesystem::path& path, int64_t maxSide) { return readThumbnail(path, maxSide); },
        std::move(thumbnailCache), 192, 1, this);
    panel_ = new AnalysisPanel(controller_, thumbnails);
    connect(panel_, &AnalysisPanel::runRequested, this,
            [this] { window_->commands().run("inspect.analyze", controller_->settings().toJson()); });
    connect(panel_, &AnalysisPanel::pictureChosen, this, &AnalysisWorkbench::pictureWanted);
}

void AnalysisWorkbench::declareCommands() {
    CommandCenter& commands = window_->commands();
    const Json text = {{"type", "string"}};
    const auto number = [](int low, int high) {
        return Json{{"type", "integer"}, {"minimum", low}, {"maximum", high}};
    };
    const Json schema = {
        {"type", "object"},
        {"properties",
         {{"kind",
           {{"type", "string"}, {"enum", {"compare", "rank", "neighbors", "knn", "zeroshot", "pattern"}}}},
          {"model", text},
          {"other", text},
          {"samples", {{"type", "string"}, {"enum", {"places", "pictures"}}}},
          {"views", number(0, 16)},
          {"count", number(1, 30)},
          {"labels", text},
          {"voters", number(1, 1000)},
          {"classes", text},
          {"template", text},
          {"layer", number(-1, 1 << 20)}}},
        {"additionalProperties", false}};
    commands.add({"inspect.analyze",
                  "Analyse the pictures of the gallery as the dock says",
                  {},
                  "heat",
                  schema,
                  [this](const Json& arguments) { return analyse(arguments); }});
    const auto add = [&](const char* name, const char* summary, const char* icon,
                         std::function<Result<void>()> act) {
        commands.add({name, summary, {}, icon, {}, [act = std::move(act)](const Json&) { return act(); }});
    };
    for (const AnalysisKindName& kind : analysisKinds())
        add(kind.command, kind.summary, "heat", [this, which = kind.kind]() -> Result<void> {
            start(which);
            return {};
        });
    add("inspect.analysisCopyCsv", "Copy the analysis as CSV", "copy", [this] { return copyCsv(); });
    add("inspect.analysisCopyPicture", "Copy the analysis as a picture", "copy",
        [this] { return copyPicture(); });
    commands.add({"inspect.analysisSave",
                  "Save the analysis (PNG, CSV)",
                  {},
                  "export",
                  Json{{"type", "object"}, {"properties", {{"path", text}}}},
                  [this](const Json& arguments) -> Result<void> {
                      if (arguments.contains("path"))
                          return save(arguments["path"].get<std::string>());
                      if (!controller_->outcome())
                          return nothingYet();
                      chooseFile();
                      return {};
                  }});
    panel_->setCommands(commands);
}

Result<void> AnalysisWorkbench::analyse(const Json& arguments) {
    Json merged = controller_->settings().toJson();
    merged.update(arguments);
    controller_->setSettings(AnalysisSettings::fromJson(merged));
    showDock();
    const PictureChoice choice = choice_();
    controller_->run(choice.shown, choice.chosen);
    return {};
}

void AnalysisWorkbench::start(AnalysisKind kind) {
    AnalysisSettings settings = controller_->settings();
    settings.kind = kind;
    controller_->setSettings(settings);
    showDock();
    if (kind == AnalysisKind::ZeroShot && settings.classNames().empty())
        return panel_->focusClasses();
    window_->commands().run("inspect.analyze", settings.toJson());
}

void AnalysisWorkbench::follow() {
    const auto outcome = controller_->outcome();
    if (!outcome || !std::holds_alternative<NeighborLists>(outcome->result) || controller_->isRunning() ||
        controller_->settings() != outcome->settings || panel_->visibleRegion().isEmpty())
        return;
    const PictureChoice choice = choice_();
    controller_->run(choice.shown, choice.chosen);
}

void AnalysisWorkbench::showDock() {
    if (!dock_ || (dock_->isVisible() && !panel_->visibleRegion().isEmpty()))
        return;
    dock_->show();
    dock_->raise();
    auto* workspace = qobject_cast<QMainWindow*>(dock_->parentWidget());
    if (!workspace || dock_->isFloating())
        return;
    workspace->resizeDocks({dock_}, {std::min(kDockWidth, workspace->width() / 3)}, Qt::Horizontal);
    workspace->resizeDocks({dock_}, {workspace->height() * 2 / 3}, Qt::Vertical);
}

Result<void> AnalysisWorkbench::copyCsv() {
    const auto outcome = controller_->outcome();
    if (!outcome)
        return nothingYet();
    QGuiApplication::clipboard()->setText(QString::fromStdString(outcome->csv()));
    window_->toasts().show(ToastKind::Success, tr("The table is in the clipboard"));
    return {};
}

Result<void> AnalysisWorkbench::copyPicture() {
    const QImage image = panel_->image();
    if (image.isNull())
        return nothingYet();
    QGuiApplication::clipboard()->setImage(image);
    window_->toasts().show(ToastKind::Success, tr("The picture is in the clipboard"));
    return {};
}

void AnalysisWorkbench::chooseFile() {
    auto* dialog =
        new QFileDialog(window_, tr("Save the analysis"), {}, tr("Pictures (*.png);;Tables (*.csv)"));
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->setDefaultSuffix("png");
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QFileDialog::fileSelected, this, [this](const QString& file) {
        window_->commands().run("inspect.analysisSave", {{"path", file.toStdString()}});
    });
    dialog->open();
}

Result<void> AnalysisWorkbench::save(const std::string& path) {
    const auto outcome = controller_->outcome();
    if (!outcome)
        return nothingYet();
    const std::string extension = std::filesystem::path(path).extension().string();
    if (extension == ".csv") {
        VITRINE_TRY_VOID(writeFileAtomically(path, outcome->csv()));
    } else if (extension == ".png") {
        QByteArray bytes;
        QBuffer buffer(&bytes);
        buffer.open(QIODevice::WriteOnly);
        panel_->image().save(&buffer, "PNG");
        VITRINE_TRY_VOID(
            writeFileAtomically(path, std::string_view(bytes.constData(), size_t(bytes.size()))));
    } else {
        return fail(ErrorCode::InvalidArgument, "an analysis is saved as .png or .csv", path);
    }
    window_->toasts().show(ToastKind::Success, tr("Saved %1").arg(QString::fromStdString(path)));
    return {};
}

}  // namespace vitrine
