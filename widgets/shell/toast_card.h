// One notice over the window: text, how often it came, a close button. Goes by itself after its time, which
// stands still while the mouse is on it.
#pragma once

#include <QFrame>
#include <QTimer>

class QLabel;

namespace vitrine {

enum class ToastKind { Info, Success, Error };

class ToastCard : public QFrame {
    Q_OBJECT
  public:
    ToastCard(ToastKind kind, const QString& text, int milliseconds, QWidget* window);

    const QString& text() const { return text_; }
    // What visibleTexts() says: with the number of times, where it is more than one.
    QString counted() const;
    // The same once more: its time starts anew.
    void countUp();
    // Lets the mouse through, becomes transparent and deletes itself.
    void fadeAway();

  signals:
    void over();  // its time is up, or it was closed

  protected:
    void enterEvent(QEnterEvent* event) override;
    void leaveEvent(QEvent* event) override;

  private:
    QString text_;
    int count_ = 1;
    QLabel* label_;
    QTimer time_;
};

}  // namespace vitrine
