#include "core/engine/evaluation_report.h"

#include "core/base/csv.h"
#include "core/commands/text_table.h"
#include "core/media/heat_map_picture.h"
#include "core/media/image_writer.h"
#include "core/media/line_chart_picture.h"
#include "core/runs/run_context.h"

#include <algorithm>
#include <map>

namespace vitrine {
namespace {

constexpr const char* kImitates = "imitates ";
constexpr const char* kAtStudents = " at the student's resolution";

bool isImitation(const Json& row) {
    return row["task"].get<std::string>().starts_with(kImitates);
}

std::string teacherOf(const Json& row) {
    return row["detail"]["teacher"];
}

const char* viewSuffix(TeacherView view) {
    return view == TeacherView::Student ? kAtStudents : "";
}

// "imitates clip (teacher at 224)": which sides the teacher looked at in all rows of the task.
std::string imitationHeading(const Json& rows, const std::string& task) {
    int64_t least = 0, most = 0;
    for (const Json& row : rows)
        if (row["task"] == task) {
            const int64_t side = row["detail"]["teacherResolution"];
            least = least == 0 ? side : std::min(least, side);
            most = std::max(most, side);
        }
    return fmt::format("{} (teacher at {})", task,
                       least == most ? fmt::format("{}", least) : fmt::format("{} to {}", least, most));
}

Result<void> putPicture(RunContext& run, const std::string& name, const Image& picture, const Json& from) {
    VITRINE_TRY(const std::string png, encodeImage(picture, ".png"));
    VITRINE_TRY(
        [[maybe_unused]] const StoredFile kept,
        run.putArtifact(name, png, {.kind = "picture", .mediaType = "image/png", .provenance = from}));
    return {};
}

Result<void> putTable(RunContext& run, const std::string& name, const std::string& csv) {
    VITRINE_TRY([[maybe_unused]] const StoredFile kept,
                run.putArtifact(name, csv, {.kind = "table", .mediaType = "text/csv"}));
    return {};
}

// Curves of one student, points by rising resolution.
LineChartPicture modeSwitchChart(const Json& rows, const std::string& model) {
    std::map<std::string, std::map<double, double>> curves;
    bool own = true;
    for (const Json& row : rows)
        if (isImitation(row) && row["model"] == model) {
            const Json& detail = row["detail"];
            own = detail["teacherView"] == teacherViewName(TeacherView::Own);
            const std::string name =
                own ? fmt::format("{} at {}", teacherOf(row), detail["teacherResolution"].get<int64_t>())
                    : teacherOf(row);
            curves[name][row["resolution"].get<double>()] = detail["error"];
        }
    LineChartPicture chart;
    chart.title = model + ": error to its teachers" + (own ? "" : kAtStudents);
    chart.xTitle = "resolution of the student, pixels";
    chart.yTitle = "squared error / variance of the teacher";
    for (const auto& [teacher, points] : curves) {
        LineChartSeries& series = chart.series.emplace_back(LineChartSeries{teacher, {}, {}});
        for (const auto& [side, error] : points) {
            series.x.push_back(side);
            series.y.push_back(error);
        }
    }
    return chart;
}

}  // namespace

std::string evaluationTable(const Json& rows) {
    std::vector<std::string> tasks;
    std::map<std::string, double> best;
    // One line for each model and resolution, in the order of the run.
    std::vector<std::pair<std::string, std::map<std::string, double>>> lines;
    for (const Json& row : rows) {
        const std::string task = row["task"];
        const std::string name =
            fmt::format("{} at {}", row["model"].get<std::string>(), row["resolution"].get<int64_t>());
        if (std::find(tasks.begin(), tasks.end(), task) == tasks.end())
            tasks.push_back(task);
        best[task] = std::max(best[task], row["score"].get<double>());
        auto line =
            std::find_if(lines.begin(), lines.end(), [&](const auto& line) { return line.first == name; });
        if (line == lines.end())
            line = lines.insert(lines.end(), {name, {}});
        line->second[task] = row["score"];
    }
    TextTable text;
    text.header = {"model"};
    text.rightAligned = {false};
    for (const std::string& task : tasks) {
        text.header.push_back(task == "segmentation"        ? "mean IoU"
                              : task.starts_with(kImitates) ? imitationHeading(rows, task)
                                                            : task);
        text.rightAligned.push_back(true);
    }
    for (const auto& [name, scores] : lines) {
        auto& cells = text.rows.emplace_back(std::vector<std::string>{name});
        for (const std::string& task : tasks)
            cells.push_back(scores.contains(task) ? fmt::format("{:.1f} %{}", 100 * scores.at(task),
                                                                scores.at(task) == best[task] ? " *" : "  ")
                                                  : "-");
    }
    return text.text() + "* the best of its column\n";
}

std::string evaluationCsv(const Json& rows) {
    std::string csv = "model,task,resolution,score\n";
    for (const Json& row : rows)
        csv += fmt::format("{},{},{},{:.6g}\n", csvField(row["model"].get<std::string>()),
                           csvField(row["task"].get<std::string>()), row["resolution"].get<int64_t>(),
                           row["score"].get<double>());
    return csv;
}

std::string imitationTask(const std::string& teacher, TeacherView view) {
    return kImitates + teacher + viewSuffix(view);
}

std::string imitationErrorName(const std::string& teacher, TeacherView view) {
    return "error to " + teacher + viewSuffix(view);
}

Result<void> storeModeSwitch(RunContext& run, const Json& rows) {
    std::string csv =
        "model,teacher,resolution,teacher view,teacher resolution,error,cosine,summary cosine\n";
    std::vector<std::string> models;
    for (const Json& row : rows) {
        if (!isImitation(row))
            continue;
        const std::string model = row["model"];
        if (std::find(models.begin(), models.end(), model) == models.end())
            models.push_back(model);
        const Json& detail = row["detail"];
        csv += fmt::format("{},{},{},{},{},{:.6g},{:.6g},{}\n", csvField(model), csvField(teacherOf(row)),
                           row["resolution"].get<int64_t>(), detail["teacherView"].get<std::string>(),
                           detail["teacherResolution"].get<int64_t>(), detail["error"].get<double>(),
                           detail["cosine"].get<double>(),
                           detail["summaryCosine"].is_number()
                               ? fmt::format("{:.6g}", detail["summaryCosine"].get<double>())
                               : "");
    }
    if (models.empty())
        return {};
    VITRINE_TRY_VOID(putTable(run, "mode-switch.csv", csv));
    for (const std::string& model : models) {
        VITRINE_TRY(const Image picture, drawLineChart(modeSwitchChart(rows, model)));
        VITRINE_TRY_VOID(
            putPicture(run, fmt::format("mode-switch/{}.png", model), picture, {{"model", model}}));
    }
    return {};
}

Result<void> storeConfusion(RunContext& run, const Json& row, const std::vector<std::string>& classes,
                            const at::Tensor& confusion) {
    const std::string name =
        fmt::format("zero-shot/{} at {}", row["model"].get<std::string>(), row["resolution"].get<int64_t>());
    HeatMapPicture picture;
    picture.rows = picture.columns = classes.size();
    picture.rowLabels = picture.columnLabels = classes;
    picture.rowTitle = "true class";
    picture.columnTitle = "said class";
    picture.title =
        fmt::format("zero-shot: {:.1f} % right, share of each class", 100 * row["score"].get<double>());
    std::string csv = "class";
    for (const std::string& each : classes)
        csv += ',' + csvField(each);
    csv += '\n';
    for (size_t truth = 0; truth < classes.size(); ++truth) {
        csv += csvField(classes[truth]);
        const double all = double(confusion[int64_t(truth)].sum().item<int64_t>());
        for (size_t said = 0; said < classes.size(); ++said) {
            const auto count = confusion[int64_t(truth)][int64_t(said)].item<int64_t>();
            csv += fmt::format(",{}", count);
            picture.values.push_back(all > 0 ? double(count) / all : 0);
        }
        csv += '\n';
    }
    VITRINE_TRY_VOID(putTable(run, name + ".csv", csv));
    VITRINE_TRY(const Image drawn, drawHeatMap(picture));
    return putPicture(run, name + ".png", drawn, row);
}

}  // namespace vitrine
