#include "app/desktop/inspect/provenance.h"

#include "app/desktop/inspect/inspect_controller.h"
#include "core/base/version.h"
#include "widgets/base/theme.h"

#include <QFileInfo>
#include <QRegularExpression>
#include <algorithm>

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
    if (const ImageSize size = controller.imageSize(); size.width > 0)
        rows.append({"Size", QStringLiteral("%1 × %2 px").arg(size.width).arg(size.height)});
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
    if (result.provenance.contains("fit")) {
        const Json& fit = result.provenance["fit"]["report"];
        rows.append({"Fit", QStringLiteral("views %1 s, steps %2 s; error of unseen views %3, before %4")
                                .arg(fit.value("view_seconds", 0.0), 0, 'f', 0)
                                .arg(fit.value("step_seconds", 0.0), 0, 'f', 0)
                                .arg(fit.value("unseen_after", 0.0), 0, 'f', 3)
                                .arg(fit.value("unseen_before", 0.0), 0, 'f', 3)});
    }
    rows.append({"Device", QString::fromStdString(model->device + ", " + model->dtype)});
    QString time = QStringLiteral("%1 ms").arg(result.milliseconds, 0, 'f', 1);
    if (result.upsamplingMilliseconds > 0)
        time += QStringLiteral(", of those %1 ms upsampling").arg(result.upsamplingMilliseconds, 0, 'f', 1);
    rows.append({"Time", time + (result.encodedNow ? ", encoded now" : ", features cached")});
    if (result.peakBytes > 0)
        rows.append(
            {"Memory", QStringLiteral("%1 MiB").arg(double(result.peakBytes) / (1 << 20), 0, 'f', 1)});
    rows.append({"Code", QString::fromStdString(versionText())});
    if (!result.unit.empty())
        rows.append({"Unit", QString::fromStdString(result.unit)});
    return rows;
}

QString shellQuoted(const std::string& text) {
    QString quoted = QString::fromStdString(text);
    static const QRegularExpression plain(QStringLiteral("^[A-Za-z0-9_./:=+-]+$"));
    if (plain.match(quoted).hasMatch())
        return quoted;
    return "'" + quoted.replace("'", "'\\''") + "'";
}

const LoadedModel* modelWithId(const InspectController& controller, const std::string& id) {
    for (const LoadedModel& model : controller.models())
        if (model.id == id)
            return &model;
    return nullptr;
}

}  // namespace

QString provenanceCommand(const InspectController& controller, int panel) {
    const PanelContent& content = controller.content(panel);
    const MapRequest& request = content.request;
    const LoadedModel* model = modelWithId(controller, request.source.modelId);
    const std::string kind = mapKindName(request.kind).name;
    const bool attends = request.kind == MapKind::Attention || request.kind == MapKind::Rollout;
    const bool elsewhere = request.probe && request.probe->imagePath != request.source.imagePath;
    if (!content.result || !model || !request.pca.lockedBasis.empty() || (attends && !request.probe) ||
        (elsewhere && request.kind != MapKind::Correspondence))
        return {};
    QStringList words{"vitrine",
                      "map",
                      shellQuoted(request.source.imagePath),
                      shellQuoted(model->path),
                      "--kind",
                      request.kind == MapKind::ModelInput ? "model-input" : QString::fromStdString(kind)};
    const auto add = [&words](const char* name, const QString& value) {
        words << QString("--") + name << value;
    };
    add("layer", QString::number(request.source.layer));
    add("resolution", QString::number(request.source.resolution));
    add("upsampler", shellQuoted(request.upsampler));
    add("size", QString::number(std::max(request.outputSize.width, request.outputSize.height)));
    if (const auto image = controller.image(); image && request.probe && !elsewhere) {
        add("x", QString::number(request.probe->positionInImage.x / double(image->width()), 'g', 9));
        add("y", QString::number(request.probe->positionInImage.y / double(image->height()), 'g', 9));
    }
    if (request.kind == MapKind::Attention)
        add("head", QString::number(request.head));
    if (request.kind == MapKind::Channel)
        add("channel", QString::number(request.channel));
    if (request.kind == MapKind::Pca)
        add("component", QString::number(request.pca.firstComponent));
    if (request.kind == MapKind::Clusters)
        add("clusters", QString::number(request.clusterCount));
    if (request.kind == MapKind::TextHeat)
        add("text", shellQuoted(request.text));
    if (const LoadedModel* other = modelWithId(controller, request.other.modelId);
        request.kind == MapKind::Disagreement && other)
        add("other", shellQuoted(other->path));
    if (request.kind == MapKind::Correspondence)
        add("other", shellQuoted(request.other.imagePath));
    if (mapKindName(request.kind).scalar)
        add("colors", QString::fromStdString(colorMapName(controller.panel(panel).colorMap)));
    add("output", "map.png");
    return words.join(' ');
}

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
        if (const QString command = provenanceCommand(controller, index); !command.isEmpty())
            html += QStringLiteral(
                        "<p style='color:%1'>As a command · <a style='color:%2' href='command'>copy</a></p>"
                        "<pre style='font-size:11px; white-space:pre-wrap'>%3</pre>")
                        .arg(colors.secondaryText.name(), colors.accent.name(), command.toHtmlEscaped());
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
        if (name != "Time" && name != "Memory" && name != "Device" && name != "Code")
            parts.append(name.toLower() + " " + value);
    parts.append("Vitrine " + QString::fromStdString(versionText()));
    return parts.join(" · ");
}

}  // namespace vitrine
