#include "app/desktop/inspect/clouds/cloud_panel.h"

#include "widgets/base/icons.h"
#include "widgets/shell/command_center.h"
#include "widgets/view/view_link.h"

#include <QComboBox>
#include <QFileInfo>
#include <QLabel>
#include <QLocale>
#include <QMenu>
#include <QSlider>
#include <QStackedLayout>
#include <QToolButton>
#include <QVBoxLayout>

namespace vitrine {

CloudPanel::CloudPanel(CloudController* controller, ViewLink* link, QWidget* parent)
    : QWidget(parent),
      controller_(controller),
      link_(link),
      stack_(new QStackedLayout),
      message_(new QLabel),
      coloring_(new QComboBox),
      colorMap_(new QComboBox),
      pointSize_(new QSlider(Qt::Horizontal)),
      overview_(new QToolButton),
      fromCamera_(new QToolButton),
      more_(new QToolButton) {
    setObjectName("cloudPanel");
    buildHeader();
    message_->setObjectName("cloudMessage");
    message_->setAlignment(Qt::AlignCenter);
    message_->setWordWrap(true);
    message_->setMargin(16);
    message_->setProperty("role", "secondary");
    stack_->addWidget(message_);
    static_cast<QVBoxLayout*>(layout())->addLayout(stack_, 1);
    connect(controller_, &CloudController::cloudChanged, this, &CloudPanel::refreshCloud);
    connect(controller_, &CloudController::drawnChanged, this, &CloudPanel::refreshStyle);
    connect(controller_, &CloudController::linkChanged, this, &CloudPanel::refreshLink);
    connect(link_, &ViewLink::probeChanged, this, &CloudPanel::refreshLink);
    connect(link_, &ViewLink::cursorChanged, this, [this] {
        if (ownCursor_ || !view_)
            return;
        const auto point = link_->cursor() ? controller_->pointFromPicture(*link_->cursor()) : std::nullopt;
        view_->setHighlight(point);
        view_->setReadout(point ? readoutOf(*point) : QStringList());
    });
    refreshMessage();
}

void CloudPanel::buildHeader() {
    coloring_->setObjectName("cloudColoring");
    coloring_->setToolTip(tr("What the points are coloured by"));
    colorMap_->setObjectName("cloudColorMap");
    colorMap_->setToolTip(tr("Colours of height, distance and intensity"));
    for (const ColorMap map : allColorMaps())
        colorMap_->addItem(QString::fromStdString(colorMapName(map)), int(map));
    for (QComboBox* box : {coloring_, colorMap_}) {
        box->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
        box->setMinimumContentsLength(6);
    }
    pointSize_->setObjectName("cloudPointSize");
    pointSize_->setRange(1, 12);
    pointSize_->setMinimumWidth(48);
    pointSize_->setMaximumWidth(110);
    pointSize_->setToolTip(tr("Size of the points, pixels"));
    more_->setIcon(themedIcon("sliders"));
    more_->setObjectName("cloudMore");
    more_->setToolTip(tr("Upward axis, grid, boxes, copy and save"));
    more_->setPopupMode(QToolButton::InstantPopup);
    auto* header = new QHBoxLayout;
    header->setContentsMargins(6, 4, 6, 4);
    header->setSpacing(5);
    header->addWidget(coloring_);
    header->addWidget(colorMap_);
    header->addWidget(pointSize_, 1);
    header->addStretch(0);
    for (QToolButton* button : {overview_, fromCamera_, more_})
        header->addWidget(button);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addLayout(header);
    connect(coloring_, &QComboBox::activated, this, [this] {
        CloudStyle style = controller_->style();
        style.coloring = CloudColoring(coloring_->currentData().toInt());
        emit styleEdited(style);
    });
    connect(colorMap_, &QComboBox::activated, this, [this] {
        CloudStyle style = controller_->style();
        style.colorMap = ColorMap(colorMap_->currentData().toInt());
        emit styleEdited(style);
    });
    connect(pointSize_, &QSlider::valueChanged, this, [this](int value) {
        CloudStyle style = controller_->style();
        style.pointSize = value;
        emit styleEdited(style);
    });
}

void CloudPanel::setCommands(CommandCenter& commands) {
    overview_->setDefaultAction(commands.action("inspect.cloudOverview", this));
    fromCamera_->setDefaultAction(commands.action("inspect.cloudFromCamera", this));
    auto* menu = new QMenu(more_);
    more_->setMenu(menu);
    connect(menu, &QMenu::aboutToShow, this, [this, menu, &commands] {
        menu->clear();
        const CloudStyle style = controller_->style();
        const auto add = [&](QMenu* to, const QString& text, bool checked, const CloudStyle& wanted) {
            QAction* action = to->addAction(text, this, [this, wanted] { emit styleEdited(wanted); });
            action->setCheckable(true);
            action->setChecked(checked);
        };
        CloudStyle changed = style;
        changed.grid = !style.grid;
        add(menu, tr("Ground grid"), style.grid, changed);
        changed = style;
        changed.boxes = !style.boxes;
        add(menu, tr("Boxes"), style.boxes, changed);
        QMenu* axes = menu->addMenu(tr("Upward axis"));
        changed = style;
        changed.up.reset();
        add(axes, tr("As the camera stands"), !style.up, changed);
        for (const UpAxis axis : allUpAxes()) {
            changed.up = axis;
            add(axes, QString::fromStdString(upAxisName(axis)), style.up == axis, changed);
        }
        menu->addSeparator();
        for (const char* name : {"inspect.cloudCopy", "inspect.cloudSave"})
            menu->addAction(commands.action(name, this));
    });
    refreshCloud();
}

// VTK is set up when the first cloud is there.
void CloudPanel::createView() {
    view_ = new PointCloudView;
    stack_->addWidget(view_);
    connect(view_, &PointCloudView::pointHovered, this, &CloudPanel::hoverPoint);
    connect(view_, &PointCloudView::pointClicked, this, &CloudPanel::clickPoint);
}

void CloudPanel::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    controller_->setActive(true);
    refreshMessage();
}

