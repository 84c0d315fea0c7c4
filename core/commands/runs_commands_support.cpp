#include "core/commands/runs_commands_support.h"

#include "core/runs/run_query.h"

#include <algorithm>
#include <ctime>
#include <utility>

namespace vitrine {

Result<Project> openProject(const CommandContext& context) {
    if (context.project.empty())
        return fail(ErrorCode::InvalidArgument, "no project was given", {},
                    "Give its folder with --project FOLDER");
    return Project::open(context.project);
}

Result<std::vector<Run>> selectRuns(const Project& project, const Json& arguments, bool inTrash) {
    const RunStore store(project);
    std::vector<Run> out;
    std::vector<std::string> ids;
    if (arguments.contains("runs") && arguments["runs"].is_string()) {
        std::string word;
        for (const char c : arguments["runs"].get<std::string>() + ",")
            if (c != ',')
                word += c;
            else if (!word.empty())
                ids.push_back(std::exchange(word, {}));
    } else if (arguments.contains("runs")) {
        ids = arguments["runs"].get<std::vector<std::string>>();
    }
    for (const std::string& id : ids) {
        VITRINE_TRY(Run run, store.find(id));
        const bool known =
            std::any_of(out.begin(), out.end(), [&](const Run& other) { return other.id == run.id; });
        if (!known)
            out.push_back(std::move(run));
    }
    if (arguments.contains("filter")) {
        RunListOptions options;
        options.filter = arguments["filter"];
        options.trash = inTrash ? TrashFilter::Only : TrashFilter::Without;
        VITRINE_TRY(auto rows, listRuns(project, options));
        for (RunRow& row : rows)
            out.push_back(std::move(row.run));
    }
    if (out.empty())
        return fail(
            ErrorCode::InvalidArgument,
            ids.empty() && !arguments.contains("filter") ? "no runs were given" : "no run passes the filter",
            {}, "Give ids of runs, or --filter");
    return out;
}

std::string timeText(double seconds) {
    if (seconds <= 0)
        return "";
    const auto whole = std::time_t(seconds);
    std::tm local{};
    ::localtime_r(&whole, &local);
    char buffer[32];
    return std::string(buffer, std::strftime(buffer, sizeof buffer, "%Y-%m-%d %H:%M", &local));
}

std::string durationText(double seconds) {
    if (seconds < 60)
        return fmt::format("{:.1f} s", seconds);
    const auto minutes = int64_t(seconds / 60);
    return minutes < 60 ? fmt::format("{} min {:02} s", minutes, int64_t(seconds) % 60)
                        : fmt::format("{} h {:02} min", minutes / 60, minutes % 60);
}

std::string cellText(const SqlValue& value) {
    if (const auto* number = std::get_if<double>(&value))
        return fmt::format("{:.6g}", *number);
    return textOf(value);
}

}  // namespace vitrine
