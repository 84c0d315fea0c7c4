#include "app/desktop/inspect/inspect_workspace.h"

#include "app/desktop/inspect/inspect_panel.h"
#include "app/desktop/inspect/provenance.h"
#include "core/base/paths.h"
#include "core/media/image_folder.h"
#include "core/media/image_reader.h"
#include "widgets/base/icons.h"
#include "widgets/gallery/gallery_model.h"
#include "widgets/gallery/gallery_view.h"
#include "widgets/gallery/thumbnail_store.h"
#include "widgets/plots/embedding_plot.h"
#include "widgets/shell/main_window.h"
#include "widgets/view/figure.h"

#include <QActionGroup>
#include <QDir>
#include <QFileDialog>
#include <QFileInfo>
#include <QGridLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QStackedWidget>
#include <QTextBrowser>
#include <QToolBar>
#include <QVBoxLayout>
#include <algorithm>

namespace vitrine {

static const QString kSource = QStringLiteral("inspect");

InspectWorkspace::InspectWorkspace(MainWindow* window)
    : Workspace("inspect", tr("Inspect"), "inspect"),
      window_(window),
      controller_(new InspectController(window->jobs(), this)) {
    thumbnails_ = new ThumbnailStore(
        [](const std::filesystem::path& path, int64_t maxSide) { return readThumbnail(path, maxSide); },
        userCacheFolder() / "thumbnails", 192, 2, this);
    galleryModel_ = new GalleryModel(&selection_, this);
    panelArea_ = new QWidget;
    grid_ = new QGridLayout(panelArea_);
    grid_->setContentsMargins(0, 0, 0, 0);
    grid_->setSpacing(4);
    setCentralWidget(panelArea_);
    buildGallery();
    buildInspector();
    buildEmbedding();
    connect(&selection_, &SelectionManager::selectionChanged, this, [this] {
        if (!selection_.current().isEmpty())
            controller_->setPicture(selection_.current());
    });
    connect(controller_, &InspectController::failed, this,
            [this](const QString& message) { window_->toasts().show(ToastKind::Error, message); });
    connect(controller_, &InspectController::panelChanged, this, &InspectWorkspace::refreshPanel);
    connect(controller_, &InspectController::modelsChanged, this, [this] {
        for (InspectPanel* panel : panels_)
            panel->refresh();
        showProvenance(active_);
    });
    connect(controller_, &InspectController::pictureChanged, this, [this] {
        if (const auto probe = controller_->probe())
            link_.setProbe(QPointF(probe->positionInImage.x, probe->positionInImage.y));
        link_.fit();
    });
    connect(&link_, &ViewLink::cursorChanged, this, [this] {
        if (probeFollowsMouse_ && link_.cursor())
            window_->commands().run("inspect.probe",
                                    {{"x", link_.cursor()->x()}, {"y", link_.cursor()->y()}});
    });
}

InspectWorkspace::~InspectWorkspace() = default;

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
    layout->setSpacing(5);
    auto* filter = new QLineEdit;
    filter->setObjectName("galleryFilter");
    filter->setPlaceholderText(tr("Filter by name"));
    filter->setClearButtonEnabled(true);
    connect(filter, &QLineEdit::textChanged, galleryModel_, &GalleryModel::setTextFilter);
    galleryView_ = new GalleryView(galleryModel_, thumbnails_, &selection_);
    galleryView_->setObjectName("galleryView");
    galleryCount_ = new QLabel;
    galleryCount_->setObjectName("galleryCount");
    galleryCount_->setProperty("role", "secondary");
    const auto count = [this] {
        const qsizetype shown = galleryModel_->shownPaths().size(), all = galleryModel_->allPaths().size();
        galleryCount_->setText(shown == all ? (all == 1 ? tr("1 picture") : tr("%1 pictures").arg(all))
                                            : tr("%1 of %2 pictures").arg(shown).arg(all));
    };
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

void InspectWorkspace::setPanelCount(int count) {
    controller_->setPanelCount(count);
    buildPanels();
}

void InspectWorkspace::buildPanels() {
    const int count = controller_->panelCount();
    while (panels_.size() > count)
        delete panels_.takeLast();
    while (panels_.size() < count) {
        const int index = int(panels_.size());
        auto* panel = new InspectPanel(controller_, index, &link_);
        panels_.append(panel);
        connect(panel, &InspectPanel::stateEdited, this, &InspectWorkspace::editPanel);
        connect(panel, &InspectPanel::basisLockRequested, this, [this](int from, bool lock) {
            active_ = from;
            window_->commands().run("inspect.lockBasis", {{"lock", lock}});
        });
        connect(panel, &InspectPanel::rangeLockRequested, this, [this](bool lock) {
            rangeLocked_ = lock;
            updateSharedRange();
        });
        connect(panel, &InspectPanel::provenanceRequested, this, &InspectWorkspace::showProvenance);
        connect(panel->view(), &TileView::probed, this, [this](QPointF at) {
            window_->commands().run("inspect.probe", {{"x", at.x()}, {"y", at.y()}});
        });
        connect(panel->view(), &TileView::activated, this, [this, index] {
            active_ = index;
            showProvenance(index);
        });
    }
    const int columns = count == 6 ? 3 : count >= 2 ? 2 : 1;
    for (int index = 0; index < count; ++index) {
        grid_->removeWidget(panels_[index]);
        grid_->addWidget(panels_[index], index / columns, index % columns);
    }
    for (int row = 0; row < 3; ++row)
        grid_->setRowStretch(row, row * columns < count ? 1 : 0);
    for (int column = 0; column < 3; ++column)
        grid_->setColumnStretch(column, column < columns ? 1 : 0);
    active_ = std::min(active_, count - 1);
    for (InspectPanel* panel : panels_) {
        panel->show();
        panel->refresh();
    }
    refreshComparisons();
}

void InspectWorkspace::refreshPanel(int index) {
    if (index >= panels_.size())
        return;
    panels_[index]->refresh();
    refreshComparisons();
    updateSharedRange();
    if (index == active_)
        showProvenance(index);
}

void InspectWorkspace::refreshComparisons() {
    for (InspectPanel* panel : panels_) {
        const PanelState& state = controller_->panel(panel->index());
        const bool possible = state.compareWith < panels_.size() && state.compareWith != panel->index();
        panel->setSecond(possible ? panels_[state.compareWith]->layer() : Layer());
    }
}

void InspectWorkspace::updateSharedRange() {
    std::optional<ValueRange> shared;
    for (InspectPanel* panel : panels_)
        if (const auto own = panel->ownRange(); rangeLocked_ && own)
            shared = shared ? ValueRange{std::min(shared->low, own->low), std::max(shared->high, own->high)}
                            : *own;
    for (InspectPanel* panel : panels_)
        panel->setSharedRange(shared);
}

void InspectWorkspace::editPanel(int index, const PanelState& state) {
    const auto argumentsOf = [index](const PanelState& panel) {
        Json arguments = panel.toJson();
        arguments["panel"] = index + 1;
        return arguments;
    };
    window_->commands().runUndoable(tr("Change viewport %1").arg(index + 1), "inspect.panel",
                                    argumentsOf(controller_->panel(index)), argumentsOf(state));
}

void InspectWorkspace::showProvenance(int index) {
    if (index < 0 || index >= panels_.size())
        return;
    active_ = index;
    provenance_->setHtml(provenanceHtml(*controller_, index));
}

void InspectWorkspace::stepPicture(int step) {
    const int row = galleryModel_->rowOf(selection_.current());
    const QString next =
        galleryModel_->pathAt(std::clamp(row + step, 0, std::max(0, galleryModel_->rowCount() - 1)));
    if (!next.isEmpty())
        selection_.select({next}, kSource);
}

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
        QMetaObject::invokeMethod(
            this,
            [this, path, list] {
                --scanning_;
                if (!*list)
                    return window_->toasts().show(ToastKind::Error,
                                                  QString::fromStdString(list->error().text()));
                QStringList paths;
                for (const auto& file : (*list)->images)
                    paths.append(QString::fromStdString(file.string()));
                if (paths.isEmpty())
                    return window_->toasts().show(ToastKind::Error, tr("%1 holds no pictures").arg(path));
                galleryModel_->addPaths(paths);
                if (selection_.selected().isEmpty())
                    selection_.select({galleryModel_->pathAt(0)}, kSource);
            },
            Qt::QueuedConnection);
    });
}

