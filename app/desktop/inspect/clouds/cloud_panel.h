// The 3-D dock: a point cloud with its controls, or what to do to see one.
#pragma once

#include "app/desktop/inspect/clouds/cloud_controller.h"

#include <QWidget>

class QComboBox;
class QLabel;
class QSlider;
class QStackedLayout;
class QToolButton;

namespace vitrine {

class CommandCenter;
class ViewLink;

class CloudPanel : public QWidget {
    Q_OBJECT
  public:
    // `link`: the pictures' views, whose cursor and probe are shared with the cloud.
    CloudPanel(CloudController* controller, ViewLink* link, QWidget* parent = nullptr);

    // Actions of the commands, for the buttons and the menu.
    void setCommands(CommandCenter& commands);
    // Null until there was a cloud: setting up VTK takes a while.
    PointCloudView* view() const { return view_; }
    // "000001.bin · 123 397 points · velodyne"
    QString description() const;

  signals:
    void styleEdited(const CloudStyle& style);
    void probeRequested(QPointF inPicture);

  protected:
    void showEvent(QShowEvent* event) override;
    void hideEvent(QHideEvent* event) override;

  private:
    void buildHeader();
    void createView();
    void refreshCloud();
    void refreshStyle();
    void refreshMessage();
    void refreshLink();
    void hoverPoint(std::optional<size_t> point);
    void clickPoint(size_t point);
    QStringList readoutOf(size_t point) const;

    CloudController* controller_;
    ViewLink* link_;
    PointCloudView* view_ = nullptr;
    QStackedLayout* stack_;
    QLabel* message_;
    QComboBox* coloring_;
    QComboBox* colorMap_;
    QSlider* pointSize_;
    QToolButton* overview_;
    QToolButton* fromCamera_;
    QToolButton* more_;
    const PointCloud* shown_ = nullptr;
    bool ownCursor_ = false, ownProbe_ = false;  // the link is being set from here
};

}  // namespace vitrine
