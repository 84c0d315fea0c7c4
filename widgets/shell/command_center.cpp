#include "widgets/shell/command_center.h"

#include "core/base/file.h"
#include "widgets/base/icons.h"
#include "widgets/shell/job_list.h"

#include <QAction>
#include <QElapsedTimer>
#include <QEventLoop>
#include <QUndoCommand>
#include <QWidget>
#include <algorithm>
#include <sstream>

namespace vitrine {

// One step back and forth: the same command with the old and the new arguments.
class CommandStep : public QUndoCommand {
  public:
    CommandStep(CommandCenter& center, const QString& text, std::string name, Json before, Json after)
        : QUndoCommand(text),
          center_(center),
          name_(std::move(name)),
          before_(std::move(before)),
          after_(std::move(after)) {
        age_.start();
    }
    void undo() override { center_.run(name_, before_); }
    void redo() override { center_.run(name_, after_); }
    int id() const override { return 1; }
    bool mergeWith(const QUndoCommand* other) override {
        const auto* next = static_cast<const CommandStep*>(other);
        if (next->name_ != name_ || next->text() != text() || age_.elapsed() > 1000)
            return false;
        after_ = next->after_;
        age_.restart();
        return true;
    }

  private:
    CommandCenter& center_;
    std::string name_;
    Json before_, after_;
    QElapsedTimer age_;
};

CommandCenter::CommandCenter(CommandRegistry& registry, JobList& jobs, QObject* parent)
    : QObject(parent), registry_(registry), jobs_(jobs) {
    undoStack_.setUndoLimit(500);
}

CommandCenter::~CommandCenter() {
    undoStack_.clear();
    for (auto& thread : threads_)
        thread.request_stop();
}

void CommandCenter::setProject(const std::filesystem::path& project) {
    if (project == project_)
        return;
    project_ = project;
    emit projectChanged();
}

void CommandCenter::add(WindowCommand command) {
    CommandSpec spec;
    spec.name = command.name;
    spec.summary = command.summary;
    spec.home = CommandHome::Window;
    spec.arguments =
        command.arguments.empty()
            ? Json{{"type", "object"}, {"properties", Json::object()}, {"additionalProperties", false}}
            : command.arguments;
    registry_.declare(std::move(spec));
    registry_.bind(command.name,
                   [handler = std::move(command.handler)](const Json& arguments,
                                                          CommandContext&) -> Result<CommandOutput> {
                       VITRINE_TRY_VOID(handler(arguments));
                       return CommandOutput{};
                   });
    const QString name = QString::fromStdString(command.name);
    order_.append(name);
    icons_.insert(name, command.icon);
    if (!command.shortcut.isEmpty())
        shortcuts_.insert(name, command.shortcut);
    defaults_ = shortcuts_;
}

QAction* CommandCenter::action(const std::string& name, QWidget* parent, const Json& arguments) {
    const QString key = QString::fromStdString(name);
    if (QAction* existing = actions_.value(key); existing && arguments.empty())
        return existing;
    const CommandSpec* spec = registry_.find(name);
    auto* action = new QAction(QString::fromStdString(spec ? spec->summary : name), parent);
    action->setObjectName(QString::fromStdString(name));
    action->setIcon(themedIcon(iconOf(name)));
    const auto refresh = [this, action, name] {
        const QKeySequence keys = shortcut(name);
        action->setShortcut(keys);
        action->setToolTip(
            keys.isEmpty()
                ? action->text()
                : QStringLiteral("%1  (%2)").arg(action->text(), keys.toString(QKeySequence::NativeText)));
    };
    if (arguments.empty()) {
        actions_.insert(key, action);
        refresh();
        connect(this, &CommandCenter::shortcutsChanged, action, refresh);
    }
    connect(action, &QAction::triggered, this, [this, name, arguments] { run(name, arguments); });
    return action;
}

Result<void> CommandCenter::execute(const std::string& name, const Json& arguments) {
    CommandContext context;
    context.project = project_;
    VITRINE_TRY(auto output, registry_.execute(name, arguments, context));
    return {};
}

bool CommandCenter::run(const std::string& name, const Json& arguments) {
    const CommandSpec* spec = registry_.find(name);
    if (spec && spec->home != CommandHome::Window) {
        record(name, arguments);
        if (spec->home == CommandHome::Engine)
            startProcess(*spec, arguments);
        else
            startJob(name, arguments);
        return true;
    }
    const Result<void> result = execute(name, arguments);
    if (!result) {
        emit failed(QString::fromStdString(name), QString::fromStdString(result.error().text()));
        return false;
    }
    record(name, arguments);
    emit executed(QString::fromStdString(name));
    return true;
}

bool CommandCenter::isBusy() const {
    return jobs_.hasOwn() || processes_ > 0;
}

void CommandCenter::runUndoable(const QString& text, const std::string& name, const Json& before,
                                const Json& after) {
    if (before != after)
        undoStack_.push(new CommandStep(*this, text, name, before, after));
}

QString CommandCenter::setShortcut(const std::string& name, const QKeySequence& sequence) {
    QString loser;
    for (auto entry = shortcuts_.begin(); !sequence.isEmpty() && entry != shortcuts_.end(); ++entry)
        if (entry.value() == sequence && entry.key() != QString::fromStdString(name)) {
            loser = entry.key();
            entry.value() = QKeySequence();
        }
    shortcuts_.insert(QString::fromStdString(name), sequence);
    emit shortcutsChanged();
    return loser;
}

Json CommandCenter::shortcutsToJson() const {
    Json json = Json::object();
    for (auto entry = shortcuts_.cbegin(); entry != shortcuts_.cend(); ++entry)
        if (entry.value() != defaults_.value(entry.key()))
            json[entry.key().toStdString()] =
                entry.value().toString(QKeySequence::PortableText).toStdString();
    return json;
}

void CommandCenter::shortcutsFromJson(const Json& json) {
    if (!json.is_object())
        return;
    for (const auto& [name, keys] : json.items())
        if (keys.is_string() && registry_.find(name))
            setShortcut(name, QKeySequence::fromString(QString::fromStdString(keys.get<std::string>()),
                                                       QKeySequence::PortableText));
}

void CommandCenter::record(const std::string& name, const Json& arguments) {
    if (recording_.is_open() && !replaying_ && !name.starts_with("recorder."))
        recording_ << Json{{"command", name}, {"arguments", arguments}}.dump() << std::endl;
}

Result<void> CommandCenter::startRecording(const std::filesystem::path& file) {
    recording_.open(file, std::ios::trunc);
    if (!recording_)
        return fail(errorFromErrno(errno, "recording actions", file));
    emit recordingChanged();
    return {};
}

void CommandCenter::stopRecording() {
    recording_.close();
    emit recordingChanged();
}

// The next action may need what this one leaves: its jobs are waited for. The window stays alive meanwhile.
Result<void> CommandCenter::replayOne(const std::string& name, const Json& arguments) {
    if (!registry_.find(name))
        return fail(ErrorCode::NotFound, fmt::format("there is no action \"{}\"", name));
    QString problem;
    const auto watching = connect(this, &CommandCenter::failed, this,
                                  [&problem](const QString&, const QString& message) { problem = message; });
    bool done = run(name, arguments);
    QEventLoop loop;
    while (done && isBusy())
        loop.processEvents(QEventLoop::AllEvents | QEventLoop::WaitForMoreEvents);
    disconnect(watching);
    if (problem.isEmpty())
        return {};
    return fail(ErrorCode::Internal, problem.toStdString());
}

Result<int> CommandCenter::replay(const std::filesystem::path& file) {
    VITRINE_TRY(const std::string text, readFile(file, 64u << 20));
    std::istringstream lines(text);
    std::string line;
    int count = 0;
    replaying_ = true;
    Result<int> outcome = 0;
    while (outcome && std::getline(lines, line)) {
        if (line.empty())
            continue;
        const std::string where = fmt::format("{}:{}", file.string(), count + 1);
        const auto json = parseJson(line, where);
        if (!json || !json->contains("command") || !(*json)["command"].is_string()) {
            outcome = fail(ErrorCode::InvalidFile, "not a recorded action", where);
            break;
        }
        if (auto done = replayOne((*json)["command"], json->value("arguments", Json::object())); !done)
            outcome = fail(done.error().in(where));
        else
            ++count;
    }
    replaying_ = false;
    return outcome ? Result<int>(count) : outcome;
}

}  // namespace vitrine
