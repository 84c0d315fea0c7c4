// The line above the results: name and state of the shown run, how far it is, what went wrong, and what can
// be done with it.
#pragma once

#include "app/desktop/compress/compress_controller.h"

#include <QWidget>

class QLabel;
class QProgressBar;
class QPushButton;

namespace vitrine {

class CompressHead : public QWidget {
    Q_OBJECT
  public:
    explicit CompressHead(CompressController* controller, QWidget* parent = nullptr);

  signals:
    // "stop", "resume", "export", "useRecipe"
    void commandRequested(const QString& name);

  private:
    QPushButton* button(const QString& icon, const QString& text, const QString& tip, const QString& command);
    void refresh();

    CompressController* controller_;
    QLabel *name_, *state_, *numbers_, *end_;
    QProgressBar* bar_;
    QPushButton *stop_, *resume_, *recipe_, *export_;
};

}  // namespace vitrine
