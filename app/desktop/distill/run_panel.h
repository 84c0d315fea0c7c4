// The head of the cockpit: name and state of the shown run, how far it is, what is wrong with it, and what
// can be done with it.
#pragma once

#include "app/desktop/distill/distill_controller.h"

#include <QWidget>

class QLabel;
class QProgressBar;
class QPushButton;
class QToolButton;

namespace vitrine {

class RunPanel : public QWidget {
    Q_OBJECT
  public:
    explicit RunPanel(DistillController* controller, QWidget* parent = nullptr);

  signals:
    // "pause", "resume", "stop", "probe", "snapshot", "export", "inspect", "useRecipe"
    void commandRequested(const QString& name);

  protected:
    // Where there is little room, the lesser buttons show their icons only.
    void resizeEvent(QResizeEvent* event) override;

  private:
    QPushButton* button(const QString& icon, const QString& text, const QString& tip, const QString& command);
    void refresh();
    QString numbersText() const;

    DistillController* controller_;
    QLabel *name_, *state_, *numbers_, *warning_, *end_;
    QProgressBar* bar_;
    QPushButton *pause_, *stop_, *probe_, *snapshot_, *export_, *inspect_, *recipe_;
};

}  // namespace vitrine
