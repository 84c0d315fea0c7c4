#include "app/desktop/distill/cockpit_view.h"

#include "widgets/runs/run_colors.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace vitrine {
namespace {

constexpr double kDominantShare = 0.8;
constexpr size_t kDominanceSteps = 50;

QString shortName(const CockpitRun& run) {
    return QString::fromStdString(run.run.name.empty() ? run.run.id : run.run.name);
}

// First point of any series: the same zero for all curves of the run.
double originOf(const CockpitRun& run) {
    double origin = std::numeric_limits<double>::infinity();
    for (const auto& [name, points] : run.series)
        if (!points->empty())
            origin = std::min(origin, points->front().time);
    return std::isfinite(origin) ? origin : 0;
}

// One line of a chart: a metric and what the legend calls it.
struct LineOf {
    std::string metric;
    QString label;
    QColor color;
};

void addGroup(std::vector<ChartGroup>& groups, const CockpitRuns& runs, const QString& title,
              const QString& unit, const QString& help, const std::vector<LineOf>& lines) {
    ChartGroup group{title, unit, help, {}};
    for (size_t index = 0; index < runs.size(); ++index)
        for (const LineOf& line : lines) {
            const auto found = runs[index]->series.find(line.metric);
            if (found == runs[index]->series.end() || found->second->empty())
                continue;
            MetricSeries series;
            series.run = runs[index]->run.number;
            series.label = runs.size() > 1 ? line.label + " · " + shortName(*runs[index]) : line.label;
            series.color = line.color;
            series.points = found->second;
            series.dashed = index > 0;
            series.timeOrigin = originOf(*runs[index]);
            group.lines.push_back(std::move(series));
        }
    if (!group.lines.empty())
        groups.push_back(std::move(group));
}

QStringList teachersOf(const CockpitRuns& runs) {
    QStringList names;
    for (const auto& run : runs)
        for (const QString& name : run->teachers)
            if (!names.contains(name))
                names.append(name);
    return names;
}

int64_t stepAt(const CockpitRun& run, double time) {
    const auto* loss = run.points("loss");
    if (!loss)
        return 0;
    const auto after =
        std::upper_bound(loss->begin(), loss->end(), time,
                         [](double value, const SeriesPoint& point) { return value < point.time; });
    return after == loss->begin() ? 0 : std::prev(after)->step;
}

QString valueText(const Json& value) {
    const QString text = value.is_string() ? QString::fromStdString(value.get<std::string>())
                                           : QString::fromStdString(value.dump());
    return text.size() > 60 ? text.left(57) + "…" : text;
}

QString eventText(const RunEvent& event) {
    const Json& data = event.data;
    const auto text = [&](const char* key) {
        return data.contains(key) && !data[key].is_null() ? valueText(data[key]) : QString();
    };
    if (event.kind == "set")
        return QStringLiteral("%1: %2 → %3").arg(text("key"), text("before"), text("value"));
    if (event.kind == "action")
        return data.contains("error")
                   ? QStringLiteral("%1 failed: %2")
                         .arg(text("action"), QString::fromStdString(data.value("error", std::string())))
                   : QStringLiteral("%1 done").arg(text("action"));
    if (event.kind == "failure") {
        QString line = QStringLiteral("failed at step %1: %2")
                           .arg(text("step"), QString::fromStdString(data.value("message", std::string())));
        if (data.contains("tensor") && !line.contains("first tensor"))
            line += QStringLiteral("; first bad tensor: ") +
                    QString::fromStdString(data["tensor"].get<std::string>());
        return line;
    }
    if (event.kind == "log")
        return QString::fromStdString(data.value("message", std::string()));
    return QString::fromStdString(event.kind);
}

// Numbers for programs, which lines of the log say in words.
bool isToldByTheLog(const RunEvent& event) {
    return event.kind == "teacher_cache";
}

bool isBadEvent(const RunEvent& event) {
    return event.kind == "failure" || (event.kind == "action" && event.data.contains("error"));
}

}  // namespace

std::vector<ChartGroup> cockpitCharts(const CockpitRuns& runs, const QPalette& palette) {
    std::vector<ChartGroup> groups;
    if (runs.empty())
        return groups;
    const QStringList teachers = teachersOf(runs);
    const auto color = [&](int index) { return seriesColor(index, palette); };
    std::vector<LineOf> summaries, features, shares, errors;
    for (int index = 0; index < teachers.size(); ++index) {
        const std::string name = teachers[index].toStdString();
        summaries.push_back({"loss/" + name + "/summary", teachers[index], color(index)});
        features.push_back({"loss/" + name + "/features", teachers[index], color(index)});
        shares.push_back({"share/" + name, teachers[index], color(index)});
        errors.push_back({"probe error/" + name, teachers[index], color(index)});
    }
    const auto add = [&](const char* title, const char* unit, const char* help,
                         const std::vector<LineOf>& lines) {
        addGroup(groups, runs, title, unit, help, lines);
    };
    add("Spatial loss", "", "Unweighted loss of the patch features against each teacher", features);
    add("Summary loss", "", "Unweighted loss of the summary token against each teacher", summaries);
    add("Share of the loss", "0 to 1", "Weighted part of each teacher in the sum of the losses", shares);
    add("Loss", "", "What is minimised: weighted losses of all teachers, and self-consistency",
        {{"loss", "sum", color(0)}, {"loss/self-consistency", "self-consistency", color(1)}});
    add("Probe error", "of the variance",
        "Squared error of the features on the probe pictures, over the "
        "variance of the teacher's",
        errors);
    add("Learning rate", "", "In force at each step", {{"learning rate", "rate", color(2)}});
    add("Gradient norm", "", "Before it is limited", {{"gradient norm", "norm", color(3)}});
    add("Throughput", "pictures per s", "Pictures of all partitions over the time of a step",
        {{"time/pictures per second", "pictures", color(0)}});
    add("Step time", "s", "Loading, teachers, student and optimiser", {{"time/step (s)", "step", color(4)}});
    add("Where the time goes", "share", "Share of a step that waits for pictures, and that the teachers take",
        {{"time/stall share", "waiting for pictures", color(5)},
         {"time/teacher share", "teachers", color(6)},
         {"time/exchange share", "between processes", color(7)}});
    add("Memory", "MB", "Resident memory of the job, at most so far, and of the GPU",
        {{"system/memory (MB)", "now", color(0)},
         {"system/peak memory (MB)", "peak", color(1)},
         {"system/gpu memory (MB)", "GPU", color(2)}});
    add("Processor", "cores", "CPU cores that the job keeps busy", {{"system/cpu (cores)", "CPU", color(3)}});
    add("GPU", "share", "Of the last sample period, all processes",
        {{"system/gpu (share)", "busy", color(2)}});
    add("Disk", "MB per s", "What the job reads and writes",
        {{"system/read (MB per s)", "read", color(4)}, {"system/written (MB per s)", "written", color(5)}});
    return groups;
}

