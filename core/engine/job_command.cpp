#include "core/engine/job_command.h"

#include "core/base/file.h"
#include "core/engine/engine_job_kinds.h"
#include "core/runs/runner.h"

#include <algorithm>
#include <cctype>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

// "settings.test" is not a part of "settings.test_share".
void replaceWord(std::string& text, const std::string& word, const std::string& by) {
    const auto goesOn = [](char c) { return c == '_' || std::isalnum(static_cast<unsigned char>(c)); };
    for (size_t place = text.find(word); place != std::string::npos; place = text.find(word, place)) {
        const size_t end = place + word.size();
        const bool whole =
            (place == 0 || !goesOn(text[place - 1])) && (end == text.size() || !goesOn(text[end]));
        if (whole)
            text.replace(place, word.size(), by);
        place += whole ? by.size() : word.size();
    }
}

}  // namespace

Result<std::string> FinishedJob::content(std::string_view name) const {
    const auto found = std::find_if(artifacts.begin(), artifacts.end(),
                                    [&](const Artifact& artifact) { return artifact.name == name; });
    if (found == artifacts.end())
        return fail(ErrorCode::NotFound, fmt::format("the run has no \"{}\"", name), run.id);
    return project.artifacts().read(found->sha256);
}

Result<void> FinishedJob::exportTo(const fs::path& folder) const {
    for (const Artifact& artifact : artifacts) {
        if (artifact.kind == "log" || artifact.kind == "checkpoint")
            continue;
        const fs::path file = folder / artifact.name;
        std::error_code problem;
        fs::create_directories(file.parent_path(), problem);
        if (problem)
            return fail(errorFromErrno(problem.value(), "make the folder", file.parent_path()));
        VITRINE_TRY(const std::string content, project.artifacts().read(artifact.sha256));
        VITRINE_TRY_VOID(writeFileAtomically(file, content));
    }
    return {};
}

Result<FinishedJob> runJob(const Json& recipe, CommandContext& context) {
    JobKinds kinds;
    addJobKinds(kinds);
    VITRINE_TRY(const Json complete, completeRecipe(recipe, kinds, recipe.value("kind", "recipe")));
    VITRINE_TRY(Project project, Project::openOrCreate(context.project));
    VITRINE_TRY(const RunOutcome outcome, runRecipe(project, complete, kinds, runnerOptionsFor(context.job)));
    if (outcome.error)
        return fail(outcome.failure());
    VITRINE_TRY(auto artifacts, RunStore(project).artifacts(outcome.run));
    return FinishedJob{std::move(project), outcome.run, std::move(artifacts)};
}

Json absolutePaths(const Json& paths) {
    Json absolute = Json::array();
    for (const Json& path : paths)
        absolute.push_back(fs::absolute(path.get<std::string>()).lexically_normal().string());
    return absolute;
}

Error withOptionNames(Error error, const Json& arguments) {
    for (const auto& [argument, value] : arguments.items()) {
        std::string key = "settings.", option = "--";
        for (const char c : argument) {
            const bool upper = c >= 'A' && c <= 'Z';
            key += upper ? "_" : "";
            option += upper ? "-" : "";
            key += char(upper ? c - 'A' + 'a' : c);
            option += key.back();
        }
        for (std::string* text : {&error.where, &error.message, &error.hint})
            replaceWord(*text, key, option);
    }
    return error;
}

}  // namespace vitrine
