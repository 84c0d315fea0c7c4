// What the user does to runs: edits, control of running jobs, new jobs.
#include "app/desktop/runs/run_edits.h"
#include "app/desktop/runs/runs_controller.h"
#include "core/base/file.h"
#include "core/runs/control_socket.h"

namespace vitrine {

void RunsController::carryOut(RunEdit edit, const std::vector<Run>& runs, const QString& text) {
    if (readOnly_) {
        emit failed("The project can only be read: its folder is not writable");
        return;
    }
    const RunEditCommands commands = commandsOf(edit, runs, text);
    if (execute_) {
        execute_(commands);
        return;
    }
    slow_.ask<CommandOutput>(
        "edit " + commands.forward.name,
        [this, command = commands.forward, folder = folder_](const Project&) {
            CommandContext context;
            context.project = folder;
            return registry_.execute(command.name, command.arguments, context);
        },
        [this](Result<CommandOutput> done) {
            done ? refresh() : emit failed(QString::fromStdString(done.error().text()));
        });
}

void RunsController::control(RunAction action, const Run& run, const QString& text) {
    RunEditCommands wanted;
    if (action == RunAction::Resume || action == RunAction::Reproduce) {
        if (!execute_)
            return action == RunAction::Resume ? resume(run.id) : reproduce(run.id);
        wanted.forward = {action == RunAction::Resume ? "runs.resume" : "runs.reproduce", {{"run", run.id}}};
        return execute_(wanted);
    }
    static const std::map<RunAction, const char*> names{{RunAction::Pause, "pause"},
                                                        {RunAction::Continue, "resume"},
                                                        {RunAction::Stop, "stop"},
                                                        {RunAction::Set, "set"},
                                                        {RunAction::Probe, "probe"}};
    wanted.forward = {"runs.control", {{"run", run.id}, {"action", names.at(action)}}};
    if (action == RunAction::Set) {
        wanted.forward.arguments["key"] = text.section('=', 0, 0).trimmed().toStdString();
        wanted.forward.arguments["value"] = text.section('=', 1).trimmed().toStdString();
    }
    if (execute_)
        return execute_(wanted);
    slow_.ask<CommandOutput>(
        "control " + run.id,
        [this, command = wanted.forward, folder = folder_](const Project&) {
            CommandContext context;
            context.project = folder;
            return registry_.execute(command.name, command.arguments, context);
        },
        [this](Result<CommandOutput> done) {
            done ? refresh() : emit failed(QString::fromStdString(done.error().text()));
        });
}

void RunsController::resume(const std::string& runId) {
    const auto started = processes_.resume(folder_, runId);
    started ? emit notice(tr("The run goes on in a process of its own"))
            : emit failed(QString::fromStdString(started.error().text()));
}

void RunsController::reproduce(const std::string& runId) {
    slow_.ask<Json>(
        "recipe " + runId,
        [runId](const Project& project) -> Result<Json> {
            const RunStore store(project);
            VITRINE_TRY(const Run run, store.find(runId));
            return store.recipe(run);
        },
        [this, runId](Result<Json> recipe) {
            const auto started = !recipe ? Result<void>(Failure(recipe.error()))
                                         : processes_.reproduce(folder_, runId, recipe->dump(2));
            started ? emit notice(tr("The recipe runs again in a process of its own"))
                    : emit failed(QString::fromStdString(started.error().text()));
        });
}

Result<void> RunsController::begin(const std::filesystem::path& recipe) {
    if (folder_.empty())
        return fail(ErrorCode::InvalidArgument, "no project is open: runs are kept in a project", {},
                    "Ctrl+K, then: Open or make a project");
    VITRINE_TRY(const Json json, readJsonFile(recipe, 16 << 20));
    VITRINE_TRY([[maybe_unused]] const int64_t process, processes_.begin(folder_, json));
    emit notice(
        tr("%1 runs in a process of its own").arg(QString::fromStdString(recipe.filename().string())));
    return {};
}

void RunsController::stop(const std::string& runId) {
    slow_.ask<Json>(
        "stop " + runId,
        [runId](const Project& project) {
            return sendControl(controlSocketPath(project, runId), Json{{"command", "stop"}});
        },
        [this](Result<Json> answer) {
            answer ? refresh() : emit failed(QString::fromStdString(answer.error().text()));
        });
}

}  // namespace vitrine
