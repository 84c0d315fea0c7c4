// Short notices over the window, newest lowest: never modal, gone by themselves, errors stay longer and can
// be copied. They lie where they cover least (quiet_place.h), at most three at once; all that were said are
// kept for the list of notices.
#pragma once

#include "widgets/shell/toast_card.h"

#include <QDateTime>
#include <QList>
#include <QObject>

namespace vitrine {

// What was said; the same text several times in a row is one notice with a count.
struct Notice {
    ToastKind kind = ToastKind::Info;
    QString text;
    QDateTime at;  // the last time
    int count = 1;
};

class ToastHost : public QObject {
    Q_OBJECT
  public:
    explicit ToastHost(QWidget* window);

    // The same text counts up instead of stacking.
    void show(ToastKind kind, const QString& text);
    QStringList visibleTexts() const;
    // Newest last; the oldest are dropped past a few hundred.
    const QList<Notice>& notices() const { return notices_; }
    // How many were said since the start, each repetition with.
    qsizetype said() const { return said_; }
    void setTimes(int noteMs, int errorMs);
    // Looks for their place anew: what they lie on has changed.
    void arrange();

  signals:
    void noticed();

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    void keep(ToastKind kind, const QString& text);
    void remove(ToastCard* card);
    void place();
    int widthOf() const;
    int heightOf(const ToastCard& card) const;

    QWidget* window_;
    QList<ToastCard*> cards_;
    QList<Notice> notices_;
    qsizetype said_ = 0;
    QPoint corner_;  // lower right of the stack
    int noteMs_ = 5000, errorMs_ = 14000;
};

}  // namespace vitrine
