// The parts of the Inspect workspace: toolbar and docks.
#include "app/desktop/inspect/analysis/analysis_panel.h"
#include "app/desktop/inspect/analysis/analysis_workbench.h"
#include "app/desktop/inspect/clouds/cloud_panel.h"
#include "app/desktop/inspect/clouds/cloud_workbench.h"
#include "app/desktop/inspect/inspect_workspace.h"
#include "widgets/base/icons.h"
#include "widgets/gallery/gallery_model.h"
#include "widgets/gallery/gallery_view.h"
#include "widgets/shell/main_window.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QScrollBar>
#include <QStackedWidget>
#include <QTextBrowser>
#include <QToolBar>
#include <QVBoxLayout>

namespace vitrine {

void InspectWorkspace::buildToolbar() {
    CommandCenter& commands = window_->commands();
    auto* bar = new QToolBar(tr("Inspect"));
    bar->setObjectName("inspectBar");
    bar->setMovable(false);
    bar->setIconSize({18, 18});
    for (const char* name : {"file.openImages", "file.openFolder"})
        bar->addAction(commands.action(name, this));
    bar->addSeparator();
    for (const int count : {1, 2, 4, 6}) {
        auto* action = commands.action("inspect.layout", this, {{"panels", count}});
        action->setIcon(themedIcon(QStringLiteral("grid%1").arg(count)));
        action->setText(tr("%n viewport(s)", nullptr, count));
        action->setToolTip(count == 1 ? tr("One viewport") : tr("%1 viewports").arg(count));
        action->setObjectName(QStringLiteral("layout%1").arg(count));
        bar->addAction(action);
    }
    bar->addSeparator();
    for (const char* name : {"view.fit", "inspect.probeFollows", "inspect.lockBasis", "inspect.exportFigure"})
        bar->addAction(commands.action(name, this));
    bar->addSeparator();
    textEdit_ = new QLineEdit;
    textEdit_->setObjectName("textQuery");
    textEdit_->setPlaceholderText(tr("Text query for models with a text side"));
    textEdit_->setMaximumWidth(320);
    textEdit_->setClearButtonEnabled(true);
    bar->addWidget(textEdit_);
    connect(textEdit_, &QLineEdit::returnPressed, this, [this] {
        window_->commands().run("inspect.text", {{"text", textEdit_->text().toStdString()}});
    });
    auto* spacer = new QWidget;
    spacer->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Preferred);
    bar->addWidget(spacer);
    engineLabel_ = new QLabel;
    engineLabel_->setObjectName("engineLabel");
    engineLabel_->setProperty("role", "secondary");
    bar->addWidget(engineLabel_);
    connect(controller_, &InspectController::engineStateChanged, engineLabel_, &QLabel::setText);
    addToolBar(Qt::TopToolBarArea, bar);
}

void InspectWorkspace::buildGallery() {
    auto* content = new QWidget;
    auto* layout = new QVBoxLayout(content);
    layout->setContentsMargins(6, 6, 0, 4);
    content->setMinimumWidth(166);  // two small columns, or one of 112 and the scroll bar
    layout->setSpacing(5);
    auto* filter = new QLineEdit;
    filter->setObjectName("galleryFilter");
    filter->setPlaceholderText(tr("Filter by name; Enter: go there"));
    filter->setToolTip(
        tr("Shows the pictures whose path holds this text; Enter goes to the first of them among all  "
           "(Ctrl+G)"));
    filter->setClearButtonEnabled(true);
    connect(filter, &QLineEdit::textChanged, galleryModel_, &GalleryModel::setTextFilter);
    // A quick jump: type a name or number, Enter.
    connect(filter, &QLineEdit::returnPressed, this, [this, filter] {
        const QString first = galleryModel_->pathAt(0);
        if (first.isEmpty())
            return;
        filter->clear();
        galleryView_->goTo(galleryModel_->rowOf(first));
        galleryView_->setFocus();
    });
    galleryView_ = new GalleryView(galleryModel_, thumbnails_, &selection_);
    galleryView_->setObjectName("galleryView");
    galleryView_->verticalScrollBar()->setObjectName("galleryScrollBar");
    galleryCount_ = new QLabel;
    galleryCount_->setObjectName("galleryCount");
    galleryCount_->setProperty("role", "secondary");
    const auto count = [this] {
        const qsizetype shown = galleryModel_->shownPaths().size(), all = galleryModel_->allPaths().size();
        const qsizetype selected = selection_.selected().size();
        galleryCount_->setText((shown == all ? (all == 1 ? tr("1 picture") : tr("%1 pictures").arg(all))
                                             : tr("%1 of %2 pictures").arg(shown).arg(all)) +
                               (selected > 1 ? tr(" · %1 selected").arg(selected) : QString()));
    };
    connect(&selection_, &SelectionManager::selectionChanged, this, count);
    connect(galleryModel_, &QAbstractItemModel::modelReset, this, count);
    count();
    auto* top = new QHBoxLayout;
    top->setContentsMargins(0, 0, 6, 0);
    top->addWidget(filter);
    layout->addLayout(top);
    layout->addWidget(galleryView_, 1);
    layout->addWidget(galleryCount_);
    QDockWidget* dock = addPanel("galleryDock", tr("Gallery"), content, Qt::LeftDockWidgetArea);
    resizeDocks({dock}, {270}, Qt::Horizontal);
}

