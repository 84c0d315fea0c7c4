#include "widgets/base/elided_combo.h"

#include "widgets/base/icons.h"

#include <QHelpEvent>
#include <QStyleOptionComboBox>
#include <QStylePainter>
#include <QToolTip>
#include <algorithm>

namespace vitrine {

constexpr int kIconSide = 16, kCompactWidth = 48;

ElidedCombo::ElidedCombo(const QString& tip, QWidget* parent) : QComboBox(parent) {
    setTip(tip);
    setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
}

void ElidedCombo::setTip(const QString& tip) {
    tip_ = tip;
    setToolTip(tip);  // for screen readers; the shown one is made in event()
}

void ElidedCombo::setCompact(const QString& icon) {
    if (compactIcon_ == icon)
        return;
    compactIcon_ = icon;
    updateGeometry();
    update();
}

void ElidedCombo::setHugging(int narrowest) {
    narrowest_ = narrowest;
    setSizePolicy(QSizePolicy::Maximum, QSizePolicy::Fixed);
    connect(this, &QComboBox::currentTextChanged, this, [this] { updateGeometry(); });
}

// Pixels that the text may take in a list of this width: what the style leaves beside arrow and padding.
int ElidedCombo::textRoom(int width) const {
    QStyleOptionComboBox option;
    initStyleOption(&option);
    option.rect.setWidth(width);
    return style()->subControlRect(QStyle::CC_ComboBox, &option, QStyle::SC_ComboBoxEditField, this).width() -
           2;
}

int ElidedCombo::fullWidth() const {
    constexpr int kProbe = 1000, kRounding = 2;  // glyphs advance by fractions of a pixel
    return fontMetrics().horizontalAdvance(currentText()) + kRounding + kProbe - textRoom(kProbe);
}

QSize ElidedCombo::sizeHint() const {
    const QSize usual = QComboBox::sizeHint();
    if (narrowest_ == 0)
        return usual;
    return {compactIcon_.isEmpty() ? fullWidth() : kCompactWidth, usual.height()};
}

QSize ElidedCombo::minimumSizeHint() const {
    if (narrowest_ == 0)
        return QComboBox::minimumSizeHint();
    const QSize wanted = sizeHint();
    return {std::min(wanted.width(), narrowest_), wanted.height()};
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
    option.currentText = fontMetrics().elidedText(option.currentText, Qt::ElideRight, textRoom(width()));
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
