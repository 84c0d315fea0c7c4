#include "app/desktop/compress/compress_questions.h"

#include "app/desktop/runs/report_values.h"
#include "core/base/file.h"
#include "core/runs/control_socket.h"
#include "core/runs/run_query.h"

#include <QFileInfo>
#include <algorithm>
#include <cctype>
#include <limits>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr double kControlSeconds = 1;
constexpr size_t kMostStateBytes = size_t(256) << 20;

// As the job names the folders of its plans.
std::string fileNameOf(std::string name) {
    for (char& c : name)
        if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-')
            c = '_';
    return name;
}

Json listOf(const Json& object, const char* key) {
    return object.is_object() && object.contains(key) && object[key].is_array() ? object[key] : Json::array();
}

Json settingsOf(const Json& recipe) {
    return recipe.is_object() && recipe.contains("settings") && recipe["settings"].is_object()
               ? recipe["settings"]
               : Json::object();
}

// Rows of a run that is not done: those of its last checkpoint.
Json savedState(const Project& project, const std::string& runId) {
    const auto saved = readJsonFile(project.runFolder(runId) / "checkpoint" / "state.json", kMostStateBytes);
    if (!saved || !saved->is_object() || !saved->contains("state") || !(*saved)["state"].is_object())
        return Json::object();
    return (*saved)["state"];
}

void takeReport(CompressedRun& out, const Json& report, const char* rows) {
    out.rows = listOf(report, rows);
    out.layers = listOf(report, "layers");
    if (report.contains("best") && report["best"].is_object())
        out.bestPlan = report["best"].value("plan", std::string());
}

double bestOf(const Json& rows) {
    double best = std::numeric_limits<double>::quiet_NaN();
    for (const Json& row : rows) {
        const double loss = numberOf(row, row.contains("feature_error") ? "feature_error" : "nats_per_token");
        if (row.value("control", false) || row.value("plan", std::string()) == "dense" || std::isnan(loss))
            continue;
        best = std::isnan(best) ? loss : std::min(best, loss);
    }
    return best;
}

}  // namespace

std::string CompressedRun::model() const {
    const Json settings = settingsOf(recipe);
    return settings.contains("model") && settings["model"].is_string() ? settings["model"].get<std::string>()
                                                                       : std::string();
}

const Json* CompressedRun::row(const std::string& plan) const {
    const auto found = std::find_if(rows.begin(), rows.end(), [&](const Json& each) {
        return each.value("plan", std::string()) == plan;
    });
    return found == rows.end() ? nullptr : &*found;
}

fs::path CompressedRun::fileOf(const std::string& plan, const std::string& name) const {
    const auto found = files.find(fileNameOf(plan) + "/" + name);
    return found == files.end() ? fs::path() : found->second;
}

fs::path CompressedRun::folderOf(const std::string& plan) const {
    std::error_code ignored;
    for (const std::string& name : {fileNameOf(plan), plan == bestPlan ? std::string("best") : std::string()})
        if (!name.empty() && fs::exists(modelsFolder / name / "config.json", ignored))
            return modelsFolder / name;
    return {};
}

Result<std::vector<CompressRunLine>> compressRuns(const Project& project) {
    // A job that was killed could not say so itself.
    if (!project.readOnly())
        VITRINE_TRY_VOID(RunStore(project).markInterrupted().map([](int64_t) {}));
    RunListOptions options;
    options.filter = "kind = compress";
    VITRINE_TRY(const auto rows, listRuns(project, options));
    const RunStore store(project);
    std::vector<CompressRunLine> lines;
    for (const RunRow& row : rows) {
        CompressRunLine line;
        line.run = row.run;
        VITRINE_TRY(const Json recipe, store.recipe(row.run));
        const Json settings = settingsOf(recipe);
        line.model = QFileInfo(QString::fromStdString(settings.value("model", std::string()))).fileName();
        line.plans = int(listOf(settings, "plans").size());
        VITRINE_TRY(const auto run, compressedRun(project, row.run.id));
        line.done = int(run->rows.size());
        line.best = bestOf(run->rows);
        lines.push_back(std::move(line));
    }
    return lines;
}

