// A recipe as a form and, beside it, as JSON, in step with each other: what is typed in one shows in the
// other. The tool row finds settings, shows only what was changed, opens and saves.
#pragma once

#include "widgets/forms/schema_form.h"

#include <functional>

class QLineEdit;
class QSplitter;
class QToolButton;

namespace vitrine {

class JsonEdit;

class RecipeEditor : public QWidget {
    Q_OBJECT
  public:
    explicit RecipeEditor(QWidget* parent = nullptr);

    // Schema of the whole recipe (recipeSchema()). The form shows name, seed, device and the settings.
    void setSchema(const Json& recipeSchema);
    // What a recipe that keeps to the schema can still have wrong; paths as those of the schema's problems.
    void setRules(std::function<std::vector<SchemaProblem>(const Json& recipe)> rules);
    // Does not emit edited().
    void setRecipe(const Json& recipe);
    // With every default filled in.
    const Json& recipe() const { return recipe_; }
    // Of the whole recipe, what the form does not show included: those of the schema, else of the rules.
    const std::vector<SchemaProblem>& problems() const { return problems_; }
    bool isValid() const { return problems_.empty(); }
    SchemaForm* form() { return form_; }
    void showJson(bool shown);
    bool showsJson() const;
    // At the field of the first problem.
    void showFirstProblem();

  signals:
    void edited();
    void openRequested();
    void saveRequested();
    void browseRequested(const QString& path, const QString& format);

  protected:
    // Side by side where there is room, else one below the other.
    void resizeEvent(QResizeEvent* event) override;

  private:
    void takeForm();
    void takeJson(const Json& json);
    void check();

    Json schema_, recipe_ = Json::object();
    std::vector<SchemaProblem> problems_;
    std::function<std::vector<SchemaProblem>(const Json& recipe)> rules_;
    QLineEdit* find_;
    QToolButton *changed_, *asJson_;
    QSplitter* split_;
    SchemaForm* form_;
    JsonEdit* json_;
};

}  // namespace vitrine
