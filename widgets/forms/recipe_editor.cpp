#include "widgets/forms/recipe_editor.h"

#include "widgets/base/icons.h"
#include "widgets/forms/json_edit.h"

#include <QHBoxLayout>
#include <QLineEdit>
#include <QSplitter>
#include <QToolButton>

namespace vitrine {
namespace {

constexpr int kNarrow = 640;  // pixels of the screen

// The part of a recipe that people set: the rest (tags, notes) stays in the JSON.
constexpr const char* kShownKeys[] = {"name", "seed", "device", "settings"};

QToolButton* toolButton(const QString& icon, const QString& tip, const QString& name) {
    auto* button = new QToolButton;
    button->setIcon(themedIcon(icon));
    button->setToolTip(tip);
    button->setObjectName(name);
    return button;
}

}  // namespace

RecipeEditor::RecipeEditor(QWidget* parent)
    : QWidget(parent),
      find_(new QLineEdit),
      changed_(toolButton("sliders", tr("Only what differs from the defaults"), "recipeChanged")),
      asJson_(toolButton("text", tr("The recipe as JSON beside the form"), "recipeAsJson")),
      split_(new QSplitter(Qt::Horizontal)),
      form_(new SchemaForm),
      json_(new JsonEdit) {
    find_->setObjectName("recipeFind");
    find_->setPlaceholderText(tr("Find a setting"));
    find_->setClearButtonEnabled(true);
    changed_->setCheckable(true);
    asJson_->setCheckable(true);
    auto* open = toolButton("folder", tr("Open a recipe"), "recipeOpen");
    auto* save = toolButton("export", tr("Save the recipe"), "recipeSave");
    auto* tools = new QHBoxLayout;
    tools->setSpacing(3);
    tools->addWidget(find_, 1);
    for (QToolButton* button : {changed_, asJson_, open, save})
        tools->addWidget(button);
    split_->setChildrenCollapsible(false);
    split_->addWidget(form_);
    split_->addWidget(json_);
    json_->hide();
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(4);
    layout->addLayout(tools);
    layout->addWidget(split_, 1);
    connect(find_, &QLineEdit::textChanged, form_, &SchemaForm::setFilter);
    connect(changed_, &QToolButton::toggled, form_, &SchemaForm::setOnlyChanged);
    connect(asJson_, &QToolButton::toggled, json_, &QWidget::setVisible);
    connect(open, &QToolButton::clicked, this, &RecipeEditor::openRequested);
    connect(save, &QToolButton::clicked, this, &RecipeEditor::saveRequested);
    connect(form_, &SchemaForm::edited, this, &RecipeEditor::takeForm);
    connect(form_, &SchemaForm::browseRequested, this, &RecipeEditor::browseRequested);
    connect(json_, &JsonEdit::edited, this, &RecipeEditor::takeJson);
}

void RecipeEditor::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    split_->setOrientation(width() < kNarrow ? Qt::Vertical : Qt::Horizontal);
}

void RecipeEditor::setSchema(const Json& recipeSchema) {
    schema_ = recipeSchema;
    Json shown{{"type", "object"}, {"additionalProperties", true}, {"properties", Json::object()}};
    for (const char* key : kShownKeys)
        if (schema_["properties"].contains(key)) {
            shown["properties"][key] = schema_["properties"][key];
            if (std::string_view(key) != "settings")
                shown["properties"][key]["group"] = "Run";
        }
    form_->setSchema(shown);
    setRecipe(recipe_);
}

void RecipeEditor::setRules(std::function<std::vector<SchemaProblem>(const Json& recipe)> rules) {
    rules_ = std::move(rules);
    check();
}

void RecipeEditor::setRecipe(const Json& recipe) {
    recipe_ = completeForForm(recipe, schema_);
    form_->setValue(recipe_);
    json_->setJson(recipe_);
    check();
}

void RecipeEditor::takeForm() {
    for (const auto& [key, value] : form_->value().items())
        recipe_[key] = value;
    json_->setJson(recipe_);
    check();
    emit edited();
}

void RecipeEditor::takeJson(const Json& json) {
    recipe_ = completeForForm(json, schema_);
    form_->setValue(recipe_);
    check();
    emit edited();
}

void RecipeEditor::check() {
    problems_ = validateJson(recipe_, schema_);
    std::vector<SchemaProblem> further;
    if (problems_.empty() && rules_)
        further = rules_(recipe_);
    problems_.insert(problems_.end(), further.begin(), further.end());
    form_->setFurtherProblems(std::move(further));
    QStringList lines;
    for (size_t i = 0; i < std::min<size_t>(3, problems_.size()); ++i)
        lines.append(QString::fromStdString(
            fmt::format("{}: {}{}", problems_[i].path, problems_[i].message,
                        problems_[i].hint.empty() ? "" : fmt::format(" ({})", problems_[i].hint))));
    if (problems_.size() > 3)
        lines.append(tr("and %1 more").arg(problems_.size() - 3));
    json_->setNotice(lines.join('\n'));
}

void RecipeEditor::showJson(bool shown) {
    asJson_->setChecked(shown);
}

bool RecipeEditor::showsJson() const {
    return asJson_->isChecked();
}

void RecipeEditor::showFirstProblem() {
    if (problems_.empty())
        return;
    const std::string& path = problems_.front().path;
    if (path.starts_with("$."))
        form_->showField(path.substr(2));
}

}  // namespace vitrine
