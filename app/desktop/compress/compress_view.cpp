#include "app/desktop/compress/compress_view.h"

#include "core/commands/model_commands.h"
#include "widgets/compress/tensor_names.h"
#include "widgets/runs/run_columns.h"

#include <QCoreApplication>
#include <QFileInfo>
#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

constexpr size_t kWorstLayers = 6;

QString tr(const char* text) {
    return QCoreApplication::translate("CompressView", text);
}

double numberOf(const Json& row, const char* key) {
    return row.contains(key) && row[key].is_number() ? row[key].get<double>() : PlanResult::kUnknown;
}

std::string textOf(const Json& row, const char* key) {
    return row.contains(key) && row[key].is_string() ? row[key].get<std::string>() : std::string();
}

// Weights of the layers that plans of a run change.
double weightsOf(const CompressedRun& run) {
    std::map<std::string, double> weights;
    for (const Json& layer : run.layers)
        if (layer.contains("shape") && layer["shape"].is_array() && layer["shape"].size() == 2)
            weights[textOf(layer, "plan")] +=
                layer["shape"][0].get<double>() * layer["shape"][1].get<double>();
    double most = PlanResult::kUnknown;
    for (const auto& [plan, count] : weights)
        most = std::isnan(most) ? count : std::max(most, count);
    return most;
}

double secondsOf(const CompressedRun& run, const std::string& plan) {
    for (const Json& time : run.times)
        if (textOf(time, "plan") == plan) {
            double sum = 0;
            for (const char* key :
                 {"calibration_seconds", "compression_seconds", "rerun_seconds", "evaluation_seconds"})
                sum += std::max(0.0, time.value(key, 0.0));
            return sum;
        }
    return PlanResult::kUnknown;
}

QString line(const QString& name, const QString& value) {
    return QStringLiteral("<tr><td style='padding-right:12px'>%1</td><td>%2</td></tr>")
        .arg(name, value.toHtmlEscaped());
}

QString signedNumber(double value) {
    return (value > 0 ? QStringLiteral("+") : QString()) + QString::number(value, 'f', 4);
}

// Features as a whole and of each adaptor, dense tasks, what is left of each block.
QString encoderLines(const Json& row) {
    QString html;
    for (const auto& [key, value] : row.items()) {
        const bool metric = key.ends_with("_error") || key.ends_with("_cosine") || key == "accuracy" ||
                            key == "correspondence" || key == "segmentation_miou" || key == "pixel_accuracy";
        if (metric && key != "relative_error" && value.is_number())
            html += line(QString::fromStdString(key).replace('_', ' '),
                         QString::number(value.get<double>(), 'f', 4));
    }
    for (const auto& [key, title] :
         {std::pair("kept_parameters", tr("parameters")), std::pair("kept_operations", tr("operations"))})
        if (const double value = numberOf(row, key); std::isfinite(value))
            html += line(title, tr("%1 % of the dense encoder's").arg(100 * value, 0, 'f', 1));
    if (row.contains("left") && row["left"].is_object())
        for (const auto& [key, title] :
             {std::pair("blocks", tr("blocks that stay")), std::pair("heads", tr("heads left in each")),
              std::pair("neurons", tr("hidden units left in each"))}) {
            QStringList numbers;
            for (const Json& number : row["left"].value(key, Json::array()))
                numbers.append(QString::number(number.get<int64_t>()));
            html += line(title, numbers.join(' '));
        }
    if (row.contains("opens_elsewhere"))
        html += line(tr("other programs"), row["opens_elsewhere"] == true
                                               ? tr("open the folder")
                                               : tr("do not know blocks of such widths"));
    return html;
}

QString worstLayers(const CompressedRun& run, const std::string& plan) {
    std::vector<const Json*> layers;
    for (const Json& layer : run.layers)
        if (textOf(layer, "plan") == plan && std::isfinite(numberOf(layer, "relative_error")))
            layers.push_back(&layer);
    std::sort(layers.begin(), layers.end(), [](const Json* a, const Json* b) {
        return numberOf(*a, "relative_error") > numberOf(*b, "relative_error");
    });
    if (layers.empty())
        return {};
    QString html = QStringLiteral("<p><b>%1</b></p><table>").arg(tr("Layers with the largest errors"));
    for (size_t index = 0; index < std::min(kWorstLayers, layers.size()); ++index)
        html += line(QString::fromStdString(textOf(*layers[index], "name")),
                     QString::number(numberOf(*layers[index], "relative_error"), 'f', 4));
    return html + QStringLiteral("</table>");
}

TensorLine lineOf(const Json& tensor) {
    TensorLine line;
    const std::string name = textOf(tensor, "name");
    line.name = QString::fromStdString(name);
    line.dtype = QString::fromStdString(textOf(tensor, "dtype"));
    QStringList sizes;
    for (const Json& size : tensor["shape"])
        sizes.append(QString::number(size.get<int64_t>()));
    line.shape = sizes.join(QStringLiteral(" × "));
    line.elements = numberOf(tensor, "elements");
    line.bytes = numberOf(tensor, "bytes");
    const Json& shape = tensor["shape"];
    line.matrix = shape.size() == 2 && shape[0].get<int64_t>() > 1 && shape[1].get<int64_t>() > 1;
    if (line.matrix && !isLookedUp(line.name))
        line.operations = 2 * line.elements;
    if (tensor.contains("statistics") && tensor["statistics"].is_object())
        line.zeros = numberOf(tensor["statistics"], "sparsity");
    if (line.matrix && tensor.contains("patterns") && !tensor["patterns"].empty()) {
        line.groups = numberOf(tensor["patterns"][0], "groups");
        line.violatingGroups = numberOf(tensor["patterns"][0], "violating");
    }
    return line;
}

}  // namespace