void InspectWorkspace::buildInspector() {
    provenance_ = new QTextBrowser;
    provenance_->setObjectName("provenance");
    provenance_->setFrameShape(QFrame::NoFrame);
    provenance_->setOpenLinks(false);
    provenance_->setMinimumWidth(220);
    connect(provenance_, &QTextBrowser::anchorClicked, this, [this](const QUrl& link) {
        if (link.toString() == "rerun")
            window_->commands().run("inspect.rerun");
        if (link.toString() == "command")
            window_->commands().run("inspect.copyCommand");
    });
    QDockWidget* dock = addPanel("inspectorDock", tr("What made this"), provenance_, Qt::RightDockWidgetArea);
    resizeDocks({dock}, {270}, Qt::Horizontal);
}

// The plot needs VTK, which is set up only when it is first asked for.
void InspectWorkspace::buildEmbedding() {
    embeddingStack_ = new QStackedWidget;
    auto* intro = new QWidget;
    auto* layout = new QVBoxLayout(intro);
    auto* text = new QLabel(tr("Summaries of all pictures in one 3-D plot"));
    text->setAlignment(Qt::AlignCenter);
    text->setWordWrap(true);
    text->setProperty("role", "secondary");
    auto* button = new QPushButton(tr("Embed the gallery"));
    button->setObjectName("embedButton");
    layout->addStretch(1);
    layout->addWidget(text);
    layout->addWidget(button, 0, Qt::AlignHCenter);
    layout->addStretch(1);
    embeddingStack_->addWidget(intro);
    connect(button, &QPushButton::clicked, this, [this] { window_->commands().run("inspect.embed"); });
    addPanel("embeddingDock", tr("Embedding"), embeddingStack_, Qt::RightDockWidgetArea);
}

// Beside the pictures; hidden until there is a cloud.
void InspectWorkspace::buildClouds() {
    clouds_ = new CloudWorkbench(window_, controller_, &link_, this);
    QDockWidget* dock = addPanel("cloudDock", tr("3-D"), clouds_->panel(), Qt::RightDockWidgetArea);
    tabifyDockWidget(findChild<QDockWidget*>("embeddingDock"), dock);
    clouds_->setDock(dock);
    connect(clouds_, &CloudWorkbench::pictureWanted, this, [this](const QString& picture) {
        galleryModel_->addPaths({picture});
        selection_.select({picture}, "clouds");
    });
}

void InspectWorkspace::buildAnalyses() {
    analyses_ = new AnalysisWorkbench(
        window_, controller_,
        [this] {
            return PictureChoice{galleryModel_->shownPaths(), selection_.current()};
        },
        thumbnailCache_, this);
    QDockWidget* dock = addPanel("analysisDock", tr("Analysis"), analyses_->panel(), Qt::RightDockWidgetArea);
    auto* embedding = findChild<QDockWidget*>("embeddingDock");
    tabifyDockWidget(embedding, dock);
    embedding->raise();
    analyses_->setDock(dock);
    connect(analyses_, &AnalysisWorkbench::pictureWanted, this,
            [this](const QString& picture) { selection_.select({picture}, "analysis"); });
}

}  // namespace vitrine