void CloudPanel::hideEvent(QHideEvent* event) {
    QWidget::hideEvent(event);
    controller_->setActive(false);
}

QString CloudPanel::description() const {
    const auto loaded = controller_->loaded();
    if (!loaded)
        return {};
    const QString frame = QString::fromStdString(loaded->points->frame);
    QString text =
        tr("%1 points").arg(QLocale(QLocale::English).toString(qulonglong(loaded->points->pointCount())));
    if (!loaded->points->boxes.empty())
        text += tr(" · %1 boxes").arg(loaded->points->boxes.size());
    return frame.isEmpty() ? text : QStringLiteral("%1 · %2").arg(text, frame);
}

void CloudPanel::refreshMessage() {
    const QString name = QFileInfo(controller_->file()).fileName();
    if (!controller_->error().isEmpty())
        message_->setText(controller_->error());
    else if (!controller_->file().isEmpty())
        message_->setText(tr("Reading %1…").arg(name));
    else
        message_->setText(tr(
            "Drop a point cloud here (PLY, PCD, a KITTI scan), or choose a picture that was taken together "
            "with one."));
}

void CloudPanel::refreshCloud() {
    const auto loaded = controller_->loaded();
    if (loaded && controller_->drawn().geometry) {
        if (!view_)
            createView();
        if (shown_ != loaded->points.get()) {
            shown_ = loaded->points.get();
            view_->setGeometry(controller_->drawn().geometry);
            view_->showOverview();
        }
        view_->setTitle(QFileInfo(loaded->file).fileName(), description());
        coloring_->clear();
        for (const CloudColoring coloring : coloringsOf(*loaded->points))
            coloring_->addItem(tr(coloringTitle(coloring)), int(coloring));
        stack_->setCurrentWidget(view_);
    } else {
        shown_ = nullptr;
        if (view_)
            view_->setGeometry(nullptr);
        refreshMessage();
        stack_->setCurrentWidget(message_);
    }
    refreshStyle();
    refreshLink();
}

void CloudPanel::refreshStyle() {
    const auto loaded = controller_->loaded();
    const CloudStyle& style = controller_->style();
    for (QWidget* control : std::initializer_list<QWidget*>{coloring_, colorMap_, pointSize_, more_})
        control->setEnabled(loaded != nullptr);
    if (overview_->defaultAction()) {
        overview_->defaultAction()->setEnabled(loaded != nullptr);
        fromCamera_->defaultAction()->setEnabled(loaded && loaded->points->camera);
    }
    {
        const QSignalBlocker block(pointSize_);
        pointSize_->setValue(int(style.pointSize));
    }
    colorMap_->setCurrentIndex(colorMap_->findData(int(style.colorMap)));
    if (!loaded || !view_)
        return;
    const DrawnCloud& drawn = controller_->drawn();
    view_->replaceGeometry(drawn.geometry);
    view_->setColors(drawn.colors);
    view_->setPointSize(style.pointSize);
    view_->setGridVisible(style.grid);
    view_->setBoxesVisible(style.boxes);
    const CloudColoring coloring = style.optionsFor(*loaded->points).coloring;
    coloring_->setCurrentIndex(coloring_->findData(int(coloring)));
    colorMap_->setVisible(drawn.colors && drawn.colors->scalar);
}

void CloudPanel::refreshLink() {
    if (!view_ || ownProbe_)
        return;
    view_->setProbe(link_->probe() ? controller_->pointFromPicture(*link_->probe()) : std::nullopt);
}

QStringList CloudPanel::readoutOf(size_t point) const {
    const PointCloud& cloud = *controller_->loaded()->points;
    const float* at = &cloud.positions[point * 3];
    QStringList lines{QStringLiteral("x %1  y %2  z %3 m")
                          .arg(double(at[0]), 0, 'f', 2)
                          .arg(double(at[1]), 0, 'f', 2)
                          .arg(double(at[2]), 0, 'f', 2)};
    QString second = tr("%1 m away").arg(distanceOf(cloud, point), 0, 'f', 2);
    if (!cloud.intensities.empty())
        second += tr("  intensity %1").arg(double(cloud.intensities[point]), 0, 'g', 3);
    if (const auto pixel = controller_->pictureFromPoint(point))
        second += tr("  pixel %1, %2").arg(int(pixel->x())).arg(int(pixel->y()));
    lines.append(second);
    return lines;
}

void CloudPanel::hoverPoint(std::optional<size_t> point) {
    view_->setReadout(point ? readoutOf(*point) : QStringList());
    ownCursor_ = true;
    link_->setCursor(point ? controller_->pictureFromPoint(*point) : std::nullopt);
    ownCursor_ = false;
}

// The probe of the pictures goes to the point's pixel; the point itself stays marked, not its neighbour.
void CloudPanel::clickPoint(size_t point) {
    ownProbe_ = true;
    if (const auto pixel = controller_->pictureFromPoint(point))
        emit probeRequested(*pixel);
    ownProbe_ = false;
    view_->setProbe(point);
    view_->setReadout(readoutOf(point));
}

}  // namespace vitrine
