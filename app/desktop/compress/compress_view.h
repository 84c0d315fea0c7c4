// What the widgets of the Compress workspace show of runs and models: rows of results, details of a plan, the
// model tree.
#pragma once

#include "app/desktop/compress/compress_controller.h"
#include "core/base/job_context.h"
#include "widgets/compress/model_tree.h"
#include "widgets/compress/plan_results.h"

namespace vitrine {

PlanResults planResults(const CompressController::Shown& runs);
// Rich text about one plan: numbers, layers with the largest errors, files.
QString planDetails(const CompressedRun& run, const PlanResult& result);

// The tensors of a model as `vitrine model show` lists them; `count`: with zeros and compliance with
// `pattern`, which reads them all.
Result<ModelContent> modelContent(const std::filesystem::path& path, const std::string& pattern, bool count,
                                  JobContext& job);

}  // namespace vitrine
