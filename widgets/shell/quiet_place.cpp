#include "widgets/shell/quiet_place.h"

#include "widgets/shell/toast_card.h"

#include <QAbstractButton>
#include <QAbstractScrollArea>
#include <QAbstractSlider>
#include <QAbstractSpinBox>
#include <QApplication>
#include <QComboBox>
#include <QLabel>
#include <QLineEdit>
#include <QScrollArea>
#include <QScrollBar>
#include <QStatusBar>
#include <QTabBar>
#include <algorithm>
#include <vector>

namespace vitrine {
namespace {

struct Covered {
    QRect rect;
    double each = 0;      // cost of touching it
    double perPixel = 0;  // and of each pixel of it
};

bool isNotice(const QWidget* widget) {
    for (; widget; widget = widget->parentWidget())
        if (qobject_cast<const ToastCard*>(widget))
            return true;
    return false;
}

bool isControl(const QWidget* widget) {
    if (qobject_cast<const QScrollBar*>(widget))
        return false;
    return qobject_cast<const QAbstractButton*>(widget) || qobject_cast<const QLineEdit*>(widget) ||
           qobject_cast<const QComboBox*>(widget) || qobject_cast<const QAbstractSlider*>(widget) ||
           qobject_cast<const QAbstractSpinBox*>(widget) || qobject_cast<const QTabBar*>(widget);
}

// Lists, tables, texts, pictures, plots; a QScrollArea only frames its own widgets. Plots paint themselves.
bool isContent(const QWidget* widget) {
    if (widget->inherits("QOpenGLWidget"))  // by name: the shell links no OpenGL
        return true;
    if (qobject_cast<const QAbstractScrollArea*>(widget))
        return !qobject_cast<const QScrollArea*>(widget);
    if (const auto* label = qobject_cast<const QLabel*>(widget))
        return !label->text().isEmpty() || !label->pixmap().isNull();
    return widget->focusPolicy() != Qt::NoFocus;
}

// What its parents leave of a widget, in the window's coordinates: a part may be scrolled out of view.
QRect seenRect(const QWidget& window, const QWidget* widget) {
    QRect seen = widget->rect();
    for (; widget != &window; widget = widget->parentWidget())
        seen = seen.translated(widget->pos()) & widget->parentWidget()->rect();
    return seen;
}

std::vector<Covered> coveredBy(const QWidget& window, const QRect& area) {
    constexpr double kControl = 1e6, kContent = 1, kFocus = 2;
    std::vector<Covered> all;
    const QWidget* focus = QApplication::focusWidget();
    for (const QWidget* each : window.findChildren<QWidget*>()) {
        if (each->window() != &window || !each->isVisible() || isNotice(each))
            continue;
        Covered covered;
        if (isControl(each))
            covered.each = kControl;
        else if (isContent(each))
            covered.perPixel = each == focus ? kContent + kFocus : kContent;
        covered.rect = seenRect(window, each) & area;
        if (!covered.rect.isEmpty() && (covered.each > 0 || covered.perPixel > 0))
            all.push_back(covered);
    }
    return all;
}

}  // namespace

QRect quietPlace(const QWidget& window, QSize size, int margin) {
    constexpr int kStep = 24, kMostLifts = 8;
    constexpr double kAside = 8, kUp = 24;  // per pixel away from the corner
    QRect area = window.rect().adjusted(margin, margin, -margin, -margin);
    if (const auto* bar = window.findChild<QStatusBar*>(QString(), Qt::FindDirectChildrenOnly);
        bar && bar->isVisible())
        area.setBottom(std::min(area.bottom(), bar->geometry().top() - margin));
    const std::vector<Covered> covered = coveredBy(window, area);
    QRect best;
    double least = 0;
    for (int lift = 0; lift < kMostLifts; ++lift)
        for (int aside = 0;; aside += kStep) {
            const QRect place(QPoint(area.right() + 1 - size.width() - aside,
                                     area.bottom() + 1 - size.height() - lift * kStep),
                              size);
            if ((aside > 0 && place.left() < area.left()) || (lift > 0 && place.top() < area.top()))
                break;
            double cost = kAside * aside + kUp * lift * kStep;
            for (const Covered& each : covered)
                if (const QRect common = each.rect & place; !common.isEmpty())
                    cost += each.each + each.perPixel * double(common.width()) * double(common.height());
            if (best.isNull() || cost < least) {
                best = place;
                least = cost;
            }
        }
    return best;
}

}  // namespace vitrine
