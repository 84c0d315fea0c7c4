// Ctrl+K: every command of the window and of the command line, found as one types. Commands with arguments
// ask for them in the same line as key=value.
#pragma once

#include "core/base/json.h"

#include <QFrame>

class QLabel;
class QLineEdit;
class QListWidget;

namespace vitrine {

class CommandCenter;

struct PaletteEntry {
    std::string name;
    QString title, shortcut;
    int score = 0;
};

// Commands that fit `query`, best first; titles count more than names.
std::vector<PaletteEntry> searchCommands(CommandCenter& commands, const QString& query);
// "path=/a/b layers=[1,2] name='two words'" as JSON: values that parse as JSON are taken so, others as text.
Result<Json> parseArguments(const QString& text);

class CommandPalette : public QFrame {
    Q_OBJECT
  public:
    CommandPalette(CommandCenter* commands, QWidget* window);
    void open();

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    void refresh();
    void accept();
    void chooseArguments(const std::string& name);

    CommandCenter* commands_;
    QLineEdit* edit_;
    QListWidget* list_;
    QLabel* hint_;
    std::string pending_;  // command whose arguments are being typed
};

}  // namespace vitrine