std::vector<ChartMark> cockpitMarks(const CockpitRun& run, const QPalette& palette) {
    std::vector<ChartMark> marks;
    for (const RunEvent& event : run.events) {
        if (event.kind == "log" || event.kind == "started" || isToldByTheLog(event))
            continue;
        const QColor color = isBadEvent(event)     ? errorColor(palette)
                             : event.kind == "set" ? seriesColor(1, palette)
                                                   : secondaryColor(palette);
        marks.push_back({stepAt(run, event.time), event.time, eventText(event), color});
    }
    return marks;
}

ProbeBoard probeBoard(const CockpitRuns& runs, const QPalette& palette) {
    ProbeBoard board;
    if (runs.empty())
        return board;
    // "clip student 12": what the column holds, of the run with this number.
    std::map<QString, int64_t> columnOf;
    const auto column = [&](const QString& key, const QString& label, const QColor& color) {
        if (columnOf.try_emplace(key, int64_t(board.columns.size())).second)
            board.columns.push_back({columnOf[key], label, color});
    };
    const auto studentKey = [](const QString& name, const CockpitRun& run) {
        return QStringLiteral("%1 %2").arg(name).arg(run.run.number);
    };
    column("picture", QObject::tr("picture"), secondaryColor(palette));
    const QStringList teachers = teachersOf(runs);
    // The order of the columns: each teacher with the students beside it.
    for (int index = 0; index < teachers.size(); ++index) {
        const QColor color = seriesColor(index, palette);
        column(teachers[index] + " teacher", teachers[index], color);
        for (const auto& run : runs)
            if (run->teachers.contains(teachers[index]))
                column(studentKey(teachers[index] + " student", *run),
                       runs.size() > 1 ? shortName(*run) : QObject::tr("student"), color);
    }
    for (const auto& run : runs)
        for (const MediaItem& item : run->probes) {
            // "probe/1 cat/clip student.png"
            const QStringList parts = item.name.split('/');
            if (parts.size() < 3)
                continue;
            QString what = QStringList(parts.mid(2)).join('/');
            what.chop(what.endsWith(".png") ? 4 : 0);
            const auto at = columnOf.find(what.endsWith(" student") ? studentKey(what, *run) : what);
            if (at == columnOf.end())
                continue;
            MediaItem placed = item;
            placed.run = at->second;
            placed.name = parts[1];
            board.items.push_back(std::move(placed));
        }
    return board;
}

std::vector<EventLine> eventLines(const CockpitRun& run) {
    std::vector<EventLine> lines;
    for (const RunEvent& event : run.events)
        if (!isToldByTheLog(event))
            lines.push_back({event.time, stepAt(run, event.time), eventText(event), isBadEvent(event)});
    return lines;
}

QString dominanceWarning(const CockpitRun& run) {
    if (run.teachers.size() < 2)
        return {};
    for (const QString& teacher : run.teachers) {
        const auto* share = run.points("share/" + teacher.toStdString());
        if (!share || share->size() < 5)
            continue;
        const size_t count = std::min(share->size(), kDominanceSteps);
        const double mean =
            std::accumulate(share->end() - std::ptrdiff_t(count), share->end(), 0.0,
                            [](double sum, const SeriesPoint& point) { return sum + point.value; }) /
            double(count);
        if (mean > kDominantShare)
            return QObject::tr(
                       "%1 takes %2 % of the loss over the last %3 steps: lower its weights, or use the "
                       "normaliser phi-s")
                .arg(teacher)
                .arg(std::lround(mean * 100))
                .arg(count);
    }
    return {};
}

QString endText(const CockpitRun& run) {
    const QString from = run.checkpointStep >= 0
                             ? QObject::tr("Resume goes on from step %1.").arg(run.checkpointStep)
                             : QObject::tr("Resume starts again from the beginning.");
    switch (run.run.status) {
        case RunStatus::Failed:
            return QString::fromStdString(run.run.error) + "\n" + from;
        case RunStatus::Cancelled:
            return QObject::tr("Stopped at step %1. %2").arg(run.step()).arg(from);
        case RunStatus::Interrupted:
            return QObject::tr(
                       "The job is gone without a word (killed, out of memory, or the machine went down); "
                       "step %1 was the last one recorded. %2")
                .arg(run.step())
                .arg(from);
        default:
            return {};
    }
}

}  // namespace vitrine
