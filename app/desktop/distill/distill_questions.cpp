#include "app/desktop/distill/distill_questions.h"

#include "core/base/file.h"
#include "core/runs/control_socket.h"
#include "core/runs/run_query.h"

#include <algorithm>
#include <limits>

namespace vitrine {
namespace {

constexpr double kControlSeconds = 1;
constexpr const char* kStudentFiles[] = {"config.json", "preprocessor_config.json", "model.safetensors"};

QStringList teacherNames(const Json& recipe) {
    QStringList names;
    const Json settings = recipe.value("settings", Json::object());
    if (settings.contains("teachers") && settings["teachers"].is_array())
        for (const Json& teacher : settings["teachers"])
            if (teacher.is_object())
                names.append(QString::fromStdString(teacher.value("name", std::string("?"))));
    return names;
}

// A resumed run repeats the steps after its checkpoint: then all is read anew.
size_t continuations(const std::vector<RunEvent>& events) {
    return size_t(std::count_if(events.begin(), events.end(),
                                [](const RunEvent& event) { return event.kind == "continued"; }));
}

Result<SeriesMap> readAll(const Project& project, const Run& run, const SeriesMap& known) {
    SeriesMap out;
    VITRINE_TRY(const auto names, metricNames(project, run));
    for (const std::string& name : names) {
        const auto before = known.find(name);
        const int64_t from = before == known.end() || before->second->empty()
                                 ? std::numeric_limits<int64_t>::min()
                                 : before->second->back().step + 1;
        VITRINE_TRY(std::vector<SeriesPoint> newer, readSeries(project, run, name, from));
        if (before != known.end() && newer.empty()) {
            out[name] = before->second;
            continue;
        }
        std::vector<SeriesPoint> whole = before == known.end() ? std::vector<SeriesPoint>() : *before->second;
        whole.insert(whole.end(), newer.begin(), newer.end());
        out[name] = std::make_shared<const std::vector<SeriesPoint>>(std::move(whole));
    }
    return out;
}

// The student that was stored last and whole: the one of the end, else the newest snapshot.
std::vector<Artifact> newestStudent(const std::vector<Artifact>& artifacts) {
    for (const char* folder : {"student/", "student-snapshot/"}) {
        std::map<int64_t, std::vector<Artifact>> bySteps;
        for (const char* file : kStudentFiles)
            for (const Artifact& each : artifacts)
                if (each.name == std::string(folder) + file)
                    bySteps[each.step].push_back(each);
        for (auto newest = bySteps.rbegin(); newest != bySteps.rend(); ++newest)
            if (newest->second.size() == std::size(kStudentFiles))
                return newest->second;
    }
    return {};
}

// Settings and step of the last checkpoint, if there is one.
void readCheckpoint(const Project& project, CockpitRun& out) {
    const auto state = readJsonFile(project.runFolder(out.run.id) / "checkpoint" / "state.json", 1 << 24);
    if (!state || !state->is_object())
        return;
    const Json inner = state->value("state", Json::object());
    if (inner.is_object())
        out.checkpointStep = inner.value("step", int64_t(-1));
    if (state->contains("settings") && (*state)["settings"].is_object())
        out.settings = (*state)["settings"];
}

}  // namespace

Result<std::vector<DistillRun>> distillRuns(const Project& project) {
    // A job that was killed could not say so itself.
    if (!project.readOnly())
        VITRINE_TRY_VOID(RunStore(project).markInterrupted().map([](int64_t) {}));
    RunListOptions options;
    options.filter = "kind = distill";
    VITRINE_TRY(const auto rows, listRuns(project, options));
    std::map<int64_t, std::pair<int64_t, double>> newest;
    VITRINE_TRY(Statement series, project.database().prepare(
                                      "SELECT s.run, s.last_step, s.last_value FROM series s JOIN keys k ON "
                                      "k.id=s.key WHERE k.kind='metric' AND k.name='loss'"));
    while (true) {
        VITRINE_TRY(const bool row, series.step());
        if (!row)
            break;
        newest[series.integer(0)] = {series.integer(1), series.real(2)};
    }
    // Steps that were changed while a run lasted.
    std::map<int64_t, int64_t> changed;
    VITRINE_TRY(Statement sets,
                project.database().prepare("SELECT run, json_extract(data, '$.value') FROM events WHERE "
                                           "kind='set' AND json_extract(data, '$.key')='steps' ORDER BY id"));
    while (true) {
        VITRINE_TRY(const bool row, sets.step());
        if (!row)
            break;
        changed[sets.integer(0)] = sets.integer(1);
    }
    std::vector<DistillRun> out;
    for (const RunRow& row : rows) {
        DistillRun each;
        each.run = row.run;
        VITRINE_TRY(const Json recipe, RunStore(project).recipe(row.run));
        each.teachers = teacherNames(recipe);
        const Json settings = recipe.value("settings", Json::object());
        if (settings.contains("steps") && settings["steps"].is_number())
            each.steps = settings["steps"].get<int64_t>();
        if (const auto set = changed.find(row.run.number); set != changed.end())
            each.steps = set->second;
        const auto found = newest.find(row.run.number);
        each.loss = std::numeric_limits<double>::quiet_NaN();
        if (found != newest.end())
            std::tie(each.step, each.loss) = found->second;
        out.push_back(std::move(each));
    }
    return out;
}

int64_t CockpitRun::step() const {
    const auto* loss = points("loss");
    return loss && !loss->empty() ? loss->back().step : 0;
}

const std::vector<SeriesPoint>* CockpitRun::points(const std::string& metric) const {
    const auto found = series.find(metric);
    return found == series.end() ? nullptr : found->second.get();
}

Result<std::shared_ptr<const CockpitRun>> cockpitRun(const Project& project, const std::string& runId,
                                                     const std::shared_ptr<const CockpitRun>& known) {
    const RunStore store(project);
    auto out = std::make_shared<CockpitRun>();
    VITRINE_TRY(out->run, store.find(runId));
    VITRINE_TRY(out->recipe, store.recipe(out->run));
    out->teachers = teacherNames(out->recipe);
    out->settings = out->recipe.value("settings", Json::object());
    readCheckpoint(project, *out);
    VITRINE_TRY(out->events, store.events(out->run));
    const bool goesOn =
        known && known->run.id == out->run.id && continuations(known->events) == continuations(out->events);
    VITRINE_TRY(out->series, readAll(project, out->run, goesOn ? known->series : SeriesMap()));
    VITRINE_TRY(const auto artifacts, store.artifacts(out->run));
    for (const Artifact& artifact : artifacts)
        if (artifact.name.starts_with("probe/"))
            out->probes.push_back(
                {out->run.number, QString::fromStdString(artifact.name), artifact.step,
                 QString::fromStdString(project.artifacts().pathOf(artifact.sha256).string()),
                 QString::fromStdString(artifact.mediaType)});
    out->student = newestStudent(artifacts);
    out->runFolder = project.runFolder(out->run.id);
    if (isLive(out->run.status))
        if (const auto answer = askJob(project, out->run.id); answer && answer->settings.is_object())
            out->settings = answer->settings;
    return std::shared_ptr<const CockpitRun>(std::move(out));
}

Result<JobAnswer> askJob(const Project& project, const std::string& runId) {
    const auto socket = controlSocketPath(project, runId);
    VITRINE_TRY(const Json status, sendControl(socket, {{"command", "status"}}, kControlSeconds));
    VITRINE_TRY(const Json probe, sendControl(socket, {{"command", "probe"}}, kControlSeconds));
    const Json progress = status.value("progress", Json::object());
    return JobAnswer{status.value("status", std::string()),
                     QString::fromStdString(progress.value("text", std::string())),
                     progress.value("remaining_seconds", -1.0), probe.value("settings", Json::object())};
}

Result<void> exportStudentFolder(const Project& project, const CockpitRun& run,
                                 const std::filesystem::path& folder) {
    if (run.student.empty())
        return fail(ErrorCode::NotFound, "this run has stored no student yet", run.run.id,
                    "It does at its end; while it runs or is paused, ask for a snapshot first");
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error)
        return fail(errorFromErrno(error.value(), "create the folder", folder));
    for (const Artifact& artifact : run.student) {
        VITRINE_TRY(const std::string content, project.artifacts().read(artifact.sha256));
        const std::string file = artifact.name.substr(artifact.name.rfind('/') + 1);
        VITRINE_TRY_VOID(writeFileAtomically(folder / file, content));
    }
    return {};
}

}  // namespace vitrine
