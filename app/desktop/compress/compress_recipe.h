// Recipes of compressions in the window: the schema, where a recipe starts, what a sweep costs.
#pragma once

#include "app/desktop/compress/compress_questions.h"
#include "core/engine/compress_engine.h"
#include "widgets/base/data_table.h"

#include <QStringList>
#include <optional>

namespace vitrine {

// Schema of a whole recipe of kind "compress".
Json compressRecipeSchema();
// The program's own recipe for language models or encoders (resources/recipes/compress.json,
// compress_encoder.json) without model, texts and pictures.
Json compressStartRecipe(bool encoder = false);
// Whether a recipe is one of those, with a model perhaps: nobody has changed it.
bool isStartRecipe(const Json& recipe);

QString modelOf(const Json& recipe);
void setModel(Json& recipe, const QString& model);
QStringList textsOf(const Json& recipe, const char* key);  // "calibration", "evaluation"
void addTexts(Json& recipe, const char* key, const QStringList& texts);

// Seconds that a plan takes, from what was measured before: the same plan first, then others of its method.
struct Estimate {
    double seconds = 0;
    int runs = 0;       // measured
    bool same = false;  // the very plan
};
std::optional<Estimate> estimateOf(const std::string& plan, double weights, const std::string& model,
                                   const std::vector<MeasuredPlan>& measured);

struct SweepCost {
    TableContent table;
    QString summary;   // "9 plans, about 40 s"
    int problems = 0;  // plans that cannot be carried out
};
SweepCost sweepCost(const PlanCosts& costs, const std::string& model,
                    const std::vector<MeasuredPlan>& measured);

}  // namespace vitrine
