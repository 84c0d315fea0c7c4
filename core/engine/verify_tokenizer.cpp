#include "core/engine/verify.h"
#include "core/tokenizers/tokenizer_cases.h"

namespace vitrine {

Result<VerifyReport> verifyTokenizer(VerifyReport report) {
    VITRINE_TRY(const CaseComparison comparison, compareTokenizerCases(report.folder));
    VerifyRow row;
    row.call = "cases";
    row.tensor = fmt::format("{} strings", comparison.cases);
    row.shape = fmt::format("{} fields", comparison.fields);
    row.maxError = double(comparison.mismatches.size());
    row.passed = comparison.mismatches.empty();
    report.rows.push_back(row);
    for (const CaseMismatch& mismatch : comparison.mismatches) {
        VerifyRow failed;
        failed.call = fmt::format("case {}", mismatch.index);
        failed.tensor = mismatch.field;
        failed.note = fmt::format("expected {}, found {}", mismatch.expected, mismatch.found);
        report.rows.push_back(std::move(failed));
    }
    return report;
}

}  // namespace vitrine
