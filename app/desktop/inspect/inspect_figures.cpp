// Figures of viewports and of the embedding: saved, copied, and the menus that offer it.
#include "app/desktop/inspect/inspect_panel.h"
#include "app/desktop/inspect/inspect_workspace.h"
#include "app/desktop/inspect/provenance.h"
#include "widgets/gallery/gallery_model.h"
#include "widgets/gallery/thumbnail_store.h"
#include "widgets/plots/embedding_plot.h"
#include "widgets/shell/main_window.h"

#include <QClipboard>
#include <QFileDialog>
#include <QGuiApplication>
#include <QMenu>
#include <QStackedWidget>

namespace vitrine {
namespace {

Json panelSchema(const Json& more = Json::object()) {
    Json properties = {{"panel", {{"type", "integer"}, {"minimum", 1}, {"maximum", 6}}}};
    properties.update(more);
    return {{"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
}

}  // namespace

void InspectWorkspace::declareFigureCommands(CommandCenter& commands) {
    commands.add({"inspect.exportFigure", "Save the active viewport as a figure (PNG, SVG)",
                  QKeySequence("Ctrl+E"), "export", panelSchema({{"path", {{"type", "string"}}}}),
                  [this](const Json& arguments) -> Result<void> {
                      const int panel = int(arguments.value("panel", active_ + 1)) - 1;
                      if (arguments.contains("path"))
                          return exportFigure(arguments["path"].get<std::string>(), panel);
                      auto* dialog =
                          new QFileDialog(this, tr("Save figure"), {}, tr("Figures (*.png *.svg)"));
                      dialog->setAcceptMode(QFileDialog::AcceptSave);
                      dialog->setDefaultSuffix("png");
                      dialog->setAttribute(Qt::WA_DeleteOnClose);
                      connect(dialog, &QFileDialog::fileSelected, this, [this, panel](const QString& file) {
                          window_->commands().run("inspect.exportFigure",
                                                  {{"path", file.toStdString()}, {"panel", panel + 1}});
                      });
                      dialog->open();
                      return {};
                  }});
    commands.add({"inspect.copyFigure", "Copy the active viewport as a figure", QKeySequence("Ctrl+Shift+C"),
                  "copy", panelSchema(), [this](const Json& arguments) {
                      return copyFigure(int(arguments.value("panel", active_ + 1)) - 1);
                  }});
    commands.add({"inspect.embed",
                  "Plot the summaries of all pictures in 3-D",
                  QKeySequence("Ctrl+Shift+E"),
                  "scatter",
                  {},
                  [this](const Json&) -> Result<void> {
                      embedGallery();
                      return {};
                  }});
    commands.add({"inspect.copyEmbedding", "Copy the embedding plot", {}, "copy", {}, [this](const Json&) {
                      return copyEmbedding();
                  }});
    commands.add({"inspect.copyCommand",
                  "Copy the shell command that makes the active viewport's map",
                  {},
                  "copy",
                  panelSchema(),
                  [this](const Json& arguments) {
                      return copyCommand(int(arguments.value("panel", active_ + 1)) - 1);
                  }});
    addAction(commands.action("inspect.copyFigure", this));
}

void InspectWorkspace::embedGallery() {
    controller_->embed(galleryModel_->shownPaths(), [this](Result<SummaryEmbedding> embedding) {
        if (!embedding)
            return;
        if (!embedding_) {
            embedding_ = new EmbeddingPlot(&selection_);
            embedding_->setThumbnailSource(
                [this](const QString& path) { return plotThumbnails_->find(path); });
            connect(plotThumbnails_, &ThumbnailStore::ready, embedding_, qOverload<>(&QWidget::update));
            embeddingStack_->addWidget(embedding_);
            connect(embedding_, &EmbeddingPlot::menuRequested, this, [this](QPoint at) {
                auto* menu = new QMenu(this);
                menu->setAttribute(Qt::WA_DeleteOnClose);
                menu->addAction(window_->commands().action("inspect.copyEmbedding", this));
                menu->popup(at);
            });
        }
        QStringList items;
        for (const std::string& path : embedding->imagePaths)
            items.append(QString::fromStdString(path));
        embedding_->setPoints(items, embedding->coordinates);
        plotThumbnails_->request(embedding_->pictured());
        embeddingStack_->setCurrentWidget(embedding_);
    });
}

void InspectWorkspace::showPanelMenu(int panel, QPoint at) {
    active_ = panel;
    showProvenance(panel);
    CommandCenter& commands = window_->commands();
    auto* menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    for (const char* name : {"inspect.copyFigure", "inspect.exportFigure", "inspect.copyCommand"})
        menu->addAction(commands.action(name, this));
    menu->addSeparator();
    for (const char* name : {"view.fit", "view.actualSize", "inspect.clearProbe", "inspect.controls"})
        menu->addAction(commands.action(name, this));
    menu->popup(panels_[panel]->view()->mapToGlobal(at));
}

Result<Figure> InspectWorkspace::figureOf(int panel) const {
    if (panel < 0 || panel >= panels_.size())
        return fail(ErrorCode::InvalidArgument, fmt::format("there is no viewport {}", panel + 1));
    Figure figure;
    figure.layer = panels_[panel]->view()->shownLayer();
    figure.title = panels_[panel]->view()->overlayModel().title;
    figure.provenance = provenanceLine(*controller_, panel);
    if (controller_->preview() && figure.layer.image == controller_->preview())
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("viewport {} shows a reduced picture while the whole one is read", panel + 1),
                    {}, "Wait until it is there");
    if (figure.layer.isEmpty())
        return fail(ErrorCode::InvalidArgument, fmt::format("viewport {} shows no picture", panel + 1));
    return figure;
}

Result<void> InspectWorkspace::copyFigure(int panel) {
    VITRINE_TRY(const Figure figure, figureOf(panel));
    QGuiApplication::clipboard()->setImage(renderFigure(figure));
    window_->toasts().show(ToastKind::Success, tr("Viewport %1 is in the clipboard").arg(panel + 1));
    return {};
}

Result<void> InspectWorkspace::copyCommand(int panel) {
    if (panel < 0 || panel >= panels_.size())
        return fail(ErrorCode::InvalidArgument, fmt::format("there is no viewport {}", panel + 1));
    const QString command = provenanceCommand(*controller_, panel);
    if (command.isEmpty())
        return fail(ErrorCode::Unsupported, fmt::format("no command makes what viewport {} shows", panel + 1),
                    {}, "Maps of a model can be made, but not with a locked basis");
    QGuiApplication::clipboard()->setText(command);
    window_->toasts().show(ToastKind::Success, tr("The command is in the clipboard"));
    return {};
}

Result<void> InspectWorkspace::copyEmbedding() {
    if (!embedding_ || embeddingStack_->currentWidget() != embedding_)
        return fail(ErrorCode::InvalidArgument, "there is no embedding yet", "embedding",
                    "Embed the gallery first (Ctrl+Shift+E)");
    QGuiApplication::clipboard()->setImage(embedding_->toImage());
    window_->toasts().show(ToastKind::Success, tr("The embedding is in the clipboard"));
    return {};
}

Result<void> InspectWorkspace::exportFigure(const std::string& path, int panel) {
    VITRINE_TRY(const Figure figure, figureOf(panel));
    VITRINE_TRY_VOID(writeFigure(figure, path));
    window_->toasts().show(ToastKind::Success, tr("Saved %1").arg(QString::fromStdString(path)));
    return {};
}

}  // namespace vitrine
