// Columns of the run table: the fixed ones (properties of a run) and those named by a key, "params.lr" or
// "metrics.loss". What they are called, how a value is written, in which order values stand.
#pragma once

#include "core/runs/run_store.h"

#include <QString>
#include <string>
#include <vector>

namespace vitrine {

// "name", "status", "created", "duration", ... in the order in which the table shows them.
const std::vector<std::string>& fixedRunColumns();
bool isFixedRunColumn(const std::string& key);

// Header text and tooltip (with unit).
QString runColumnTitle(const std::string& key);
QString runColumnToolTip(const std::string& key);

// Value of a fixed column; `now` in seconds since 1970, for the duration of a running run.
SqlValue fixedRunValue(const Run& run, const std::string& key, double now);

// As a table shows it: times as local date, durations as "3 min 20 s", numbers with 6 digits, NULL as "".
QString runCellText(const std::string& key, const SqlValue& value);
QString sqlValueText(const SqlValue& value, int digits = 6);
QString durationText(double seconds);
QString timeText(double secondsSince1970);  // local, to the second
QString bytesText(int64_t bytes);           // "3.2 MB"

bool isNumeric(const SqlValue& value);
double numberOf(const SqlValue& value);  // NaN where it is none
// Order for sorting: numbers before text (in natural order); NULL is not less than anything.
bool sqlValueLess(const SqlValue& a, const SqlValue& b);
// One field of a CSV file, quoted where needed (RFC 4180).
QString csvField(const QString& text);

}  // namespace vitrine
