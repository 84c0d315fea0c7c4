#include "widgets/shell/workspace.h"

#include <QToolBar>

namespace vitrine {

constexpr int kLayoutVersion = 1;

Workspace::Workspace(const QString& name, const QString& title, const QString& icon, QWidget* parent)
    : QMainWindow(parent, Qt::Widget), name_(name), title_(title), icon_(icon) {
    setObjectName(name + "Workspace");
    setDockOptions(QMainWindow::AllowNestedDocks | QMainWindow::AllowTabbedDocks |
                   QMainWindow::AnimatedDocks);
    setTabPosition(Qt::AllDockWidgetAreas, QTabWidget::North);
    setContextMenuPolicy(Qt::NoContextMenu);
}

QDockWidget* Workspace::addPanel(const QString& objectName, const QString& title, QWidget* content,
                                 Qt::DockWidgetArea area) {
    auto* dock = new QDockWidget(title, this);
    dock->setObjectName(objectName);
    dock->setWidget(content);
    addDockWidget(area, dock);
    return dock;
}

void Workspace::showEvent(QShowEvent* event) {
    if (defaultLayout_.isEmpty())
        defaultLayout_ = saveState(kLayoutVersion);
    QMainWindow::showEvent(event);
}

std::string Workspace::saveLayout() const {
    return saveState(kLayoutVersion).toBase64().toStdString();
}

bool Workspace::restoreLayout(const std::string& text) {
    if (defaultLayout_.isEmpty())
        defaultLayout_ = saveState(kLayoutVersion);
    return restoreState(QByteArray::fromBase64(QByteArray::fromStdString(text)), kLayoutVersion);
}

void Workspace::resetLayout() {
    if (!defaultLayout_.isEmpty())
        restoreState(defaultLayout_, kLayoutVersion);
}

}  // namespace vitrine