PlanResults planResults(const CompressController::Shown& runs) {
    PlanResults results;
    for (const auto& run : runs) {
        const double weights = weightsOf(*run);
        for (const Json& row : run->rows) {
            PlanResult each;
            const std::string plan = textOf(row, "plan");
            each.runId = QString::fromStdString(run->run.id);
            each.run = run->run.name.empty() ? each.runId : QString::fromStdString(run->run.name);
            each.plan = QString::fromStdString(plan);
            each.method = QString::fromStdString(textOf(row, "method"));
            each.key = QString::fromStdString(textOf(row, "key"));
            each.dense = plan == "dense";
            each.control = row.value("control", false);
            each.best = !plan.empty() && plan == run->bestPlan;
            each.folder = !run->folderOf(plan).empty();
            each.bitsPerWeight = numberOf(row, "bits_per_weight");
            // Of an encoder whose structures were cut, the row says how many are left.
            const double own = numberOf(row, "block_weights");
            each.bytes = each.bitsPerWeight * (std::isfinite(own) ? own : weights) / 8;
            each.natsPerToken = numberOf(row, "nats_per_token");
            each.perplexity = numberOf(row, "perplexity");
            each.bitsPerByte = numberOf(row, "bits_per_byte");
            each.relativeError = numberOf(row, "relative_error");
            each.seconds = secondsOf(*run, plan);
            each.encoder = row.contains("feature_error");
            each.featureError = numberOf(row, "feature_error");
            each.featureCosine = numberOf(row, "feature_cosine");
            each.summaryCosine = numberOf(row, "summary_cosine");
            each.accuracy = numberOf(row, "accuracy");
            each.correspondence = numberOf(row, "correspondence");
            each.meanIntersection = numberOf(row, "segmentation_miou");
            each.operations = numberOf(row, "kept_operations");
            each.controlPlan = QString::fromStdString(textOf(row, "control_plan"));
            results.push_back(std::move(each));
        }
    }
    return results;
}

QString planDetails(const CompressedRun& run, const PlanResult& result) {
    const std::string plan = result.plan.toStdString();
    QString html = QStringLiteral("<p><b>%1</b></p><table>").arg(result.plan.toHtmlEscaped());
    html += line(tr("run"), result.run);
    if (std::isfinite(result.natsPerToken)) {
        html += line(tr("nats per token"), QString::number(result.natsPerToken, 'f', 4));
        html += line(tr("perplexity"), QString::number(result.perplexity, 'g', 5));
    }
    if (const Json* row = run.row(plan); row && result.encoder)
        html += encoderLines(*row);
    if (std::isfinite(result.toDense))
        html += line(tr("to the dense model"), signedNumber(result.toDense));
    if (std::isfinite(result.toRandom))
        html += line(result.controlPlan.isEmpty() ? tr("to a random mask") : tr("to its random control"),
                     signedNumber(result.toRandom));
    if (std::isfinite(result.bitsPerWeight))
        html += line(tr("bits per weight"), QString::number(result.bitsPerWeight, 'f', 3));
    if (std::isfinite(result.bytes))
        html += line(tr("compressed layers"), sizeText(result.bytes));
    if (std::isfinite(result.seconds))
        html += line(tr("took"), durationText(result.seconds));
    if (const auto folder = run.folderOf(plan); !folder.empty())
        html += line(tr("model folder"), QString::fromStdString(folder.string()));
    for (const char* file : {"masks.safetensors", "spectra.safetensors"})
        if (const auto path = run.fileOf(plan, file); !path.empty())
            html += line(QString::fromLatin1(file),
                         sizeText(double(QFileInfo(QString::fromStdString(path.string())).size())));
    if (!result.key.isEmpty())
        html += line(tr("measured on"), result.key);
    html += QStringLiteral("</table>");
    return html + worstLayers(run, plan);
}

Result<ModelContent> modelContent(const std::filesystem::path& path, const std::string& pattern, bool count,
                                  JobContext& job) {
    CommandRegistry registry;
    declareModelCommands(registry);
    bindModelCommands(registry);
    CommandContext context{job, {}};
    VITRINE_TRY(
        const CommandOutput shown,
        registry.execute(
            "model.show",
            {{"path", path.string()}, {"statistics", count}, {"pattern", Json::array({pattern})}}, context));
    ModelContent content;
    content.path = QString::fromStdString(path.string());
    content.title = QFileInfo(content.path).fileName();
    content.pattern = QString::fromStdString(pattern);
    content.counted = count;
    content.facts = QString::fromStdString(textOf(shown.data, "modelType"));
    bool head = false;
    double embedding = 0;
    for (const Json& tensor : shown.data["tensors"]) {
        content.tensors.push_back(lineOf(tensor));
        const TensorLine& line = content.tensors.back();
        content.elements += line.elements;
        content.bytes += line.bytes;
        content.operations += line.operations;
        head = head || line.name.startsWith("lm_head") || line.name.startsWith("output.weight");
        if (line.name.contains("embed_tokens") || line.name.contains("tok_embeddings") ||
            line.name.contains("token_embd"))
            embedding = line.elements;
    }
    // A head that is tied to the embeddings is multiplied all the same.
    if (!head)
        content.operations += 2 * embedding;
    return content;
}

}  // namespace vitrine
