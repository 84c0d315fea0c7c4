// `vitrine verify`: does a folder compute what its reference outputs say? Models, their preprocessing,
// tokenizers and numeric formats, by what meta.json lists.
#pragma once

#include "core/models/reference_calls.h"

namespace vitrine {

struct VerifyReport {
    std::filesystem::path folder;
    std::string family;
    std::vector<VerifyRow> rows;
    int64_t passedCount() const;
    int64_t failedCount() const;
    int64_t skippedCount() const;
};

// Errors: NotFound without meta.json, UnknownFamily (with its name) for a model that cannot be loaded.
Result<VerifyReport> verifyFolder(const std::filesystem::path& folder, const LoadOptions& options,
                                  JobContext& job);

// The parts that are not about models.
void verifyPreprocessing(std::vector<VerifyRow>& rows, const Json& call, const ModelFolder& folder,
                         const ReferenceData& data);
Result<VerifyReport> verifyTokenizer(VerifyReport report);
Result<VerifyReport> verifyNumeric(VerifyReport report, const ReferenceData& data);

}  // namespace vitrine
