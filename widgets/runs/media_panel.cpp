#include "widgets/runs/media_panel.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QScrollArea>
#include <QSignalBlocker>
#include <QSlider>
#include <QTimer>
#include <QToolButton>

namespace vitrine {

constexpr int kPlayMs = 350;

MediaPanel::MediaPanel(QWidget* parent)
    : QWidget(parent),
      grid_(new MediaGrid),
      slider_(new QSlider(Qt::Horizontal)),
      stepText_(new QLabel),
      empty_(new QLabel("The selected runs have stored no pictures.")),
      scroll_(new QScrollArea),
      names_(new QComboBox),
      size_(new QSlider(Qt::Horizontal)),
      play_(new QToolButton),
      player_(new QTimer(this)) {
    slider_->setObjectName("mediaStep");
    slider_->setAccessibleName("Step of all pictures");
    slider_->setToolTip("Step of all pictures; each run shows its newest picture up to this step");
    slider_->setPageStep(1);
    stepText_->setMinimumWidth(100);
    names_->setToolTip("Which pictures to show");
    names_->setMinimumWidth(130);
    size_->setRange(80, 640);
    size_->setValue(220);
    size_->setMaximumWidth(110);
    size_->setToolTip("Side of a picture in the grid, in pixels of the screen");
    size_->setAccessibleName("Picture size");
    play_->setText("▶");
    play_->setCheckable(true);
    play_->setToolTip("Play through the steps");
    player_->setInterval(kPlayMs);
    empty_->setAlignment(Qt::AlignCenter);
    empty_->setProperty("role", "secondary");
    scroll_->setWidget(grid_);
    scroll_->setFrameShape(QFrame::NoFrame);
    auto* tools = new QHBoxLayout;
    tools->addWidget(play_);
    tools->addWidget(slider_, 1);
    tools->addWidget(stepText_);
    tools->addWidget(names_);
    tools->addWidget(size_);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(8, 8, 8, 8);
    layout->addLayout(tools);
    layout->addWidget(empty_, 1);
    layout->addWidget(scroll_, 1);
    connect(slider_, &QSlider::valueChanged, this, &MediaPanel::showStep);
    connect(size_, &QSlider::valueChanged, grid_, &MediaGrid::setCellSide);
    connect(names_, &QComboBox::currentIndexChanged, this,
            [this] { grid_->setName(names_->currentData().toString()); });
    connect(grid_, &MediaGrid::imageWanted, this, &MediaPanel::imageWanted);
    connect(play_, &QToolButton::toggled, this, [this](bool on) { on ? player_->start() : player_->stop(); });
    connect(player_, &QTimer::timeout, this,
            [this] { slider_->setValue(slider_->value() >= slider_->maximum() ? 0 : slider_->value() + 1); });
    setMedia({}, {});
}

void MediaPanel::setMedia(std::vector<MediaRun> runs, const std::vector<MediaItem>& items) {
    const int64_t before = step();
    const bool atEnd = steps_.steps().empty() || before >= steps_.steps().back();
    steps_.setItems(items);
    const QString name = names_->currentData().toString();
    {
        const QSignalBlocker block(names_);
        names_->clear();
        names_->addItem("All pictures", QString());
        for (const QString& one : steps_.names())
            names_->addItem(one, one);
        names_->setCurrentIndex(std::max(0, names_->findData(name)));
    }
    grid_->setRuns(std::move(runs), steps_);
    grid_->setName(names_->currentData().toString());
    empty_->setVisible(items.empty());
    scroll_->setVisible(!items.empty());
    const int last = std::max(0, int(steps_.steps().size()) - 1);
    slider_->setEnabled(last > 0);
    play_->setEnabled(last > 0);
    {
        const QSignalBlocker block(slider_);
        slider_->setRange(0, last);
        // The newest step is followed while a run goes on, unless the user looks at an older one.
        slider_->setValue(atEnd ? last : steps_.indexOf(before));
    }
    showStep(slider_->value());
}

int64_t MediaPanel::step() const {
    const int index = slider_->value();
    return index < int(steps_.steps().size()) ? steps_.steps()[index] : -1;
}

void MediaPanel::setStep(int64_t step) {
    slider_->setValue(steps_.indexOf(step));
}

void MediaPanel::showStep(int) {
    stepText_->setText(step() < 0 ? QString("no steps") : QString("step %1").arg(step()));
    grid_->setStep(step());
    emit stepChanged(step());
}

}  // namespace vitrine
