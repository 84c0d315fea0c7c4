#include "widgets/runs/run_columns.h"

#include <QCollator>
#include <QDateTime>
#include <QLocale>
#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

struct FixedColumn {
    const char* key;
    const char* title;
    const char* toolTip;
};

const FixedColumn kFixed[] = {
    {"name", "Name", "Name of the run; F2 renames it"},
    {"status", "Status", "queued, running, paused, finished, failed, cancelled or interrupted"},
    {"created", "Created", "When the run was made (local time)"},
    {"duration", "Duration", "From start to end, or until now (hours, minutes, seconds)"},
    {"tags", "Tags", "Tags of the run; T adds one"},
    {"kind", "Kind", "What the recipe does"},
    {"seed", "Seed", "Seed of all random numbers"},
    {"device", "Device", "Device that it computed on"},
    {"sweep", "Sweep", "Sweep that the run belongs to"},
    {"notes", "Notes", "Notes of the run; first line"},
    {"id", "Id", "Identifier, as the command line takes it"},
};

}  // namespace

const std::vector<std::string>& fixedRunColumns() {
    static const std::vector<std::string> keys = [] {
        std::vector<std::string> out;
        for (const FixedColumn& column : kFixed)
            out.emplace_back(column.key);
        return out;
    }();
    return keys;
}

bool isFixedRunColumn(const std::string& key) {
    return std::find(fixedRunColumns().begin(), fixedRunColumns().end(), key) != fixedRunColumns().end();
}

QString runColumnTitle(const std::string& key) {
    for (const FixedColumn& column : kFixed)
        if (key == column.key)
            return QString::fromLatin1(column.title);
    const size_t dot = key.find('.');
    std::string title = dot == std::string::npos ? key : key.substr(dot + 1);
    if (title.starts_with("settings."))
        title = title.substr(9);
    return QString::fromStdString(title);
}

QString runColumnToolTip(const std::string& key) {
    for (const FixedColumn& column : kFixed)
        if (key == column.key)
            return QString::fromLatin1(column.toolTip);
    const QString name = QString::fromStdString(key);
    return key.starts_with("metrics.") ? name + "\nMetric: newest value of the run, in the metric's own unit"
                                       : name + "\nParameter from the recipe";
}

SqlValue fixedRunValue(const Run& run, const std::string& key, double now) {
    const auto timeOrNull = [](double time) { return time > 0 ? SqlValue(time) : SqlValue{}; };
    if (key == "name")
        return run.name;
    if (key == "status")
        return std::string(runStatusName(run.status));
    if (key == "created")
        return timeOrNull(run.created);
    if (key == "duration")
        return run.started > 0 ? SqlValue(run.durationSeconds(now)) : SqlValue{};
    if (key == "seed")
        return run.seed ? SqlValue(*run.seed) : SqlValue{};
    if (key == "tags") {
        std::string text;
        for (const std::string& tag : run.tags)
            text += (text.empty() ? "" : ", ") + tag;
        return text;
    }
    if (key == "kind")
        return run.kind;
    if (key == "device")
        return run.device;
    if (key == "sweep")
        return run.sweep;
    if (key == "notes")
        return run.notes.substr(0, run.notes.find('\n'));
    return key == "id" ? SqlValue(run.id) : SqlValue{};
}

QString durationText(double seconds) {
    if (!std::isfinite(seconds) || seconds < 0)
        return {};
    if (seconds < 10)
        return QString::number(seconds, 'f', 1) + " s";
    const auto whole = int64_t(seconds + 0.5);
    if (whole < 60)
        return QString("%1 s").arg(whole);
    if (whole < 3600)
        return QString("%1 min %2 s").arg(whole / 60).arg(whole % 60);
    return QString("%1 h %2 min").arg(whole / 3600).arg(whole % 3600 / 60);
}

QString timeText(double secondsSince1970) {
    return QDateTime::fromMSecsSinceEpoch(qint64(secondsSince1970 * 1000)).toString("yyyy-MM-dd HH:mm:ss");
}

QString bytesText(int64_t bytes) {
    return QLocale::c().formattedDataSize(bytes, 1, QLocale::DataSizeSIFormat);
}

QString sqlValueText(const SqlValue& value, int digits) {
    if (const auto* whole = std::get_if<int64_t>(&value))
        return QString::number(*whole);
    if (const auto* number = std::get_if<double>(&value))
        return QString::number(*number, 'g', digits);
    const auto* text = std::get_if<std::string>(&value);
    return text ? QString::fromStdString(*text) : QString();
}

QString runCellText(const std::string& key, const SqlValue& value) {
    if (key == "created" && isNumeric(value))
        return timeText(numberOf(value));
    if (key == "duration" && isNumeric(value))
        return durationText(numberOf(value));
    return sqlValueText(value);
}

bool isNumeric(const SqlValue& value) {
    return std::holds_alternative<int64_t>(value) || std::holds_alternative<double>(value);
}

double numberOf(const SqlValue& value) {
    if (const auto* whole = std::get_if<int64_t>(&value))
        return double(*whole);
    const auto* number = std::get_if<double>(&value);
    return number ? *number : std::nan("");
}

bool sqlValueLess(const SqlValue& a, const SqlValue& b) {
    const auto rank = [](const SqlValue& value) {
        return std::holds_alternative<std::monostate>(value) ? 2 : isNumeric(value) ? 0 : 1;
    };
    if (rank(a) != rank(b))
        return rank(a) < rank(b);
    if (rank(a) == 0)
        return numberOf(a) < numberOf(b);
    if (rank(a) == 2)
        return false;
    static const QCollator collator = [] {
        QCollator out(QLocale::c());
        out.setNumericMode(true);
        return out;
    }();
    const std::string& left = std::get<std::string>(a);
    const std::string& right = std::get<std::string>(b);
    const int order = collator.compare(QString::fromStdString(left), QString::fromStdString(right));
    return order != 0 ? order < 0 : left < right;
}

QString csvField(const QString& text) {
    if (!text.contains(',') && !text.contains('"') && !text.contains('\n') && !text.contains('\r'))
        return text;
    return '"' + QString(text).replace('"', "\"\"") + '"';
}

}  // namespace vitrine
