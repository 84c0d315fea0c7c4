#include "widgets/teachers/stream_bar.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>

namespace vitrine {

StreamBar::StreamBar(QWidget* parent)
    : QWidget(parent),
      caption_(new QLabel),
      streamLabel_(new QLabel(tr("Features"))),
      streams_(new QComboBox),
      normalizers_(new QComboBox) {
    caption_->setObjectName("statisticsCaption");
    caption_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    caption_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    streams_->setObjectName("statisticsStream");
    streams_->setToolTip(tr("Teacher, and layer or adaptor where it has several"));
    streams_->setMinimumContentsLength(18);
    normalizers_->setObjectName("statisticsNormalizer");
    normalizers_->setToolTip(tr("What the features are normalised by in everything \"after\""));
    normalizers_->setMinimumContentsLength(14);
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(8, 6, 8, 0);
    layout->addWidget(caption_, 1);
    layout->addWidget(streamLabel_);
    layout->addWidget(streams_);
    layout->addWidget(new QLabel(tr("Normaliser")));
    layout->addWidget(normalizers_);
    connect(streams_, &QComboBox::activated, this, [this] { emit streamChosen(streams_->currentText()); });
    connect(normalizers_, &QComboBox::activated, this,
            [this] { emit normalizerChosen(normalizers_->currentText()); });
}

void StreamBar::setCaption(const QString& caption) {
    caption_->setText(caption);
    caption_->setToolTip(caption);
}

void StreamBar::setStreams(const QStringList& names, int chosen) {
    streams_->clear();
    streams_->addItems(names);
    streams_->setCurrentIndex(chosen);
}

void StreamBar::setStreamShown(bool shown) {
    streamLabel_->setVisible(shown);
    streams_->setVisible(shown);
}

void StreamBar::setNormalizers(const QStringList& names, const QString& chosen) {
    normalizers_->clear();
    normalizers_->addItems(names);
    normalizers_->setCurrentText(chosen);
}

}  // namespace vitrine
