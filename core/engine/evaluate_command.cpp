#include "core/engine/evaluate_command.h"

#include "core/engine/evaluation_report.h"
#include "core/engine/job_command.h"

#include <charconv>

namespace vitrine {
namespace {

constexpr int64_t kLargestSide = 8192;  // as the schema of the settings has it

std::string absolutePath(const std::string& path) {
    return path.empty() ? path : absolutePaths(Json::array({path}))[0].get<std::string>();
}

// "NAME=MODEL" or "NAME:LAYER=MODEL".
Result<Json> teacherFrom(const std::string& text) {
    const size_t equals = text.find('=');
    const std::string before = text.substr(0, equals);
    const size_t colon = before.rfind(':');
    int64_t layer = -1;
    bool good = equals != std::string::npos && equals + 1 < text.size();
    if (good && colon != std::string::npos) {
        const char* end = before.data() + before.size();
        const auto [stop, error] = std::from_chars(before.data() + colon + 1, end, layer);
        good = error == std::errc() && stop == end;
    }
    const std::string name = before.substr(0, colon);
    if (!good || name.empty())
        return fail(ErrorCode::InvalidArgument, fmt::format("\"{}\" names no teacher", text), "--teachers",
                    "Write ADAPTOR=MODEL, or ADAPTOR:LAYER=MODEL for the map after a block");
    return Json{{"name", name}, {"model", absolutePath(text.substr(equals + 1))}, {"layer", layer}};
}

// "own", "student" or pixels, put into the settings.
Result<void> chooseTeacherResolution(const std::string& text, Json& settings) {
    if (text == "own" || text == "student") {
        settings["teacher_resolution"] = text;
        return {};
    }
    int64_t side = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), side);
    if (error != std::errc() || stop != text.data() + text.size() || side < 1 || side > kLargestSide)
        return fail(
            ErrorCode::InvalidArgument, fmt::format("\"{}\" is nothing that a teacher could look at", text),
            "--teacher-resolution", fmt::format("Write own, student, or 1 to {} pixels", kLargestSide));
    for (Json& teacher : settings["teachers"])
        teacher["side"] = side;
    return {};
}

// A head that is worse than the teacher's mean vector may have learned another view of it.
std::string viewNote(const Json& rows) {
    for (const Json& row : rows)
        if (row["detail"].value("teacherView", "") == teacherViewName(TeacherView::Own) && row["score"] < 0)
            return "below 0 %: the teacher's mean vector says more. Teachers looked at their own resolution; "
                   "--teacher-resolution student asks them as a distillation does\n";
    return {};
}

Result<CommandOutput> evaluate(const Json& arguments, CommandContext& context) {
    Json settings{{"models", absolutePaths(arguments["models"])}, {"teachers", Json::array()}};
    for (const char* key :
         {"classification", "test", "labels", "segmentation", "correspondence", "imitation"})
        settings[key] = absolutePath(arguments[key]);
    for (const char* key : {"resolutions", "batch", "dtype", "templates"})
        settings[key] = arguments[key];
    settings["zero_shot"] = arguments["zeroShot"];
    settings["text_model"] = absolutePath(arguments["textModel"]);
    settings["text_adaptor"] = arguments["textAdaptor"];
    for (const std::string text : arguments["teachers"]) {
        VITRINE_TRY(Json teacher, teacherFrom(text));
        settings["teachers"].push_back(std::move(teacher));
    }
    VITRINE_TRY_VOID(chooseTeacherResolution(arguments["teacherResolution"], settings));
    const Result<FinishedJob> job = runJob({{"kind", "evaluate"},
                                            {"name", "evaluation"},
                                            {"device", arguments["device"]},
                                            {"settings", settings}},
                                           context);
    if (!job) {
        Json options = arguments;
        options.erase("models");  // typed without one
        return fail(withOptionNames(job.error(), options));
    }
    CommandOutput output;
    VITRINE_TRY(const std::string text, job->content("evaluation.json"));
    VITRINE_TRY(output.data, parseJson(text, "evaluation.json"));
    output.data["run"] = job->run.id;
    output.data["resultHash"] = job->run.resultHash;
    output.text = evaluationTable(output.data["scores"]) + viewNote(output.data["scores"]) +
                  fmt::format("\nrun {} finished\n", job->run.id);
    if (const std::string folder = arguments["output"]; !folder.empty()) {
        VITRINE_TRY_VOID(job->exportTo(folder));
        output.text += fmt::format("files: {}\n", folder);
    }
    return output;
}

}  // namespace

void bindEvaluateCommand(CommandRegistry& registry) {
    registry.bind("evaluate", evaluate);
}

}  // namespace vitrine
