// Header, menus and status bar of the main window.
#include "widgets/base/icons.h"
#include "widgets/base/theme.h"
#include "widgets/shell/main_window.h"
#include "widgets/shell/notice_list.h"

#include <QFileDialog>
#include <QLabel>
#include <QMenuBar>
#include <QStatusBar>
#include <QTabBar>
#include <QToolBar>
#include <QToolButton>
#include <QUndoView>

namespace vitrine {

void MainWindow::buildHeader() {
    auto* bar = new QToolBar(tr("Workspaces"));
    bar->setObjectName("workspaceBar");
    bar->setMovable(false);
    bar->setContextMenuPolicy(Qt::PreventContextMenu);
    bar->setIconSize({18, 18});
    tabs_ = new QTabBar;
    tabs_->setObjectName("workspaceTabs");
    tabs_->setDrawBase(false);
    tabs_->setExpanding(false);
    tabs_->setIconSize({18, 18});
    bar->addWidget(tabs_);
    auto* spacer = new QWidget;
    spacer->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Preferred);
    bar->addWidget(spacer);
    auto* search = new QToolButton;
    search->setObjectName("paletteButton");
    search->setText(tr("Search commands    Ctrl+K"));
    search->setIcon(themedIcon("search"));
    search->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    search->setMinimumWidth(250);
    connect(search, &QToolButton::clicked, this, [this] { commands_.run("palette.open"); });
    bar->addWidget(search);
    for (const char* name : {"edit.undo", "edit.redo", "theme.toggle"})
        bar->addAction(commands_.action(name, this));
    addToolBar(Qt::TopToolBarArea, bar);
    connect(&commands_.undoStack(), &QUndoStack::indexChanged, this, &MainWindow::followUndoStack);
    connect(&commands_, &CommandCenter::shortcutsChanged, this, &MainWindow::followUndoStack);
    followUndoStack();
    connect(tabs_, &QTabBar::tabBarClicked, this, [this](int index) {
        if (index >= 0)
            commands_.run("workspace.show", {{"name", workspaces_[index]->name().toStdString()}});
    });
}

void MainWindow::buildMenus() {
    QMenu* file = menuBar()->addMenu(tr("&File"));
    for (const char* name : {"file.openImages", "file.openFolder"})
        file->addAction(commands_.action(name, this));
    recentMenu_ = file->addMenu(tr("Open &recent"));
    connect(recentMenu_, &QMenu::aboutToShow, this, &MainWindow::fillRecentMenu);
    file->addSeparator();
    file->addAction(commands_.action("window.close", this));
    QMenu* edit = menuBar()->addMenu(tr("&Edit"));
    for (const char* name : {"edit.undo", "edit.redo", "edit.history"})
        edit->addAction(commands_.action(name, this));
    viewMenu_ = menuBar()->addMenu(tr("&View"));
    connect(viewMenu_, &QMenu::aboutToShow, this, &MainWindow::fillViewMenu);
    fillViewMenu();
    QMenu* help = menuBar()->addMenu(tr("&Help"));
    for (const char* name : {"palette.open", "shortcuts.show", "recorder.toggle", "help.about"})
        help->addAction(commands_.action(name, this));
}

// Enabled where there is a step to take; the tooltip says which.
void MainWindow::followUndoStack() {
    const auto follow = [this](const char* name, bool possible, const QString& step) {
        QAction* action = commands_.action(name, this);
        action->setEnabled(possible);
        const QString keys = commands_.shortcut(name).toString(QKeySequence::NativeText);
        const QString text =
            step.isEmpty() ? action->text() : QStringLiteral("%1: %2").arg(action->text(), step);
        action->setToolTip(keys.isEmpty() ? text : QStringLiteral("%1  (%2)").arg(text, keys));
    };
    const QUndoStack& steps = commands_.undoStack();
    follow("edit.undo", steps.canUndo(), steps.undoText());
    follow("edit.redo", steps.canRedo(), steps.redoText());
}

void MainWindow::buildStatusBar() {
    projectLabel_ = new QLabel(tr("No project"));
    projectLabel_->setObjectName("projectLabel");
    recordingLabel_ = new QLabel(tr("● recording"));
    recordingLabel_->hide();
    statusBar()->setSizeGripEnabled(false);
    projectLabel_->setContentsMargins(8, 0, 0, 0);
    statusBar()->addWidget(projectLabel_);
    auto* jobs = new JobStatus(&jobs_);
    noticesButton_ = new QToolButton;
    noticesButton_->setObjectName("noticesButton");
    noticesButton_->setIcon(themedIcon("info"));
    noticesButton_->setIconSize({14, 14});
    noticesButton_->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    noticesButton_->setAutoRaise(true);
    noticesButton_->hide();
    // No higher than the text beside them: the bar would grow with them.
    QList<QToolButton*> buttons = jobs->findChildren<QToolButton*>();
    buttons.append(noticesButton_);
    for (QToolButton* button : buttons)
        button->setMaximumHeight(projectLabel_->sizeHint().height());
    for (QWidget* part : std::initializer_list<QWidget*>{recordingLabel_, jobs, noticesButton_})
        statusBar()->addPermanentWidget(part);
    connect(noticesButton_, &QToolButton::clicked, this, [this] { commands_.run("view.notices"); });
    connect(toasts_, &ToastHost::noticed, this, &MainWindow::followNotices);
    connect(&commands_, &CommandCenter::recordingChanged, this,
            [this] { recordingLabel_->setVisible(commands_.isRecording()); });
}

