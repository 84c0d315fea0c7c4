#include "widgets/shell/toast_card.h"

#include "widgets/base/icons.h"

#include <QClipboard>
#include <QGraphicsOpacityEffect>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QLabel>
#include <QPropertyAnimation>
#include <QStyle>
#include <QToolButton>

namespace vitrine {
namespace {

constexpr int kFadeMs = 250;
constexpr qsizetype kShownLines = 4, kShownCharacters = 240;

// A notice is small; all of a long text is in the list of notices.
QString shortened(const QString& text) {
    QString shown = text.trimmed().section('\n', 0, kShownLines - 1).left(kShownCharacters).trimmed();
    if (shown.size() < text.trimmed().size())
        shown += "…";
    return shown;
}

}  // namespace

ToastCard::ToastCard(ToastKind kind, const QString& text, int milliseconds, QWidget* window)
    : QFrame(window), text_(text), label_(new QLabel(shortened(text))) {
    setObjectName("toast");
    setProperty("kind", kind == ToastKind::Error ? "error" : kind == ToastKind::Success ? "success" : "note");
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(12, 9, 6, 9);
    label_->setTextFormat(Qt::PlainText);
    label_->setObjectName("toastText");
    label_->setWordWrap(true);
    label_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    if (shortened(text) != text.trimmed())
        label_->setToolTip(tr("All of it is in the notices: View, Notices"));
    layout->addWidget(label_, 1);
    auto* close = new QToolButton;
    close->setIcon(themedIcon("close"));
    close->setIconSize({12, 12});
    close->setToolTip(kind == ToastKind::Error ? tr("Close (Shift: copy the text first)") : tr("Close"));
    layout->addWidget(close, 0, Qt::AlignTop);
    connect(close, &QToolButton::clicked, this, [this] {
        if (QGuiApplication::keyboardModifiers() & Qt::ShiftModifier)
            QGuiApplication::clipboard()->setText(text_);
        emit over();
    });
    time_.setSingleShot(true);
    time_.setInterval(milliseconds);
    connect(&time_, &QTimer::timeout, this, &ToastCard::over);
    time_.start();
}

QString ToastCard::counted() const {
    return count_ > 1 ? tr("%1  (×%2)").arg(text_).arg(count_) : text_;
}

void ToastCard::countUp() {
    ++count_;
    label_->setText(tr("%1  (×%2)").arg(shortened(text_)).arg(count_));
    if (!underMouse())
        time_.start();
}

void ToastCard::fadeAway() {
    time_.stop();
    setAttribute(Qt::WA_TransparentForMouseEvents);
    if (!isVisible() || style()->styleHint(QStyle::SH_Widget_Animation_Duration, nullptr, this) == 0) {
        hide();
        return deleteLater();
    }
    auto* effect = new QGraphicsOpacityEffect(this);
    setGraphicsEffect(effect);
    auto* fade = new QPropertyAnimation(effect, "opacity", this);
    fade->setDuration(kFadeMs);
    fade->setStartValue(1.0);
    fade->setEndValue(0.0);
    connect(fade, &QPropertyAnimation::finished, this, &QObject::deleteLater);
    fade->start();
}

void ToastCard::enterEvent(QEnterEvent* event) {
    time_.stop();
    QFrame::enterEvent(event);
}

void ToastCard::leaveEvent(QEvent* event) {
    if (!testAttribute(Qt::WA_TransparentForMouseEvents))
        time_.start();
    QFrame::leaveEvent(event);
}

}  // namespace vitrine
