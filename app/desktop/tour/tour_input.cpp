// What a user does in scripted walks: pointer, keys, files from a file manager.
#include "app/desktop/tour/tour.h"
#include "widgets/shell/main_window.h"
#include "widgets/view/tile_view.h"

#include <QApplication>
#include <QComboBox>
#include <QDropEvent>
#include <QMimeData>
#include <QMouseEvent>
#include <QTest>
#include <QUrl>
#include <QWheelEvent>

namespace vitrine {

Result<Tour::Target> Tour::target(const Json& step) const {
    if (!step.contains("widget")) {
        VITRINE_TRY(TileView * shown, view(step));
        if (step.contains("control")) {
            const QRectF rect =
                shown->overlay()->controlRect(QString::fromStdString(step.value("control", "")));
            if (rect.isEmpty())
                return fail(ErrorCode::NotFound, "the view shows no such control");
            const auto place = [&](const char* across, const char* down) {
                return QPointF(rect.left() + step.value(across, 0.5) * rect.width(),
                               rect.top() + step.value(down, 0.5) * rect.height());
            };
            return Target{shown, place("fx", "fy"), place("toFx", "toFy")};
        }
        return Target{shown, shown->widgetFromImage({step.value("x", 0.0), step.value("y", 0.0)}),
                      shown->widgetFromImage({step.value("toX", 0.0), step.value("toY", 0.0)})};
    }
    VITRINE_TRY(QWidget * found, widget(step, "widget"));
    if (!found->isVisible())
        return fail(ErrorCode::InvalidArgument, "the widget is hidden: a user could not reach it");
    return Target{found,
                  {step.value("fx", 0.5) * found->width(), step.value("fy", 0.5) * found->height()},
                  {step.value("toFx", 0.5) * found->width(), step.value("toFy", 0.5) * found->height()}};
}

// As from a file manager: whoever under the pointer takes the drag gets the files.
static void dropFiles(QWidget& target, const QPointF& at, const QList<QUrl>& files) {
    QMimeData data;
    data.setUrls(files);
    QDragEnterEvent enter(at.toPoint(), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    QApplication::sendEvent(&target, &enter);
    if (!enter.isAccepted())
        return;
    QDragMoveEvent move(at.toPoint(), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    QApplication::sendEvent(&target, &move);
    QDropEvent drop(at, Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    QApplication::sendEvent(&target, &drop);
}

Result<void> Tour::pointerStep(const std::string& action, const Json& step) {
    VITRINE_TRY(const Target place, this->target(step));
    QWidget* const target = place.widget;
    const QPointF at = place.at;
    const QPoint position = at.toPoint();
    if (action == "zoom") {
        const int steps = step.value("steps", 1);
        for (int index = 0; index < std::abs(steps); ++index) {
            QWheelEvent wheel(at, target->mapToGlobal(at), {}, {0, steps > 0 ? 120 : -120}, Qt::NoButton,
                              Qt::NoModifier, Qt::NoScrollPhase, false);
            QApplication::sendEvent(target, &wheel);
            QApplication::processEvents();
        }
        return {};
    }
    if (action == "drop") {
        QList<QUrl> files;
        for (const auto& path : step.value("paths", Json::array()))
            files.append(QUrl::fromLocalFile(QString::fromStdString(expanded(path.get<std::string>()))));
        dropFiles(*target, at, files);
        return {};
    }
    QTest::mouseMove(target, position);
    if (action == "click") {
        QTest::mouseClick(target, Qt::LeftButton, {}, position);
    } else if (action == "drag") {
        const QPoint end = place.to.toPoint();
        QTest::mousePress(target, Qt::LeftButton, {}, position);
        // The pressed button travels with each move, as a real drag's does.
        for (const QPoint& stop :
             {position + (end - position) / 3, position + (end - position) * 2 / 3, end}) {
            QMouseEvent move(QEvent::MouseMove, stop, target->mapToGlobal(stop), Qt::NoButton, Qt::LeftButton,
                             {});
            QApplication::sendEvent(target, &move);
            QApplication::processEvents();
        }
        QTest::mouseRelease(target, Qt::LeftButton, {}, end);
    } else if (action == "lasso") {
        const QPoint end = place.to.toPoint();
        QTest::mousePress(target, Qt::LeftButton, Qt::ShiftModifier, position);
        for (const QPoint& corner :
             {QPoint(end.x(), position.y()), end, QPoint(position.x(), end.y()), position}) {
            QMouseEvent move(QEvent::MouseMove, corner, target->mapToGlobal(corner), Qt::NoButton,
                             Qt::LeftButton, Qt::ShiftModifier);
            QApplication::sendEvent(target, &move);
            QApplication::processEvents();
        }
        QTest::mouseRelease(target, Qt::LeftButton, Qt::ShiftModifier, position);
    } else {
        QMouseEvent move(QEvent::MouseMove, at, target->mapToGlobal(at), Qt::NoButton, Qt::NoButton, {});
        QApplication::sendEvent(target, &move);
    }
    return {};
}

Result<void> Tour::inputStep(const std::string& action, const Json& step) {
    if (action == "key") {
        const QKeySequence keys(QString::fromStdString(step.value("keys", "")));
        if (keys.isEmpty())
            return fail(ErrorCode::InvalidArgument, "not a key");
        QWidget* target = QApplication::focusWidget() ? QApplication::focusWidget() : &window_;
        if (step.contains("widget")) {
            VITRINE_TRY(target, widget(step, "widget"));
            target->setFocus();
        }
        QTest::keyClick(target, keys[0].key(), keys[0].keyboardModifiers());
        return {};
    }
    VITRINE_TRY(QWidget * target, widget(step, "widget"));
    if (!target->isVisible() || !target->isEnabled())
        return fail(ErrorCode::InvalidArgument,
                    "the widget is hidden or disabled: a user could not reach it");
    if (action == "type") {
        target->setFocus();
        QTest::keyClicks(target, QString::fromStdString(expanded(step.value("text", ""))));
        if (step.value("enter", false))
            QTest::keyClick(target, Qt::Key_Return);
        return {};
    }
    if (action == "press") {
        QTest::mouseClick(target, Qt::LeftButton);
        return {};
    }
    if (action == "combo") {
        auto* combo = qobject_cast<QComboBox*>(target);
        const int index =
            combo ? combo->findText(QString::fromStdString(step.value("text", "")), Qt::MatchStartsWith) : -1;
        if (index < 0)
            return fail(ErrorCode::NotFound, "the list has no such entry");
        combo->setCurrentIndex(index);
        emit combo->activated(index);
        return {};
    }
    return fail(ErrorCode::InvalidArgument, fmt::format("unknown step '{}'", action));
}

}  // namespace vitrine
