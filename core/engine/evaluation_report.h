// What an evaluation keeps of its rows: tables, the mode-switch plot, confusions of zero-shot classification.
// A row is {model, path, task, resolution, asked, score, detail}.
#pragma once

#include "core/base/json.h"
#include "core/engine/imitation_evaluation.h"
#include "core/engine/zero_shot_evaluation.h"

namespace vitrine {

class RunContext;

// Rows as an aligned table for a terminal, the best of each task marked.
std::string evaluationTable(const Json& rows);
// model,task,resolution,score.
std::string evaluationCsv(const Json& rows);

// "imitates NAME", or "imitates NAME at the student's resolution": the task of an adaptor head that is
// compared with its teacher; the score is the share of the teacher's variance that the head explains, 1 -
// error.
std::string imitationTask(const std::string& teacher, TeacherView view);
// "error to NAME", likewise: the metric of the error.
std::string imitationErrorName(const std::string& teacher, TeacherView view);
// Puts "mode-switch.csv" and, for each student, "mode-switch/MODEL.png" (error against resolution, a curve
// for each teacher) into the run. Nothing if there is no such row.
Result<void> storeModeSwitch(RunContext& run, const Json& rows);

// "zero-shot/MODEL at SIDE.csv" and ".png": true classes by classes that were said, as shares of each row.
Result<void> storeConfusion(RunContext& run, const Json& row, const std::vector<std::string>& classes,
                            const at::Tensor& confusion);

}  // namespace vitrine
