#include "app/desktop/compress/removal_questions.h"

#include "app/desktop/runs/report_values.h"

#include <cmath>

namespace vitrine {
namespace {

// 0 where there is none.
int countOf(const Json& object, const char* key) {
    const double number = numberOf(object, key);
    return std::isfinite(number) ? int(number) : 0;
}

}  // namespace

void readRemoval(const Json& row, StructureStudent& student) {
    const Json sizes = row.value("sizes", Json::object());
    student.width = countOf(sizes, "width");
    student.heads = countOf(sizes, "heads");
    student.intermediate = countOf(sizes, "intermediate");
    student.depth = countOf(sizes, "depth");
    student.attentionRemoved = countOf(row, "attention_removed");
    student.feedForwardRemoved = countOf(row, "feed_forward_removed");
    student.standIn = textOf(row, "stand_in");
    student.rank = countOf(row, "rank");
    const Json fits = row.value("stand_ins", Json::array());
    for (const Json& fit : fits)
        student.standIns.push_back(
            {countOf(fit, "player"), numberOf(fit, "left_by_mean"), numberOf(fit, "left_by_map")});
    const Json texts = row.value("texts", Json::object());
    for (const auto& [text, score] : texts.items())
        student.texts[QString::fromStdString(text)] = numberOf(score, "natsPerToken");
}

}  // namespace vitrine
