#include "core/engine/verify.h"

#include <algorithm>

namespace vitrine {
namespace {

Result<VerifyReport> verifyModel(VerifyReport report, const ReferenceData& data, const LoadOptions& options,
                                 JobContext& job) {
    VITRINE_TRY(const ModelFolder folder, openModelFolder(report.folder));
    VITRINE_TRY(const auto model, ModelFamilies::instance().load(folder, options));
    report.family = model->family();
    VITRINE_TRY(const auto calls,
                jsonValue<std::vector<Json>>(data.meta, "calls", (report.folder / "meta.json").string()));
    job.beginStage("comparing " + report.folder.filename().string(), int64_t(calls.size()));
    for (const Json& call : calls) {
        VITRINE_TRY_VOID(job.checkStop());
        if (isPreprocessingCall(call))
            verifyPreprocessing(report.rows, call, folder, data);
        else
            compareCall(report.rows, *model, call, data, options.device);
        job.advance();
    }
    return report;
}

}  // namespace

int64_t VerifyReport::passedCount() const {
    return std::count_if(rows.begin(), rows.end(), [](const VerifyRow& row) { return row.passed; });
}
int64_t VerifyReport::failedCount() const {
    return std::count_if(rows.begin(), rows.end(),
                         [](const VerifyRow& row) { return !row.passed && !row.skipped; });
}
int64_t VerifyReport::skippedCount() const {
    return std::count_if(rows.begin(), rows.end(), [](const VerifyRow& row) { return row.skipped; });
}

Result<VerifyReport> verifyFolder(const std::filesystem::path& folder, const LoadOptions& options,
                                  JobContext& job) {
    VerifyReport report;
    report.folder = folder;
    VITRINE_TRY(const ReferenceData data, ReferenceData::read(folder));
    VITRINE_TRY(report.family,
                jsonValueOr<std::string>(data.meta, "family", "", (folder / "meta.json").string()));
    if (report.family == "tokenizer")
        return verifyTokenizer(std::move(report));
    if (report.family == "numeric")
        return verifyNumeric(std::move(report), data);
    return verifyModel(std::move(report), data, options, job);
}

}  // namespace vitrine
