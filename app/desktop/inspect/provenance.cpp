#include "app/desktop/inspect/provenance.h"

#include "app/desktop/inspect/inspect_controller.h"
#include "widgets/base/theme.h"

#include <QCoreApplication>
#include <QFileInfo>

namespace vitrine {
namespace {

using Rows = QList<QPair<QString, QString>>;

QString shortened(const std::string& hash) {
    return QString::fromStdString(hash.substr(0, 12));
}

Rows rowsOf(const InspectController& controller, int index) {
    Rows rows;
    const PanelState& state = controller.panel(index);
    const PanelContent& content = controller.content(index);
    rows.append({"Picture", QFileInfo(controller.picture()).fileName()});
    if (const auto image = controller.image())
        rows.append({"Size", QStringLiteral("%1 × %2 px").arg(image->width()).arg(image->height())});
    const LoadedModel* model = controller.modelOf(state);
    if (!content.result || !model)
        return rows;
    const MapResult& result = *content.result;
    const ImageTransform& transform = result.transform;
    rows.append({"Model", QString::fromStdString(model->info.name)});
    rows.append({"Family", QString::fromStdString(model->info.family)});
    rows.append({"Model hash", shortened(model->identity)});
    rows.append({"Layer", state.layer < 0
                              ? QString("final features")
                              : QStringLiteral("%1 of %2").arg(state.layer).arg(model->info.layerCount)});
    rows.append({"Input", QStringLiteral("%1 × %2 px, patch %3 px")
                              .arg(transform.modelSize.width)
                              .arg(transform.modelSize.height)
                              .arg(transform.patchSize)});
    rows.append(
        {"Grid", QStringLiteral("%1 × %2 patches").arg(transform.gridWidth()).arg(transform.gridHeight())});
    rows.append({"Scale", QStringLiteral("%1 × %2 model px per picture px")
                              .arg(transform.scale.x, 0, 'g', 4)
                              .arg(transform.scale.y, 0, 'g', 4)});
    rows.append({"Upsampler", upsamplerTitle(state.upsampler)});
    rows.append({"Device", QString::fromStdString(model->device + ", " + model->dtype)});
    QString time = QStringLiteral("%1 ms").arg(result.milliseconds, 0, 'f', 1);
    if (result.upsamplingMilliseconds > 0)
        time += QStringLiteral(", of those %1 ms upsampling").arg(result.upsamplingMilliseconds, 0, 'f', 1);
    rows.append({"Time", time + (result.encodedNow ? ", encoded now" : ", features cached")});
    if (result.peakBytes > 0)
        rows.append(
            {"Memory", QStringLiteral("%1 MiB").arg(double(result.peakBytes) / (1 << 20), 0, 'f', 1)});
    if (!result.unit.empty())
        rows.append({"Unit", QString::fromStdString(result.unit)});
    return rows;
}

}  // namespace

QString provenanceHtml(const InspectController& controller, int index) {
    const ThemeColors& colors = Theme::instance().colors();
    const MapKindName& kind = mapKindName(controller.panel(index).kind);
    QString html =
        QStringLiteral("<p><b>%1 &nbsp;%2</b><br><span style='color:%3'>%4</span></p><table cellpadding='2'>")
            .arg(index + 1)
            .arg(QString::fromUtf8(kind.title), colors.secondaryText.name(),
                 QString::fromUtf8(kind.tip).toHtmlEscaped());
    for (const auto& [name, value] : rowsOf(controller, index))
        html += QStringLiteral("<tr><td style='color:%1; padding-right:10px'>%2</td><td>%3</td></tr>")
                    .arg(colors.secondaryText.name(), name, value.toHtmlEscaped());
    html += "</table>";
    const PanelContent& content = controller.content(index);
    if (content.result) {
        html += QStringLiteral("<p><a style='color:%1' href='rerun'>Make it again</a> (F5)</p>")
                    .arg(colors.accent.name());
        html += QStringLiteral(
                    "<p style='color:%1'>As a request</p><pre style='font-size:11px; "
                    "white-space:pre-wrap'>%2</pre>")
                    .arg(colors.secondaryText.name(),
                         QString::fromStdString(content.result->provenance.dump(1)).toHtmlEscaped());
    }
    return html;
}

QString provenanceLine(const InspectController& controller, int index) {
    QStringList parts;
    for (const auto& [name, value] : rowsOf(controller, index))
        if (name != "Time" && name != "Memory" && name != "Device")
            parts.append(name.toLower() + " " + value);
    parts.append("Vitrine " + QCoreApplication::applicationVersion());
    return parts.join(" · ");
}

}  // namespace vitrine
