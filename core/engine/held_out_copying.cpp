#include "core/engine/held_out_copying.h"

#include "core/eval/language_copying.h"

namespace vitrine {

Result<Json> copyingOf(const LanguageModel& model, const LanguageTrainingText& text, RunContext& run) {
    Json list = Json::array();
    const Json& settings = run.settings();
    const int64_t windows = settings["copying_windows"];
    if (windows == 0)
        return list;
    JobContext quiet(run.job().stopToken(), {});
    VITRINE_TRY(const auto scores,
                measureCopying(model, *text.tokens, {.windows = windows, .batch = settings["batch"]},
                               text.heldOut, quiet));
    for (const CopyingScore& score : scores)
        list.push_back(score.toJson());
    return list;
}

Json copyingRow(const Json& texts) {
    double sum = 0;
    int64_t count = 0;
    for (const Json& text : texts)
        if (text.contains("copying") && !text["copying"].empty()) {
            sum += text["copying"].back()["gain"].get<double>();
            ++count;
        }
    return count > 0 ? Json{{"copying_gain", sum / double(count)}} : Json::object();
}

}  // namespace vitrine
