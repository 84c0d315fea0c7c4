#include "core/runs/runner.h"

#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/runs/control_socket.h"
#include "core/runs/environment.h"
#include "core/runs/run_context.h"
#include "core/runs/signal_stop.h"
#include "core/runs/unfinished_files.h"

namespace vitrine {
namespace {

Result<void> recordEnvironment(const Project& project, const Run& run, const JobKind& kind) {
    std::error_code ignored;
    Json environment = captureEnvironment(std::filesystem::current_path(ignored));
    environment["seed"] = run.seed.value_or(0);
    if (kind.environment)
        environment.update(kind.environment());
    return RunStore(project).setEnvironment(run, environment);
}

Result<void> callJob(const JobKind& kind, RunContext& context) {
    try {
        return kind.run(context);
    } catch (...) {
        return fail(errorFromCurrentException(kind.name));
    }
}

// Each becomes an event at the job's first pause point.
Result<void> changeSettings(RunControl& control, const std::vector<std::string>& sets) {
    for (const std::string& set : sets) {
        const size_t equals = set.find('=');
        if (equals == std::string::npos || equals == 0)
            return fail(ErrorCode::InvalidArgument, fmt::format("cannot read --set {}", set), {},
                        "Write it like --set learning_rate=1e-4");
        const Json value = Json::parse(set.substr(equals + 1), nullptr, false);
        VITRINE_TRY_VOID(
            control.set(set.substr(0, equals), value.is_discarded() ? Json(set.substr(equals + 1)) : value));
    }
    return {};
}

// Ends the row; `result` is what the job gave back.
Result<RunOutcome> endRun(const Project& project, const Run& run, Result<void> result) {
    RunStore store(project);
    RunOutcome outcome;
    std::string hash;
    RunStatus status = RunStatus::Finished;
    if (!result) {
        outcome.error = result.error();
        status = result.error().code == ErrorCode::Cancelled ? RunStatus::Cancelled : RunStatus::Failed;
    } else {
        VITRINE_TRY(hash, resultHash(project, run));
    }
    VITRINE_TRY_VOID(store.end(run, status, outcome.error ? outcome.error->text() : "", hash));
    VITRINE_TRY(outcome.run, store.find(run.id));
    return outcome;
}

Result<RunOutcome> execute(const Project& project, const Run& queued, const Json& recipe, const JobKind& kind,
                           const RunnerOptions& options, bool resuming) {
    RunStore store(project);
    VITRINE_TRY_VOID(store.start(queued, currentProcess()));
    VITRINE_TRY(const Run run, store.find(queued.id));
    if (resuming)
        removeUnfinishedFiles(project, queued, recipe);
    VITRINE_TRY_VOID(recordEnvironment(project, run, kind));
    VITRINE_TRY_VOID(store.addEvent(run, resuming ? "continued" : "started", Json::object()));
    VITRINE_TRY(auto metrics, MetricWriter::open(project, run));

    RunControl control(run.id, recipe.value("settings", Json::object()), kind.settingsSchema);
    std::stop_callback outerStop(options.stop, [&] { control.stop(); });
    std::optional<SignalStop> signals;
    if (options.handleSignals)
        signals.emplace([&] { control.stop(); });
    JobContext job(control.stopToken(), [&](const Progress& progress) {
        control.reportProgress(progress);
        if (options.onProgress)
            options.onProgress(progress);
    });
    RunContext context(project, run, recipe, std::move(metrics), control, std::move(job));
    Result<void> result;
    if (resuming)
        result = context.loadState().map([](bool) {});
    if (result)
        control.restore(context.settings());
    if (result)
        result = changeSettings(control, options.sets);
    std::unique_ptr<ControlServer> server;
    if (options.controlSocket) {
        auto started = ControlServer::start(controlSocketPath(project, run.id),
                                            [&](const Json& request) { return control.handle(request); });
        if (started)
            server = std::move(*started);
        else
            log::warn("the run cannot be controlled from outside: {}", started.error().text());
    }
    if (options.onStart)
        options.onStart(run);
    if (result)
        result = callJob(kind, context);
    // What was measured counts even if the job failed; a job whose metrics were lost did not succeed.
    if (const auto flushed = context.flush(); result && !flushed)
        result = flushed;
    server.reset();
    return endRun(project, run, std::move(result));
}

}  // namespace

Result<std::string> resultHash(const Project& project, const Run& run) {
    Sha256 hash;
    VITRINE_TRY(const auto artifacts, RunStore(project).artifacts(run));  // sorted by name and step
    for (const Artifact& artifact : artifacts)
        if (artifact.kind != "log" && artifact.kind != "checkpoint")
            hash.update(fmt::format("artifact\t{}\t{}\t{}\n", artifact.name, artifact.step, artifact.sha256));
    VITRINE_TRY(Statement rows, project.database().prepare(
                                    "SELECT k.name, s.last_step, s.last_value FROM series s JOIN keys k ON "
                                    "k.id=s.key WHERE s.run=? ORDER BY k.name"));
    rows.bindAll(run.number);
    while (true) {
        VITRINE_TRY(const bool row, rows.step());
        if (!row)
            return hash.hexDigest();
        const std::string key = rows.text(0);
        if (!key.starts_with("time/") && !key.starts_with("system/"))
            hash.update(fmt::format("metric\t{}\t{}\t{:a}\n", key, rows.integer(1), rows.real(2)));
    }
}

RunnerOptions runnerOptionsFor(const JobContext& job) {
    RunnerOptions options;
    options.stop = job.stopToken();
    options.handleSignals = false;
    options.onProgress = job.progressCallback();
    return options;
}

Error RunOutcome::failure() const {
    Error failure = error->in("run " + run.id);
    const std::string resume =
        fmt::format("\"vitrine run --resume {}\" goes on from the last checkpoint", run.id);
    failure.hint = failure.hint.empty() ? resume : failure.hint + "; " + resume;
    return failure;
}

Result<RunOutcome> runRecipe(const Project& project, const Json& recipe, const JobKinds& kinds,
                             const RunnerOptions& options) {
    VITRINE_TRY(const Json complete, completeRecipe(recipe, kinds, "recipe"));
    VITRINE_TRY(const JobKind* kind, kinds.find(complete["kind"]));
    NewRun fresh;
    fresh.name = complete["name"];
    fresh.kind = kind->name;
    fresh.recipe = complete;
    fresh.seed = complete["seed"].get<int64_t>();
    fresh.device = complete["device"];
    fresh.parent = options.parent;
    fresh.sweep = options.sweep;
    fresh.tags = complete["tags"].get<std::vector<std::string>>();
    fresh.notes = complete["notes"];
    VITRINE_TRY(const Run run, RunStore(project).create(fresh));
    return execute(project, run, complete, *kind, options, false);
}

Result<RunOutcome> resumeRun(const Project& project, const std::string& id, const JobKinds& kinds,
                             const RunnerOptions& options) {
    RunStore store(project);
    VITRINE_TRY(const Run run, store.find(id));
    if (run.status == RunStatus::Finished)
        return fail(ErrorCode::InvalidArgument, "the run has finished; there is nothing to go on with",
                    run.id);
    VITRINE_TRY(const Json recipe, store.recipe(run));
    VITRINE_TRY(const Json complete, completeRecipe(recipe, kinds, "recipe of run " + run.id));
    VITRINE_TRY(const JobKind* kind, kinds.find(complete["kind"]));
    return execute(project, run, complete, *kind, options, true);
}

}  // namespace vitrine
