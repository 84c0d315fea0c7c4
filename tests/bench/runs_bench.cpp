// Speed of the experiment database; each figure against its baseline in the same run.
//   runs_bench [FOLDER]   (default: a temporary folder)
#include "core/runs/metric_writer.h"
#include "core/runs/run_query.h"
#include "core/runs/series.h"
#include "tests/bench/bench_measures.h"

#include <fmt/core.h>

#include <cstdlib>

namespace {

using namespace vitrine;
using namespace vitrine::bench;
namespace fs = std::filesystem;

double medianSeconds(const std::function<void()>& work) {
    std::vector<double> times;
    for (int i = 0; i < 7; ++i)
        times.push_back(secondsOf(work));
    return spreadOf(std::move(times)).median;
}

void benchPoints(const Project& project) {
    constexpr int kPoints = 500000;
    constexpr int kSlow = 2000;
    NewRun fresh;
    fresh.kind = "bench";
    const auto run = must(RunStore(project).create(fresh));
    auto writer = must(MetricWriter::open(project, run));
    const std::vector<std::string> keys{"loss", "lr", "val/acc", "norm", "time/step"};
    const double batched = secondsOf([&] {
        for (int i = 0; i < kPoints; ++i)
            writer->add(keys[size_t(i % 5)], i / 5, i);
        must(writer->flush());
    });
    must(project.database().script("CREATE TABLE plain(key TEXT, step INTEGER, time REAL, value REAL)"));
    const double autocommit = secondsOf([&] {
        for (int i = 0; i < kSlow; ++i)
            must(project.database().execute("INSERT INTO plain VALUES(?,?,?,?)", keys[size_t(i % 5)], i, 0.0,
                                            1.0));
    });
    const double rate = kPoints / batched;
    const double slowRate = kSlow / autocommit;
    fmt::print("metric points/s, batched      {:>12.0f}\n", rate);
    fmt::print("metric points/s, autocommit   {:>12.0f}   ratio {:.1f}x\n", slowRate, rate / slowRate);
    const double read = medianSeconds([&] { must(readSeries(project, run, "loss")); });
    fmt::print("read a series of {} points {:>12.1f} ms\n", kPoints / 5, read * 1e3);
    const auto series = must(readSeries(project, run, "loss"));
    fmt::print("decimate it to 2,000          {:>12.2f} ms\n",
               medianSeconds([&] { decimate(series, 2000); }) * 1e3);
}

void benchTable(const Project& project) {
    constexpr int kRuns = 5000;
    constexpr int kParams = 500;
    RunStore store(project);
    Json settings = Json::object();
    const double making = secondsOf([&] {
        must(project.database().transaction([&]() -> Result<void> {
            for (int r = 0; r < kRuns; ++r) {
                for (int p = 0; p < kParams; ++p)
                    settings[fmt::format("p{:03}", p)] = (r * 31 + p) % 97;
                NewRun fresh;
                fresh.name = fmt::format("run {}", r);
                fresh.kind = "bench";
                fresh.recipe = {{"settings", settings}};
                VITRINE_TRY_VOID(store.create(fresh).map([](const auto&) {}));
            }
            return {};
        }));
    });
    fmt::print("make {} runs with {} parameters: {:.1f} s\n", kRuns, kParams, making);
    RunListOptions options;
    for (int p = 0; p < 20; ++p)
        options.columns.push_back(fmt::format("params.settings.p{:03}", p * 20));
    const double list = medianSeconds([&] { must(listRuns(project, options)); });
    const double filter = medianSeconds(
        [&] { must(filterRuns(project, "params.p123 < 10 and params.p321 > 50 and name ~ 7")); });
    const double column = medianSeconds([&] { must(columnValues(project, "params.p250")); });
    const double plain = secondsOf([&] {
        int64_t total = 0;
        auto rows = must(project.database().prepare("SELECT run, key, value FROM param_values"));
        while (must(rows.step()))
            total += rows.integer(2);
    });
    fmt::print("list all, 20 columns          {:>12.1f} ms   (limit 300)\n", list * 1e3);
    fmt::print("filter                        {:>12.1f} ms   (limit 100)\n", filter * 1e3);
    fmt::print("one column                    {:>12.1f} ms\n", column * 1e3);
    fmt::print("baseline: read every value    {:>12.1f} ms   ratio to list {:.1f}x\n", plain * 1e3,
               plain / list);
}

}  // namespace

int main(int count, char** arguments) {
    std::string pattern = (fs::temp_directory_path() / "vitrine-bench-XXXXXX").string();
    const fs::path folder = count > 1 ? fs::path(arguments[1]) : fs::path(::mkdtemp(pattern.data()));
    {
        const Project project = must(Project::create(folder / "project"));
        benchPoints(project);
        benchTable(project);
    }
    fs::remove_all(folder / "project");
    if (count == 1)
        fs::remove(folder);
}
