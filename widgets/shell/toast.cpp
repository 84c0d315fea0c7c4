#include "widgets/shell/toast.h"

#include "widgets/base/icons.h"

#include <QClipboard>
#include <QEvent>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QLabel>
#include <QMainWindow>
#include <QTimer>
#include <QToolButton>

namespace vitrine {

constexpr int kWidth = 400, kMargin = 14, kMaxToasts = 4;
constexpr int kLift = 56;  // above the lower edge: there are colour scales and the status bar

ToastHost::ToastHost(QWidget* window) : QObject(window), window_(window) {
    window_->installEventFilter(this);
}

QStringList ToastHost::visibleTexts() const {
    QStringList texts;
    for (const Toast& toast : toasts_)
        texts.append(toast.text);
    return texts;
}

void ToastHost::show(ToastKind kind, const QString& text) {
    for (Toast& toast : toasts_)
        if (toast.text == text) {
            ++toast.count;
            if (auto* label = toast.frame->findChild<QLabel*>("toastText"))
                label->setText(tr("%1  (×%2)").arg(text).arg(toast.count));
            return place();
        }
    auto* frame = new QFrame(window_);
    frame->setObjectName("toast");
    frame->setProperty("kind", kind == ToastKind::Error     ? "error"
                               : kind == ToastKind::Success ? "success"
                                                            : "note");
    auto* layout = new QHBoxLayout(frame);
    layout->setContentsMargins(12, 9, 6, 9);
    auto* label = new QLabel(text);
    label->setTextFormat(Qt::PlainText);
    label->setObjectName("toastText");
    label->setWordWrap(true);
    label->setTextInteractionFlags(Qt::TextSelectableByMouse);
    layout->addWidget(label, 1);
    auto* close = new QToolButton;
    close->setIcon(themedIcon("close"));
    close->setIconSize({12, 12});
    close->setToolTip(kind == ToastKind::Error ? tr("Close (Shift: copy the text first)") : tr("Close"));
    layout->addWidget(close, 0, Qt::AlignTop);
    connect(close, &QToolButton::clicked, frame, [this, frame, text] {
        if (QGuiApplication::keyboardModifiers() & Qt::ShiftModifier)
            QGuiApplication::clipboard()->setText(text);
        remove(frame);
    });
    QTimer::singleShot(kind == ToastKind::Error ? 14000 : 5000, frame, [this, frame] { remove(frame); });
    toasts_.append({frame, text});
    while (toasts_.size() > kMaxToasts)
        remove(toasts_.first().frame);
    frame->show();
    place();
}

void ToastHost::remove(QFrame* frame) {
    toasts_.removeIf([frame](const Toast& toast) { return toast.frame == frame; });
    frame->hide();
    frame->deleteLater();
    place();
}

// The centre of the workspace that is shown: a notice on a dock would lie on buttons and results.
QRect ToastHost::area() const {
    for (const QMainWindow* workspace : window_->findChildren<QMainWindow*>())
        if (const QWidget* centre = workspace->centralWidget();
            centre && centre->isVisible() && centre->width() >= kWidth / 2 && centre->height() >= kLift * 2)
            return {centre->mapTo(window_, QPoint()), centre->size()};
    return window_->rect();
}

void ToastHost::place() {
    if (toasts_.isEmpty())
        return;
    const QRect area = this->area();
    int bottom = area.bottom() - kLift;
    for (auto toast = toasts_.rbegin(); toast != toasts_.rend(); ++toast) {
        const int width = std::min(kWidth, area.width() - 2 * kMargin);
        toast->frame->setFixedWidth(width);
        const int height = std::max(toast->frame->sizeHint().height(), toast->frame->heightForWidth(width));
        bottom -= height + 8;
        toast->frame->setGeometry(area.right() - width - kMargin, bottom, width, height);
        toast->frame->raise();
    }
}

bool ToastHost::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::Resize)
        place();
    return QObject::eventFilter(watched, event);
}

}  // namespace vitrine
