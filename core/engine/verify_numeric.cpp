#include "core/compress/numeric_cases.h"
#include "core/distill/numeric_cases.h"
#include "core/engine/verify.h"
#include "core/features/numeric_cases.h"
#include "core/io/safetensors.h"

namespace vitrine {

Result<VerifyReport> verifyNumeric(VerifyReport report, const ReferenceData& data) {
    const bool distillation = isDistillCase(data.meta), compression = isCompressionCase(data.meta);
    if (!distillation && !compression && !isNumericCase(data.meta))
        return fail(ErrorCode::UnknownFamily,
                    fmt::format("the numeric case \"{}\" is not known", data.meta.value("name", "")),
                    report.folder.string());
    TensorMap weights;
    if (std::filesystem::exists(report.folder / "model.safetensors")) {
        VITRINE_TRY(const auto source, openSafetensors(report.folder / "model.safetensors"));
        VITRINE_TRY(weights, readAllTensors(*source));
    }
    for (const Json& call : data.meta["calls"]) {
        const std::string id = call.value("id", "");
        const auto outputs = call.value("outputs", std::vector<std::string>{});
        const auto actual = distillation  ? runDistillCase(data.meta, call, data.inputs)
                            : compression ? runCompressionCase(data.meta, call, data.inputs)
                                          : runNumericCase(data.meta, call, data.inputs, weights);
        if (!actual) {
            addFailedRows(report.rows, id, outputs, actual.error().text());
            continue;
        }
        for (const std::string& name : outputs) {
            const auto found = actual->find(name), expected = data.expected.find(name);
            if (found == actual->end() || expected == data.expected.end())
                addFailedRows(report.rows, id, {name}, "this output was not computed");
            else
                report.rows.push_back(
                    compareTensor(id, name, found->second, expected->second, data.tolerance(name)));
        }
    }
    return report;
}

}  // namespace vitrine