Result<void> InspectWorkspace::exportFigure(const std::string& path, int panel) {
    if (panel < 0 || panel >= panels_.size())
        return fail(ErrorCode::InvalidArgument, fmt::format("there is no viewport {}", panel + 1));
    Figure figure;
    figure.layer = panels_[panel]->view()->shownLayer();
    figure.title = panels_[panel]->view()->overlayModel().title;
    figure.provenance = provenanceLine(*controller_, panel);
    VITRINE_TRY_VOID(writeFigure(figure, path));
    window_->toasts().show(ToastKind::Success, tr("Saved %1").arg(QString::fromStdString(path)));
    return {};
}

bool InspectWorkspace::isBusy() const {
    return scanning_ > 0 || controller_->isBusy() ||
           (!selection_.current().isEmpty() && controller_->picture() != selection_.current());
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
                 {"cellSide", galleryView_->cellSide()}};
    const Camera& camera = link_.camera();
    if (!camera.fitted)
        session["camera"] = {camera.centre.x(), camera.centre.y(), camera.scale};
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
    const QString text = QString::fromStdString(session.value("text", std::string()));
    textEdit_->setText(text);
    controller_->setText(text);
    const QString current = QString::fromStdString(session.value("current", std::string()));
    if (galleryModel_->rowOf(current) >= 0)
        selection_.select({current}, kSource);
}

}  // namespace vitrine
