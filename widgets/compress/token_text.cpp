#include "widgets/compress/token_text.h"

#include <QColor>
#include <algorithm>
#include <cmath>
#include <limits>

namespace vitrine {

constexpr double kFullShade = 3;  // nats of difference that are shown at full strength

double meanNats(const std::vector<TokenScore>& scores) {
    if (scores.size() < 2)
        return std::numeric_limits<double>::quiet_NaN();
    double sum = 0;
    for (size_t index = 1; index < scores.size(); ++index)
        sum += scores[index].nats;
    return sum / double(scores.size() - 1);
}

QString tokenHtml(const std::vector<TokenScore>& before, const std::vector<TokenScore>& after) {
    const bool paired = before.size() == after.size();
    QString html = QStringLiteral("<div style='white-space:pre-wrap'>");
    for (size_t index = 0; index < after.size(); ++index) {
        const double change = paired ? after[index].nats - before[index].nats : after[index].nats;
        QColor ground = change > 0 ? QColor(213, 94, 0) : QColor(0, 114, 178);
        const double strength = index == 0 ? 0 : std::min(1.0, std::abs(change) / kFullShade);
        QString text = QString::fromStdString(after[index].text).toHtmlEscaped();
        text.replace('\n', QStringLiteral("⏎<br>"));
        if (text.isEmpty())
            continue;
        html += strength < 0.03 ? text
                                : QStringLiteral("<span style='background-color:rgba(%1,%2,%3,%4)'>%5</span>")
                                      .arg(ground.red())
                                      .arg(ground.green())
                                      .arg(ground.blue())
                                      .arg(int(strength * 200))
                                      .arg(text);
    }
    return html + QStringLiteral("</div>");
}

}  // namespace vitrine
