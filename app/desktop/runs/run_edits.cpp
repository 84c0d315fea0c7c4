#include "app/desktop/runs/run_edits.h"

#include "core/base/check.h"

#include <algorithm>

namespace vitrine {
namespace {

Json ids(const std::vector<Run>& runs) {
    Json out = Json::array();
    for (const Run& run : runs)
        out.push_back(run.id);
    return out;
}

std::string idText(const std::vector<Run>& runs) {
    std::string out;
    for (const Run& run : runs)
        out += (out.empty() ? "" : ",") + run.id;
    return out;
}

Json tagList(const QString& text) {
    Json out = Json::array();
    for (const QString& tag : text.split(',', Qt::SkipEmptyParts))
        if (!tag.trimmed().isEmpty())
            out.push_back(tag.trimmed().toStdString());
    return out;
}

RunCommand starring(const std::vector<Run>& runs, bool on) {
    return {"runs.star", {{"runs", ids(runs)}, {"remove", !on}}};
}

RunCommand tagging(const std::vector<Run>& runs, const QString& tags, bool on) {
    return {"runs.tag", {{"runs", idText(runs)}, {"tags", tagList(tags)}, {"remove", !on}}};
}

}  // namespace

RunEditCommands commandsOf(RunEdit edit, const std::vector<Run>& runs, const QString& text) {
    const QString what = runs.size() == 1 ? QString("\"%1\"").arg(QString::fromStdString(runs.front().name))
                                          : QString("%1 runs").arg(runs.size());
    const RunCommand trash{"runs.delete", {{"runs", ids(runs)}}};
    const RunCommand restore{"runs.restore", {{"runs", ids(runs)}}};
    switch (edit) {
        case RunEdit::Star:
            return RunEditCommands{starring(runs, true), starring(runs, false), "Star " + what};
        case RunEdit::Unstar:
            return RunEditCommands{starring(runs, false), starring(runs, true), "Unstar " + what};
        case RunEdit::AddTags:
            return RunEditCommands{tagging(runs, text, true), tagging(runs, text, false), "Tag " + what};
        case RunEdit::RemoveTags:
            return RunEditCommands{tagging(runs, text, false), tagging(runs, text, true),
                                   "Remove tags of " + what};
        case RunEdit::Notes: {
            const auto note = [&](const std::string& notes) {
                return RunCommand{"runs.note", {{"runs", idText(runs)}, {"text", notes}}};
            };
            const std::string after = text.toStdString();
            RunEditCommands commands{note(after), {}, "Notes of " + what};
            // Different notes before cannot be given back by one command.
            const std::string& before = runs.front().notes;
            if (std::all_of(runs.begin(), runs.end(), [&](const Run& run) { return run.notes == before; })) {
                commands.forward.arguments["before"] = before;
                commands.backward = note(before);
                commands.backward->arguments["before"] = after;
            }
            return commands;
        }
        case RunEdit::Trash:
            return RunEditCommands{trash, restore, "Move " + what + " to the trash"};
        case RunEdit::Restore:
            return RunEditCommands{restore, trash, "Restore " + what};
        case RunEdit::Purge:
            return RunEditCommands{{"runs.purge", {{"runs", ids(runs)}}}, {}, "Delete " + what};
        case RunEdit::Rename: {
            const auto rename = [&](const std::string& name) {
                return RunCommand{"runs.rename", {{"run", runs.front().id}, {"name", name}}};
            };
            return RunEditCommands{rename(text.toStdString()), rename(runs.front().name), "Rename " + what};
        }
    }
    VITRINE_CHECK(false, "every edit has a command");
}

}  // namespace vitrine