Result<std::shared_ptr<const CompressedRun>> compressedRun(const Project& project, const std::string& runId) {
    const RunStore store(project);
    auto out = std::make_shared<CompressedRun>();
    VITRINE_TRY(out->run, store.find(runId));
    VITRINE_TRY(out->recipe, store.recipe(out->run));
    VITRINE_TRY(out->events, store.events(out->run));
    VITRINE_TRY(const auto artifacts, store.artifacts(out->run));
    for (const Artifact& artifact : artifacts)
        out->files[artifact.name] = project.artifacts().pathOf(artifact.sha256);
    const std::string output = settingsOf(out->recipe).value("output", std::string());
    out->modelsFolder = output.empty() ? project.runFolder(out->run.id) : fs::path(output);
    const auto stored = [&](const char* name) -> Json {
        const auto found = out->files.find(name);
        if (found == out->files.end())
            return Json();
        auto json = readJsonFile(found->second);
        return json ? std::move(*json) : Json();
    };
    if (const Json report = stored("compression.json"); report.is_object()) {
        takeReport(*out, report, "plans");
        const Json times = stored("times.json");
        out->times = listOf(times, "plans");
        if (times.is_object() && times.contains("speed_of_2:4"))
            out->speed = times["speed_of_2:4"];
    } else {
        const Json state = savedState(project, out->run.id);
        takeReport(*out, state, "rows");
        out->times = listOf(state, "times");
        if (state.contains("speed"))
            out->speed = state["speed"];
    }
    return std::shared_ptr<const CompressedRun>(std::move(out));
}

Result<std::vector<MeasuredPlan>> measuredPlans(const Project& project) {
    RunListOptions options;
    options.filter = "kind = compress";
    VITRINE_TRY(const auto rows, listRuns(project, options));
    std::vector<MeasuredPlan> measured;
    for (const RunRow& row : rows) {
        VITRINE_TRY(const auto run, compressedRun(project, row.run.id));
        std::map<std::string, double> weights;
        for (const Json& layer : run->layers)
            if (const Json shape = listOf(layer, "shape"); shape.size() == 2)
                weights[layer.value("plan", std::string())] +=
                    shape[0].get<double>() * shape[1].get<double>();
        for (const Json& time : run->times) {
            const std::string plan = time.value("plan", std::string());
            double seconds = 0;
            for (const char* key :
                 {"calibration_seconds", "compression_seconds", "rerun_seconds", "evaluation_seconds"})
                seconds += std::max(0.0, time.value(key, 0.0));
            if (weights[plan] > 0)
                measured.push_back({plan, run->model(), seconds / weights[plan]});
        }
    }
    return measured;
}

Result<CompressProgress> compressProgress(const Project& project, const std::string& runId) {
    VITRINE_TRY(const Json answer,
                sendControl(controlSocketPath(project, runId), {{"command", "status"}}, kControlSeconds));
    const Json progress = answer.value("progress", Json::object());
    CompressProgress out;
    out.text = QString::fromStdString(progress.value("text", std::string()));
    out.done = progress.value("done", 0.0);
    out.total = progress.value("total", 0.0);
    out.paused = answer.value("status", std::string()) == "paused";
    return out;
}

Result<void> copyModelFolder(const fs::path& from, const fs::path& to) {
    std::error_code error;
    if (!fs::is_directory(from, error))
        return fail(ErrorCode::NotFound, "the model folder is gone", from.string(),
                    "Run the plan again with \"keep\": \"all\"");
    if (fs::exists(to, error) && (!fs::is_directory(to, error) || !fs::is_empty(to, error)))
        return fail(ErrorCode::InvalidArgument, "there is something in this place already", to.string(),
                    "Choose an empty or a new folder");
    fs::create_directories(to, error);
    if (error)
        return fail(errorFromErrno(error.value(), "create the folder", to));
    for (fs::directory_iterator it(from, error), end; !error && it != end; it.increment(error)) {
        if (!it->is_regular_file())
            continue;
        const fs::path part = to / (it->path().filename().string() + ".part");
        fs::copy_file(it->path(), part, fs::copy_options::overwrite_existing, error);
        if (!error)
            fs::rename(part, to / it->path().filename(), error);
        if (error) {
            std::error_code ignored;
            fs::remove(part, ignored);
            break;
        }
    }
    if (error)
        return fail(errorFromErrno(error.value(), "copy the model to", to));
    return {};
}

}  // namespace vitrine
