#include "app/desktop/compress/compress_recipe.h"

#include "core/base/paths.h"
#include "core/engine/compress_settings.h"
#include "core/runs/recipe.h"
#include "widgets/compress/model_tree.h"
#include "widgets/runs/run_columns.h"

#include <QCoreApplication>
#include <algorithm>

namespace vitrine {
namespace {

constexpr size_t kMostRecipeBytes = 1 << 20;

QString tr(const char* text) {
    return QCoreApplication::translate("CompressRecipe", text);
}

Json& settingsOf(Json& recipe) {
    if (!recipe.is_object())
        recipe = Json::object();
    if (!recipe.contains("settings") || !recipe["settings"].is_object())
        recipe["settings"] = Json::object();
    return recipe["settings"];
}

// "sparsegpt" of "sparsegpt 2:4 + int4 (gptq, groups of 128)": what most of the time goes into.
std::string methodOf(const std::string& plan) {
    return plan.substr(0, plan.find(' '));
}

std::optional<Estimate> meanOf(double weights, const std::vector<MeasuredPlan>& measured,
                               const std::function<bool(const MeasuredPlan&)>& wanted, bool same) {
    double sum = 0;
    int count = 0;
    for (const MeasuredPlan& each : measured)
        if (wanted(each)) {
            sum += each.secondsPerWeight;
            ++count;
        }
    if (count == 0)
        return std::nullopt;
    return Estimate{sum / count * weights, count, same};
}

}  // namespace

Json compressRecipeSchema() {
    JobKind kind;
    kind.name = "compress";
    kind.settingsSchema = compressSettingsSchema();
    return recipeSchema(kind);
}

Json compressStartRecipe(bool encoder) {
    Json recipe{{"kind", "compress"}};
    const char* file = encoder ? "compress_encoder.json" : "compress.json";
    if (auto stored = readJsonFile(resourcesFolder() / "recipes" / file, kMostRecipeBytes);
        stored && stored->is_object())
        recipe = std::move(*stored);
    Json& settings = settingsOf(recipe);
    settings["model"] = "";
    settings[encoder ? "pictures" : "evaluation"] = Json::array();
    return recipe;
}

bool isStartRecipe(const Json& recipe) {
    for (const bool encoder : {false, true}) {
        Json start = compressStartRecipe(encoder);
        setModel(start, modelOf(recipe));
        if (start == recipe)
            return true;
    }
    return false;
}

QString modelOf(const Json& recipe) {
    const Json model = recipe.is_object() && recipe.contains("settings") && recipe["settings"].is_object()
                           ? recipe["settings"].value("model", Json())
                           : Json();
    return model.is_string() ? QString::fromStdString(model.get<std::string>()) : QString();
}

void setModel(Json& recipe, const QString& model) {
    settingsOf(recipe)["model"] = model.toStdString();
}

QStringList textsOf(const Json& recipe, const char* key) {
    QStringList texts;
    if (recipe.is_object() && recipe.contains("settings") && recipe["settings"].is_object() &&
        recipe["settings"].contains(key) && recipe["settings"][key].is_array())
        for (const Json& each : recipe["settings"][key])
            if (each.is_string())
                texts.append(QString::fromStdString(each.get<std::string>()));
    return texts;
}

void addTexts(Json& recipe, const char* key, const QStringList& texts) {
    QStringList all = textsOf(recipe, key);
    for (const QString& text : texts)
        if (!all.contains(text))
            all.append(text);
    Json list = Json::array();
    for (const QString& text : all)
        list.push_back(text.toStdString());
    settingsOf(recipe)[key] = std::move(list);
}

std::optional<Estimate> estimateOf(const std::string& plan, double weights, const std::string& model,
                                   const std::vector<MeasuredPlan>& measured) {
    const auto here = [&](const MeasuredPlan& each) { return each.plan == plan && each.model == model; };
    const auto same = [&](const MeasuredPlan& each) { return each.plan == plan; };
    const auto alike = [&](const MeasuredPlan& each) { return methodOf(each.plan) == methodOf(plan); };
    if (auto found = meanOf(weights, measured, here, true))
        return found;
    if (auto found = meanOf(weights, measured, same, true))
        return found;
    return meanOf(weights, measured, alike, false);
}

SweepCost sweepCost(const PlanCosts& costs, const std::string& model,
                    const std::vector<MeasuredPlan>& measured) {
    SweepCost out;
    out.table.significant = 4;
    out.table.header = {tr("plan"), tr("bits/weight"), tr("MB"), tr("MFLOP/token"), tr("about")};
    out.table.headerTips = {tr("One compression of the dense model"),
                            tr("Of the linear layers as they are saved, low-rank path included"),
                            tr("Of the whole model: compressed layers, embeddings, norms"),
                            tr("Two operations a kept weight, low-rank path and head included"),
                            tr("From runs before, scaled by the size of the model; with ~ from another plan "
                               "of the same method")};
    out.table.rows.push_back(
        {tr("dense"), QVariant(), costs.denseBytes / 1e6, costs.denseOperations / 1e6, QString()});
    double seconds = 0;
    int known = 0;
    for (const PlanCostRow& row : costs.rows) {
        const QString plan = QString::fromStdString(row.plan);
        if (!row.problem.empty()) {
            ++out.problems;
            out.table.rows.push_back(
                {plan, QVariant(), QVariant(), QVariant(), QString::fromStdString(row.problem)});
            continue;
        }
        QString about;
        if (const auto estimate = estimateOf(row.plan, costs.linearWeights, model, measured)) {
            about = (estimate->same ? QString() : QStringLiteral("~ ")) + durationText(estimate->seconds);
            seconds += estimate->seconds;
            ++known;
        }
        out.table.rows.push_back({plan, row.bitsPerWeight, row.bytes / 1e6, row.operations / 1e6, about});
    }
    out.summary = costs.rows.size() == 1 ? tr("1 plan") : tr("%1 plans").arg(costs.rows.size());
    if (out.problems > 0)
        out.summary += tr(", %1 cannot be carried out").arg(out.problems);
    if (known > 0)
        out.summary += tr(", about %1").arg(durationText(seconds * double(costs.rows.size()) / known));
    else
        out.summary += tr(", none measured before");
    return out;
}

}  // namespace vitrine
