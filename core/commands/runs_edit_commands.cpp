// Commands that change runs: tags, notes, stars, trash, import, control of a live run.
#include "core/commands/runs_commands.h"
#include "core/commands/runs_commands_support.h"
#include "core/commands/text_table.h"
#include "core/runs/control_socket.h"
#include "core/runs/run_import.h"

namespace vitrine {
namespace {

Result<CommandOutput> changed(const std::vector<Run>& runs, const char* what, const Result<void>& done) {
    if (!done)
        return fail(done.error());
    CommandOutput out;
    out.data["runs"] = Json::array();
    for (const Run& run : runs)
        out.data["runs"].push_back(run.id);
    out.text = fmt::format("{} {}\n", what,
                           runs.size() == 1 ? "run " + runs[0].id : fmt::format("{} runs", runs.size()));
    return out;
}

Result<CommandOutput> tagCommand(const Json& arguments, CommandContext& context) {
    VITRINE_TRY(const Project project, openProject(context));
    VITRINE_TRY(const auto runs, selectRuns(project, arguments));
    const auto tags = arguments["tags"].get<std::vector<std::string>>();
    if (tags.empty())
        return fail(ErrorCode::InvalidArgument, "no tags were given", {}, "vitrine runs tag RUN TAG...");
    RunStore store(project);
    const bool remove = arguments["remove"];
    return changed(runs, remove ? "untagged" : "tagged",
                   remove ? store.removeTags(runs, tags) : store.addTags(runs, tags));
}

Result<CommandOutput> noteCommand(const Json& arguments, CommandContext& context) {
    VITRINE_TRY(const Project project, openProject(context));
    VITRINE_TRY(const auto runs, selectRuns(project, arguments));
    const std::string text = arguments["text"];
    if (!arguments.contains("before"))
        return changed(runs, "noted", RunStore(project).setNotes(runs, text));
    const std::string before = arguments["before"];
    RunStore store(project);
    return changed(runs, "noted", project.database().transaction([&]() -> Result<void> {
        for (const Run& run : runs) {
            VITRINE_TRY(const Run now, store.find(run.id));
            const bool theirs = now.notes != before && now.notes != text && !now.notes.empty();
            VITRINE_TRY_VOID(store.setNotes({run}, theirs ? now.notes + "\n" + text : text));
        }
        return {};
    }));
}

Result<CommandOutput> renameCommand(const Json& arguments, CommandContext& context) {
    VITRINE_TRY(const Project project, openProject(context));
    VITRINE_TRY(const Run run, RunStore(project).find(arguments["run"]));
    return changed({run}, "renamed", RunStore(project).setName(run, arguments["name"]));
}

Result<CommandOutput> starCommand(const Json& arguments, CommandContext& context) {
    VITRINE_TRY(const Project project, openProject(context));
    VITRINE_TRY(const auto runs, selectRuns(project, arguments));
    const bool remove = arguments["remove"];
    return changed(runs, remove ? "took the star from" : "starred",
                   RunStore(project).setStarred(runs, !remove));
}

Result<CommandOutput> deleteCommand(const Json& arguments, CommandContext& context) {
    VITRINE_TRY(const Project project, openProject(context));
    VITRINE_TRY(const auto runs, selectRuns(project, arguments));
    return changed(runs, "moved to the trash:", RunStore(project).moveToTrash(runs));
}

Result<CommandOutput> restoreCommand(const Json& arguments, CommandContext& context) {
    VITRINE_TRY(const Project project, openProject(context));
    VITRINE_TRY(const auto runs, selectRuns(project, arguments, true));
    return changed(runs, "restored", RunStore(project).restore(runs));
}

Result<CommandOutput> purgeCommand(const Json& arguments, CommandContext& context) {
    VITRINE_TRY(const Project project, openProject(context));
    VITRINE_TRY(const auto runs, selectRuns(project, arguments, true));
    VITRINE_TRY(const int64_t freed, RunStore(project).purge(runs));
    VITRINE_TRY(CommandOutput out, changed(runs, "removed for good:", {}));
    out.data["freed_bytes"] = freed;
    out.text += fmt::format("freed {}\n", bytesText(uint64_t(freed)));
    return out;
}

Result<CommandOutput> importCommand(const Json& arguments, CommandContext& context) {
    VITRINE_TRY(const Project project, openProject(context));
    VITRINE_TRY(const auto runs, importRuns(project, arguments["path"].get<std::string>(),
                                            arguments.value("step-column", std::string())));
    return changed(runs, "imported", {});
}

std::string statusText(const Json& answer) {
    if (answer.contains("metrics")) {
        std::string out;
        for (const auto& [key, newest] : answer["metrics"].items())
            out += fmt::format("{} = {} at step {}\n", key, newest["value"].dump(), newest["step"].dump());
        const Json settings = answer.value("settings", Json::object());
        for (const auto& [key, value] : flattenParams(settings))
            out += fmt::format("{} is {}\n", key, value.dump());
        return out;
    }
    const Json progress = answer.value("progress", Json::object());
    return fmt::format("{}  {}\n", answer.value("status", ""), progress.value("text", ""));
}

Result<CommandOutput> controlCommand(const Json& arguments, CommandContext& context) {
    VITRINE_TRY(const Project project, openProject(context));
    VITRINE_TRY(const Run run, RunStore(project).find(arguments["run"]));
    if (!isLive(run.status))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("the run is not running: {}", runStatusName(run.status)), run.id);
    Json request{{"command", arguments["action"]}};
    if (arguments["action"] == "set") {
        if (!arguments.contains("key") || !arguments.contains("value"))
            return fail(ErrorCode::InvalidArgument, "\"set\" needs a key and a value", {},
                        "vitrine runs control RUN set settings.lr 0.001");
        const std::string value = arguments["value"];
        const Json parsed = Json::parse(value, nullptr, false);
        request["key"] = arguments["key"];
        request["value"] = parsed.is_discarded() ? Json(value) : parsed;
    }
    if (arguments["action"] == "do") {
        if (!arguments.contains("key"))
            return fail(ErrorCode::InvalidArgument, "\"do\" needs the name of an action", {},
                        "vitrine runs control RUN do export");
        request["action"] = arguments["key"];
    }
    VITRINE_TRY(Json answer, sendControl(controlSocketPath(project, run.id), request));
    std::string text = statusText(answer);
    return CommandOutput{std::move(answer), std::move(text)};
}

}  // namespace

void bindRunsEditCommands(CommandRegistry& registry) {
    registry.bind("runs.tag", tagCommand);
    registry.bind("runs.note", noteCommand);
    registry.bind("runs.rename", renameCommand);
    registry.bind("runs.star", starCommand);
    registry.bind("runs.delete", deleteCommand);
    registry.bind("runs.restore", restoreCommand);
    registry.bind("runs.purge", purgeCommand);
    registry.bind("runs.import", importCommand);
    registry.bind("runs.control", controlCommand);
}

}  // namespace vitrine
