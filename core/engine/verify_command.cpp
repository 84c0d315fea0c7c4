#include "core/commands/text_table.h"
#include "core/engine/engine_commands.h"
#include "core/engine/model_store.h"
#include "core/engine/verify.h"

namespace vitrine {
namespace {

std::string stateOf(const VerifyRow& row) {
    return row.skipped ? "skipped" : row.passed ? "ok" : "DIFFERS";
}

// Rows to print: the worst of each computation, and everything that failed.
std::vector<const VerifyRow*> rowsToPrint(const std::vector<VerifyRow>& rows, bool all) {
    std::vector<const VerifyRow*> chosen;
    std::map<std::string, const VerifyRow*> worst;
    const auto share = [](const VerifyRow& row) {
        return row.tolerance > 0 ? row.maxError / row.tolerance : row.maxError;
    };
    for (const VerifyRow& row : rows) {
        const VerifyRow*& seen = worst[row.call];
        if (!seen || share(row) > share(*seen))
            seen = &row;
    }
    for (const VerifyRow& row : rows)
        if (all || !row.passed || worst[row.call] == &row)
            chosen.push_back(&row);
    return chosen;
}

Json rowJson(const VerifyRow& row) {
    return {{"call", row.call},           {"tensor", row.tensor},
            {"shape", row.shape},         {"state", row.skipped ? "skipped" : row.passed ? "ok" : "differs"},
            {"maxError", row.maxError},   {"errorPerStd", row.errorPerStd},
            {"tolerance", row.tolerance}, {"note", row.note}};
}

Result<CommandOutput> verify(const Json& arguments, CommandContext& context) {
    VITRINE_TRY(const at::Device device, deviceFromName(arguments["device"]));
    VITRINE_TRY(const at::ScalarType dtype, dtypeFromTorchName(arguments["dtype"]));
    CommandOutput output;
    output.data["folders"] = Json::array();
    bool unknownFamily = false, differs = false;
    for (const std::string folder : arguments["folders"]) {
        const auto report = verifyFolder(folder, {device, dtype}, context.job);
        if (!report) {
            if (report.error().code == ErrorCode::Cancelled)
                return fail(report.error());
            unknownFamily |= report.error().code == ErrorCode::UnknownFamily;
            differs |= report.error().code != ErrorCode::UnknownFamily;
            output.text += fmt::format("{}\n  {}\n\n", folder, report.error().text());
            output.data["folders"].push_back({{"folder", folder},
                                              {"error", report.error().text()},
                                              {"code", errorCodeName(report.error().code)}});
            continue;
        }
        differs |= report->failedCount() > 0;
        TextTable table;
        table.header = {"computation", "tensor",    "shape", "largest error",
                        "per std",     "tolerance", "",      "note"};
        table.rightAligned = {false, false, false, true, true, true};
        for (const VerifyRow* row : rowsToPrint(report->rows, arguments["all"]))
            table.rows.push_back({row->call, row->tensor, row->shape, fmt::format("{:.3g}", row->maxError),
                                  fmt::format("{:.2g}", row->errorPerStd),
                                  row->tolerance > 0 ? fmt::format("{:.3g}", row->tolerance) : "equal",
                                  stateOf(*row), row->note});
        output.text +=
            fmt::format("{} ({})\n{}{} compared, {} ok, {} differ{}\n\n", folder, report->family,
                        table.text(), report->rows.size(), report->passedCount(), report->failedCount(),
                        report->skippedCount() ? fmt::format(", {} skipped", report->skippedCount()) : "");
        Json rows = Json::array();
        for (const VerifyRow& row : report->rows)
            rows.push_back(rowJson(row));
        output.data["folders"].push_back({{"folder", folder},
                                          {"family", report->family},
                                          {"passed", report->passedCount()},
                                          {"failed", report->failedCount()},
                                          {"skipped", report->skippedCount()},
                                          {"rows", std::move(rows)}});
    }
    output.exitCode = unknownFamily ? 2 : differs ? 1 : 0;
    return output;
}

}  // namespace

void bindVerifyCommand(CommandRegistry& registry) {
    registry.bind("verify", verify);
}

}  // namespace vitrine
