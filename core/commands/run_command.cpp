// "run": carries out a recipe, alone or as one of several processes.
#include "core/base/file.h"
#include "core/commands/runs_commands.h"
#include "core/commands/runs_commands_support.h"
#include "core/runs/process_info.h"
#include "core/runs/run_export.h"
#include "core/runs/runner.h"
#include "core/runs/world_place.h"

#include <unistd.h>

#include <optional>

namespace vitrine {
namespace {

// The command that the other processes of this machine are started with.
Result<LocalProcesses> startOthers(const Json& arguments, const CommandContext& context) {
    std::vector<std::string> words{"--quiet", "--project", context.project.string(), "run"};
    for (const char* key : {"recipe", "resume", "seed", "device"})
        if (arguments.contains(key)) {
            if (std::string_view(key) != "recipe")
                words.push_back(fmt::format("--{}", key));
            words.push_back(arguments[key].is_string() ? arguments[key].get<std::string>()
                                                       : arguments[key].dump());
        }
    for (const std::string set : arguments["set"]) {
        words.emplace_back("--set");
        words.push_back(set);
    }
    std::error_code problem;
    const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", problem);
    if (problem)
        return fail(errorFromErrno(problem.value(), "find this program", "/proc/self/exe"));
    return LocalProcesses::start(arguments["processes"], program, words);
}

// A process of rank 1 and above carries out the same recipe; what it records is thrown away.
Result<CommandOutput> followCommand(const JobKinds& kinds, const Json& recipe, const WorldPlace& place) {
    const std::filesystem::path folder =
        std::filesystem::temp_directory_path() / fmt::format("vitrine-process-{}-{}", place.rank, ::getpid());
    Result<RunOutcome> outcome = [&]() -> Result<RunOutcome> {
        VITRINE_TRY(const Project project, Project::openOrCreate(folder));
        RunnerOptions options;
        options.handleSignals = false;  // the first process says when to stop
        options.controlSocket = false;
        return runRecipe(project, recipe, kinds, options);
    }();
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
    VITRINE_TRY(const RunOutcome done, std::move(outcome));
    if (done.error)
        return fail(*done.error);
    return CommandOutput{{{"rank", place.rank}}, ""};
}

Result<Json> recipeOfRun(const std::filesystem::path& folder, const std::string& id) {
    VITRINE_TRY(const Project project, Project::open(folder));
    const RunStore store(project);
    VITRINE_TRY(const Run run, store.find(id));
    return store.recipe(run);
}

// Kinds that do not share their work would do all of it on every process.
Result<void> checkSharesWork(const JobKinds& kinds, const Json& recipe, int processes) {
    VITRINE_TRY(const JobKind* kind, kinds.find(recipe["kind"]));
    if (kind->severalProcesses)
        return {};
    return fail(ErrorCode::InvalidArgument,
                fmt::format("jobs of kind \"{}\" run on one process, not on {}", kind->name, processes),
                "recipe", "Start it once, without --processes, torchrun or srun");
}

// Checks the recipe, and says what its kind can tell of it beforehand.
Result<CommandOutput> dryRun(const JobKinds& kinds, const Json& recipe, CommandContext& context) {
    VITRINE_TRY(const JobKind* kind, kinds.find(recipe["kind"]));
    if (!kind->estimate)
        return CommandOutput{{{"recipe", recipe}}, "the recipe is in order\n"};
    VITRINE_TRY(const Json estimate, kind->estimate(recipe, context.project, context.job));
    return CommandOutput{{{"recipe", recipe}, {"estimate", estimate}},
                         estimate["text"].get<std::string>() + "\n"};
}

Result<CommandOutput> runCommand(const JobKinds& kinds, const Json& arguments, CommandContext& context) {
    const bool resuming = arguments.contains("resume");
    if (resuming == arguments.contains("recipe"))
        return fail(ErrorCode::InvalidArgument, "give either a recipe or --resume ID");
    if (context.project.empty())
        return fail(ErrorCode::InvalidArgument, "no project was given", {},
                    "Give its folder with --project FOLDER");
    Json recipe;
    if (!resuming) {
        auto sets = arguments["set"].get<std::vector<std::string>>();
        for (const char* key : {"seed", "device"})
            if (arguments.contains(key))
                sets.push_back(fmt::format("{}={}", key, arguments[key].dump()));
        VITRINE_TRY(recipe, loadRecipe(arguments["recipe"].get<std::string>(), sets, kinds));
    } else if (arguments.contains("seed") || arguments.contains("device")) {
        return fail(
            ErrorCode::InvalidArgument, "a resumed run keeps its recipe: --seed and --device do not apply",
            "--resume",
            "Start a new run from the recipe instead; --set changes what may change while a job runs");
    }
    if (arguments["dry-run"].get<bool>()) {
        if (resuming)
            return fail(ErrorCode::InvalidArgument, "--dry-run is about a recipe, not a run to go on with",
                        "--dry-run");
        return dryRun(kinds, recipe, context);
    }
    VITRINE_TRY(const auto place, worldPlaceFromEnvironment());
    const int processes = place ? place->size : arguments["processes"].get<int>();
    if (processes > 1) {
        if (resuming) {
            VITRINE_TRY(recipe, recipeOfRun(context.project, arguments["resume"]));
        }
        VITRINE_TRY_VOID(checkSharesWork(kinds, recipe, processes));
    }
    if (place && place->rank > 0)
        return followCommand(kinds, recipe, *place);
    VITRINE_TRY(const Project project,
                resuming ? Project::open(context.project) : Project::openOrCreate(context.project));
    std::optional<LocalProcesses> others;
    if (!place && processes > 1) {
        VITRINE_TRY(LocalProcesses started, startOthers(arguments, context));
        others.emplace(std::move(started));
    }
    RunnerOptions options;
    if (resuming)
        options.sets = arguments["set"].get<std::vector<std::string>>();
    options.parent = arguments.value("parent", std::string());
    options.sweep = arguments.value("sweep", std::string());
    options.stop = context.job.stopToken();
    // Whoever gave a stop token looks after the signals as well.
    options.handleSignals = !options.stop.stop_possible();
    Progress shown;
    options.onProgress = [&](const Progress& progress) {
        if (progress.stage != shown.stage || progress.done < shown.done)
            context.job.beginStage(progress.stage, progress.total);
        context.job.advance(progress.done -
                            (progress.stage == shown.stage ? std::min(shown.done, progress.done) : 0));
        shown = progress;
    };
    VITRINE_TRY(const RunOutcome outcome,
                resuming ? resumeRun(project, arguments["resume"].get<std::string>(), kinds, options)
                         : runRecipe(project, recipe, kinds, options));
    if (outcome.error)
        return fail(outcome.failure());
    return CommandOutput{jsonOf(outcome.run),
                         fmt::format("run {} finished in {}, result {}\n", outcome.run.id,
                                     durationText(outcome.run.durationSeconds(nowSeconds())),
                                     outcome.run.resultHash.substr(0, 16))};
}

}  // namespace

void bindRunCommand(CommandRegistry& registry, JobKinds kinds) {
    registry.bind("run", [kinds = std::move(kinds)](const Json& arguments, CommandContext& context) {
        return runCommand(kinds, arguments, context);
    });
}

}  // namespace vitrine
