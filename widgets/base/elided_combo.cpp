#include "widgets/base/elided_combo.h"

#include "widgets/base/icons.h"

#include <QHelpEvent>
#include <QStyleOptionComboBox>
#include <QStylePainter>
#include <QToolTip>

namespace vitrine {

constexpr int kIconSide = 16;

ElidedCombo::ElidedCombo(const QString& tip, QWidget* parent) : QComboBox(parent) {
    setTip(tip);
    setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
}

void ElidedCombo::setTip(const QString& tip) {
    tip_ = tip;
    setToolTip(tip);  // for screen readers; the shown one is made in event()
}

void ElidedCombo::setCompact(const QString& icon) {
    compactIcon_ = icon;
    update();
}

void ElidedCombo::paintEvent(QPaintEvent*) {
    QStylePainter painter(this);
    QStyleOptionComboBox option;
    initStyleOption(&option);
    painter.drawComplexControl(QStyle::CC_ComboBox, option);
    if (!compactIcon_.isEmpty()) {
        const QRect field =
            style()->subControlRect(QStyle::CC_ComboBox, &option, QStyle::SC_ComboBoxEditField, this);
        QRect place(0, 0, kIconSide, kIconSide);
        place.moveCenter(field.center());
        return themedIcon(compactIcon_)
            .paint(&painter, place, Qt::AlignCenter, QIcon::Normal,
                   currentIndex() > 0 ? QIcon::On : QIcon::Off);
    }
    const QRect room =
        style()->subControlRect(QStyle::CC_ComboBox, &option, QStyle::SC_ComboBoxEditField, this);
    option.currentText = fontMetrics().elidedText(option.currentText, Qt::ElideRight, room.width() - 2);
    painter.drawControl(QStyle::CE_ComboBoxLabel, option);
}

bool ElidedCombo::event(QEvent* event) {
    if (event->type() != QEvent::ToolTip)
        return QComboBox::event(event);
    const QString shown = currentText();
    QToolTip::showText(static_cast<QHelpEvent*>(event)->globalPos(),
                       shown.isEmpty() ? tip_ : QStringLiteral("%1\n%2").arg(shown, tip_), this);
    return true;
}

}  // namespace vitrine
