// The window's side of core/commands: every menu entry, button, key and palette line runs a registered
// command by name with JSON arguments. Here they get shortcuts, are recorded, and can be undone. Interface
// thread only.
#pragma once

#include "core/commands/command.h"

#include <QAction>
#include <QHash>
#include <QKeySequence>
#include <QObject>
#include <QPointer>
#include <QStringList>
#include <QUndoStack>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

class QWidget;

namespace vitrine {

class JobList;

// How a command appears in the window.
struct WindowCommand {
    std::string name;     // "view.fit"
    std::string summary;  // "Fit the picture into the view"; title of menu entry and palette line
    QKeySequence shortcut;
    QString icon;
    Json arguments = Json::object();  // JSON Schema; empty: takes none
    std::function<Result<void>(const Json& arguments)> handler;
};

// The command line of `vitrine` that stands for a command with these arguments.
QStringList commandLineOf(const CommandSpec& spec, const Json& arguments);

class CommandCenter : public QObject {
    Q_OBJECT
  public:
    CommandCenter(CommandRegistry& registry, JobList& jobs, QObject* parent = nullptr);
    ~CommandCenter() override;

    CommandRegistry& registry() { return registry_; }
    void setProject(const std::filesystem::path& project);
    const std::filesystem::path& project() const { return project_; }

    // Declares and binds a command of the window.
    void add(WindowCommand command);
    // An action that runs the command; its shortcut follows setShortcut(). Owned by `parent`. Without
    // arguments menu, toolbar and window share one action: two with the same keys would be ambiguous to Qt.
    QAction* action(const std::string& name, QWidget* parent, const Json& arguments = Json::object());
    QString iconOf(const std::string& name) const { return icons_.value(QString::fromStdString(name)); }

    // Window commands run at once; core commands run on a thread of their own as a job; those that need
    // LibTorch run as a process of their own (`vitrine name …`), as all long work does. Both end with
    // finished(). Errors are sent by failed(); false: failed at once.
    bool run(const std::string& name, const Json& arguments = Json::object());
    // Runs `name` with `after` and puts it on the undo stack: undo runs it with `before`. Steps of the same
    // text and name that follow within a second become one (a dragged slider).
    void runUndoable(const QString& text, const std::string& name, const Json& before, const Json& after);
    QUndoStack& undoStack() { return undoStack_; }

    QKeySequence shortcut(const std::string& name) const {
        return shortcuts_.value(QString::fromStdString(name));
    }
    // An empty sequence removes it. Returns the name of the command that held the sequence before and lost
    // it.
    QString setShortcut(const std::string& name, const QKeySequence& sequence);
    Json shortcutsToJson() const;  // only those that differ from the defaults
    void shortcutsFromJson(const Json& json);
    QStringList windowCommands() const { return order_; }
    // Commands of this window that have not ended yet.
    bool isBusy() const;

    // Recorder: one JSON line {"command", "arguments"} per executed command.
    Result<void> startRecording(const std::filesystem::path& file);
    void stopRecording();
    bool isRecording() const { return recording_.is_open(); }
    // Runs every line of a recording; stops at the first error.
    Result<int> replay(const std::filesystem::path& file);

  signals:
    void projectChanged();
    void executed(const QString& name);
    void failed(const QString& name, const QString& message);
    void finished(const QString& name, const QString& text);
    void shortcutsChanged();
    void recordingChanged();

  private:
    Result<void> execute(const std::string& name, const Json& arguments);
    void startJob(const std::string& name, const Json& arguments);
    void startProcess(const CommandSpec& spec, const Json& arguments);
    void record(const std::string& name, const Json& arguments);
    Result<void> replayOne(const std::string& name, const Json& arguments);
    friend class CommandStep;

    CommandRegistry& registry_;
    JobList& jobs_;
    std::filesystem::path project_;
    QStringList order_;
    QHash<QString, QPointer<QAction>> actions_;
    QHash<QString, QString> icons_;
    QHash<QString, QKeySequence> shortcuts_, defaults_;
    QUndoStack undoStack_;
    std::ofstream recording_;
    bool replaying_ = false;
    int processes_ = 0;  // of this window, not ended yet
    std::vector<std::jthread> threads_;
};

}  // namespace vitrine
