// Short notices in the lower right corner of what the window shows between its docks: never modal, gone by
// themselves, errors stay longer and can be copied.
#pragma once

#include <QFrame>
#include <QList>

namespace vitrine {

enum class ToastKind { Info, Success, Error };

class ToastHost : public QObject {
    Q_OBJECT
  public:
    explicit ToastHost(QWidget* window);

    // The same text counts up instead of stacking.
    void show(ToastKind kind, const QString& text);
    QStringList visibleTexts() const;

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    struct Toast {
        QFrame* frame;
        QString text;
        int count = 1;
    };
    QRect area() const;
    void place();
    void remove(QFrame* frame);

    QWidget* window_;
    QList<Toast> toasts_;
};

}  // namespace vitrine
