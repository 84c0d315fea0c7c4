#include "widgets/shell/toast.h"

#include "widgets/shell/quiet_place.h"

#include <QEvent>
#include <algorithm>

namespace vitrine {

constexpr int kWidth = 340, kMargin = 14, kGap = 8;
constexpr qsizetype kMaxCards = 3, kMaxNotices = 300;

ToastHost::ToastHost(QWidget* window) : QObject(window), window_(window) {
    window_->installEventFilter(this);
}

QStringList ToastHost::visibleTexts() const {
    QStringList texts;
    for (const ToastCard* card : cards_)
        texts.append(card->counted());
    return texts;
}

void ToastHost::setTimes(int noteMs, int errorMs) {
    noteMs_ = noteMs;
    errorMs_ = errorMs;
}

void ToastHost::keep(ToastKind kind, const QString& text) {
    ++said_;
    if (!notices_.isEmpty() && notices_.last().text == text) {
        ++notices_.last().count;
        notices_.last().at = QDateTime::currentDateTime();
    } else {
        notices_.append({kind, text, QDateTime::currentDateTime()});
    }
    while (notices_.size() > kMaxNotices)
        notices_.removeFirst();
    emit noticed();
}

void ToastHost::show(ToastKind kind, const QString& text) {
    keep(kind, text);
    for (ToastCard* card : cards_)
        if (card->text() == text) {
            card->countUp();
            return place();
        }
    auto* card = new ToastCard(kind, text, kind == ToastKind::Error ? errorMs_ : noteMs_, window_);
    connect(card, &ToastCard::over, this, [this, card] { remove(card); });
    cards_.append(card);
    while (cards_.size() > kMaxCards)
        remove(cards_.first());
    arrange();
    card->show();
}

void ToastHost::remove(ToastCard* card) {
    if (cards_.removeOne(card))
        card->fadeAway();
    place();
}

int ToastHost::widthOf() const {
    return std::max(1, std::min(kWidth, window_->width() - 2 * kMargin));
}

int ToastHost::heightOf(const ToastCard& card) const {
    return std::max(card.sizeHint().height(), card.heightForWidth(widthOf()));
}

void ToastHost::arrange() {
    if (cards_.isEmpty())
        return;
    int height = -kGap;
    for (const ToastCard* card : cards_)
        height += heightOf(*card) + kGap;
    corner_ = quietPlace(*window_, {widthOf(), height}, kMargin).bottomRight();
    place();
}

void ToastHost::place() {
    int bottom = corner_.y() + 1;
    for (auto card = cards_.rbegin(); card != cards_.rend(); ++card) {
        const int width = widthOf(), height = heightOf(**card);
        bottom -= height;
        (*card)->setGeometry(corner_.x() + 1 - width, bottom, width, height);
        (*card)->raise();
        bottom -= kGap;
    }
}

bool ToastHost::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::Resize)
        arrange();
    return QObject::eventFilter(watched, event);
}

}  // namespace vitrine