void MainWindow::fillRecentMenu() {
    recentMenu_->clear();
    for (const std::string& path : session_.recent)
        recentMenu_->addAction(QString::fromStdString(path), this, [this, path] {
            commands_.run("file.open", {{"paths", {path}}});
        });
    recentMenu_->setToolTipsVisible(true);
    if (session_.recent.empty())
        recentMenu_->addAction(tr("Nothing yet"))->setEnabled(false);
}

void MainWindow::fillViewMenu() {
    viewMenu_->clear();
    for (Workspace* each : workspaces_)
        viewMenu_->addAction(themedIcon(each->icon()), each->title(), this, [this, each] {
            commands_.run("workspace.show", {{"name", each->name().toStdString()}});
        });
    viewMenu_->addSeparator();
    if (Workspace* current = currentWorkspace())
        for (QDockWidget* dock : current->findChildren<QDockWidget*>())
            viewMenu_->addAction(dock->toggleViewAction());
    viewMenu_->addSeparator();
    for (const char* name : {"view.notices", "theme.toggle", "view.resetLayout"})
        viewMenu_->addAction(commands_.action(name, this));
    QMenu* accents = viewMenu_->addMenu(tr("Accent colour"));
    for (const auto& [name, color] : Theme::accents()) {
        QPixmap swatch(14, 14);
        swatch.fill(color);
        accents->addAction(QIcon(swatch), name, this, [this, color = color] {
            commands_.run("theme.accent", {{"color", color.name().toStdString()}});
        });
    }
}

void MainWindow::toggleHistory() {
    if (auto* existing = findChild<QDockWidget*>("historyDock"))
        return existing->setVisible(!existing->isVisible());
    auto* dock = new QDockWidget(tr("History"), this);
    dock->setObjectName("historyDock");
    auto* view = new QUndoView(&commands_.undoStack());
    view->setEmptyLabel(tr("Start"));
    dock->setWidget(view);
    addDockWidget(Qt::RightDockWidgetArea, dock);
}

void MainWindow::toggleNotices() {
    if (auto* existing = findChild<QDockWidget*>("noticesDock")) {
        existing->setVisible(!existing->isVisible());
    } else {
        auto* dock = new QDockWidget(tr("Notices"), this);
        dock->setObjectName("noticesDock");
        dock->setWidget(new NoticeList(toasts_));
        addDockWidget(Qt::RightDockWidgetArea, dock);
        connect(dock, &QDockWidget::visibilityChanged, this, &MainWindow::followNotices);
        dock->show();  // at once, not when the window is laid out next
    }
    followNotices();
    toasts_->arrange();  // the list lies over what is there
}

// How many were said since the list was last seen.
void MainWindow::followNotices() {
    const auto* dock = findChild<QDockWidget*>("noticesDock");
    if (dock && dock->isVisible())
        noticesSeen_ = toasts_->said();
    const qsizetype unseen = toasts_->said() - noticesSeen_;
    noticesButton_->setVisible(toasts_->said() > 0);
    noticesButton_->setText(unseen > 0 ? QString::number(unseen) : QString());
    const QString keys = commands_.shortcut("view.notices").toString(QKeySequence::NativeText);
    noticesButton_->setToolTip(
        unseen > 0 ? tr("%n notice(s) not yet seen in the list  (%1)", nullptr, int(unseen)).arg(keys)
                   : tr("Notices  (%1)").arg(keys));
}

void MainWindow::chooseFiles(bool folder) {
    auto* dialog = new QFileDialog(this, folder ? tr("Open a folder") : tr("Open pictures"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setFileMode(folder ? QFileDialog::Directory : QFileDialog::ExistingFiles);
    connect(dialog, &QFileDialog::filesSelected, this, [this](const QStringList& files) {
        Json paths = Json::array();
        for (const QString& file : files)
            paths.push_back(file.toStdString());
        commands_.run("file.open", {{"paths", paths}});
    });
    dialog->open();
}

}  // namespace vitrine
