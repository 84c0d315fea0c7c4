// What the Distill workspace shows of runs, as plain data: curves in groups, marks of what happened, the
// columns of the probe board, warnings, and a failure told so that one knows what to do.
#pragma once

#include "app/desktop/distill/distill_questions.h"
#include "widgets/runs/linked_charts.h"
#include "widgets/runs/media_panel.h"

#include <QPalette>

namespace vitrine {

using CockpitRuns = std::vector<std::shared_ptr<const CockpitRun>>;

// Curves of the first run in full lines, of the others dashed in the same colours.
std::vector<ChartGroup> cockpitCharts(const CockpitRuns& runs, const QPalette& palette);
// Pauses, changed settings, actions, failures of the first run.
std::vector<ChartMark> cockpitMarks(const CockpitRun& run, const QPalette& palette);

struct ProbeBoard {
    std::vector<MediaRun> columns;  // the picture, then each teacher beside the student
    std::vector<MediaItem> items;   // `run`: number of the column, `name`: of the picture
};
ProbeBoard probeBoard(const CockpitRuns& runs, const QPalette& palette);

struct EventLine {
    double time = 0;
    int64_t step = 0;
    QString text;
    bool bad = false;
};
// The newest last.
std::vector<EventLine> eventLines(const CockpitRun& run);

// "clip takes 91 % of the loss …" where one teacher has nearly all of it lately; empty otherwise.
QString dominanceWarning(const CockpitRun& run);
// Why the run ended before its end, and what to do; empty for one that goes on or has finished.
QString endText(const CockpitRun& run);

}  // namespace vitrine
