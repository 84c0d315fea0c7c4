#include "widgets/shell/workspace.h"

#include <QScrollArea>
#include <QScrollBar>
#include <QToolBar>

namespace vitrine {

constexpr int kLayoutVersion = 1;

namespace {

// A panel in a low window scrolls instead of forcing the window higher.
class PanelScroll : public QScrollArea {
  public:
    explicit PanelScroll(QWidget* content) {
        setFrameShape(QFrame::NoFrame);
        setWidgetResizable(true);
        setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
        setFocusPolicy(Qt::NoFocus);
        setFocusProxy(content);
        setWidget(content);
    }
    QSize sizeHint() const override { return widget()->sizeHint(); }
    QSize minimumSizeHint() const override {
        const QSize content = widget()->minimumSizeHint().expandedTo(widget()->minimumSize());
        if (content.height() <= kLowestPanel)
            return content;
        return {content.width() + verticalScrollBar()->sizeHint().width(), kLowestPanel};
    }

  private:
    static constexpr int kLowestPanel = 90;
};

}  // namespace

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
    dock->setWidget(new PanelScroll(content));
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
