// F1: all commands with their keys; a double click (or Enter) on a row changes its key.
#pragma once

#include <QDialog>

class QLineEdit;
class QTreeWidget;

namespace vitrine {

class CommandCenter;

class ShortcutEditor : public QDialog {
    Q_OBJECT
  public:
    ShortcutEditor(CommandCenter* commands, QWidget* parent);

  private:
    void refresh();

    CommandCenter* commands_;
    QLineEdit* filter_;
    QTreeWidget* tree_;
};

}  // namespace vitrine
