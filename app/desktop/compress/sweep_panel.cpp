#include "app/desktop/compress/sweep_panel.h"

#include "core/io/language_files.h"
#include "widgets/base/data_table.h"
#include "widgets/base/icons.h"
#include "widgets/base/theme.h"
#include "widgets/compress/sweep_grid.h"
#include "widgets/forms/recipe_editor.h"

#include <QFileInfo>
#include <QHBoxLayout>
#include <QLabel>
#include <QListWidget>
#include <QPushButton>
#include <QSignalBlocker>
#include <QTabWidget>
#include <QToolButton>
#include <QVBoxLayout>

namespace vitrine {

constexpr int kListHeight = 58;
constexpr int kPathRole = Qt::UserRole;

SweepPanel::SweepPanel(QWidget* parent)
    : QWidget(parent),
      pages_(new QTabWidget),
      model_(new QLabel),
      summary_(new QLabel),
      state_(new QLabel),
      grid_(new SweepGridView),
      costs_(new DataTable),
      editor_(new RecipeEditor),
      queue_(new QPushButton(tr("Queue"))),
      drop_(new QPushButton(tr("Drop"))) {
    setObjectName("compressSweep");
    setAttribute(Qt::WA_StyledBackground);
    setMinimumWidth(400);
    auto* whole = new QVBoxLayout(this);
    whole->setContentsMargins(8, 6, 8, 6);
    whole->setSpacing(5);
    pages_->setObjectName("compressSweepPages");
    pages_->setDocumentMode(true);
    pages_->addTab(buildGridPage(), tr("Grid"));
    pages_->addTab(editor_, tr("All settings"));
    whole->addWidget(pages_, 1);
    queue_->setObjectName("compressQueue");
    queue_->setToolTip(
        tr("Runs in a process of its own, which goes on when the window is closed; while one is at work, the "
           "next waits"));
    drop_->setObjectName("compressDrop");
    drop_->setToolTip(tr("Forget the sweeps that wait"));
    drop_->hide();
    auto* buttons = new QHBoxLayout;
    buttons->addWidget(queue_, 1);
    buttons->addWidget(drop_);
    whole->addLayout(buttons);
    state_->setObjectName("compressSweepState");
    state_->setWordWrap(true);
    state_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    state_->hide();
    whole->addWidget(state_);
    editor_->setSchema(compressRecipeSchema());
    connect(editor_, &RecipeEditor::edited, this, &SweepPanel::changed);
    connect(editor_, &RecipeEditor::openRequested, this, &SweepPanel::openRequested);
    connect(editor_, &RecipeEditor::saveRequested, this, &SweepPanel::saveRequested);
    connect(editor_, &RecipeEditor::browseRequested, this, &SweepPanel::browseRequested);
    connect(grid_, &SweepGridView::edited, this, &SweepPanel::takeGrid);
    connect(queue_, &QPushButton::clicked, this, &SweepPanel::queueRequested);
    connect(drop_, &QPushButton::clicked, this, &SweepPanel::dropRequested);
    setRecipe(compressStartRecipe());
}

QWidget* SweepPanel::buildGridPage() {
    auto* page = new QWidget;
    auto* layout = new QVBoxLayout(page);
    layout->setContentsMargins(0, 6, 0, 0);
    model_->setObjectName("compressSweepModel");
    model_->setTextFormat(Qt::PlainText);
    layout->addWidget(model_);
    auto* lists = new QHBoxLayout;
    evaluation_ = addList(lists, tr("Measured on"), "evaluation",
                          tr("Texts that perplexity is measured on; Delete takes one out"));
    calibration_ = addList(lists, tr("Calibrated on"), "calibration",
                           tr("Texts whose activations guide the methods; none: the model writes its own"));
    layout->addLayout(lists);
    layout->addWidget(grid_);
    summary_->setObjectName("compressCost");
    summary_->setWordWrap(true);
    costs_->setObjectName("compressCosts");
    layout->addWidget(summary_);
    layout->addWidget(costs_, 1);
    return page;
}

QListWidget* SweepPanel::addList(QHBoxLayout* into, const QString& title, const QString& key,
                                 const QString& tip) {
    auto* list = new QListWidget;
    list->setObjectName("compress" + key.left(1).toUpper() + key.mid(1));
    list->setToolTip(tip);
    list->setFixedHeight(kListHeight);
    list->setTextElideMode(Qt::ElideMiddle);
    list->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    auto* add = new QToolButton;
    add->setObjectName(list->objectName() + "Add");
    add->setIcon(themedIcon("plus"));
    add->setToolTip(tr("Add text files (.txt, .jsonl)"));
    auto* remove = new QToolButton;
    remove->setIcon(themedIcon("close"));
    remove->setToolTip(tr("Take the marked text out"));
    auto* header = new QHBoxLayout;
    header->addWidget(new QLabel(title));
    header->addStretch(1);
    header->addWidget(remove);
    header->addWidget(add);
    auto* column = new QVBoxLayout;
    column->setSpacing(3);
    column->addLayout(header);
    column->addWidget(list);
    into->addLayout(column, 1);
    connect(add, &QToolButton::clicked, this, [this, key] { emit textsRequested(key); });
    connect(remove, &QToolButton::clicked, this, [this, list, key] {
        if (!list->currentItem())
            return;
        QStringList texts = textsOf(recipe(), key.toLatin1().constData());
        texts.removeAll(list->currentItem()->data(kPathRole).toString());
        Json changedRecipe = recipe();
        changedRecipe["settings"][key.toStdString()] = Json::array();
        vitrine::addTexts(changedRecipe, key.toLatin1().constData(), texts);
        setRecipe(changedRecipe);
    });
    return list;
}

const Json& SweepPanel::recipe() const {
    return editor_->recipe();
}

void SweepPanel::setRecipe(const Json& recipe) {
    editor_->setRecipe(recipe);
    changed();
}

void SweepPanel::setModel(const QString& path) {
    Json changedRecipe = recipe();
    if (isStartRecipe(changedRecipe))
        changedRecipe = compressStartRecipe(!isLanguageModelPath(path.toStdString()));
    vitrine::setModel(changedRecipe, path);
    setRecipe(changedRecipe);
}

void SweepPanel::addTexts(const char* key, const QStringList& texts) {
    Json changedRecipe = recipe();
    vitrine::addTexts(changedRecipe, key, texts);
    setRecipe(changedRecipe);
}

void SweepPanel::takeGrid() {
    const auto plans = plansOfGrid(grid_->grid());
    if (!plans)
        return setCostProblem(QString::fromStdString(plans.error().text()));
    Json changedRecipe = recipe();
    changedRecipe["settings"]["plans"] = *plans;
    editor_->setRecipe(changedRecipe);
    emit edited();
}

void SweepPanel::changed() {
    refresh();
    emit edited();
}

void SweepPanel::refresh() {
    const QString model = modelOf(recipe());
    model_->setText(model.isEmpty() ? tr("Model: open one, or drop it on the window")
                                    : tr("Model: %1").arg(QFileInfo(model).fileName()));
    model_->setToolTip(model);
    const auto fill = [](QListWidget* list, const QStringList& paths) {
        const QSignalBlocker blocked(list);
        list->clear();
        QStringList names;
        for (const QString& path : paths) {
            auto* item = new QListWidgetItem(QFileInfo(path).fileName(), list);
            item->setToolTip(path);
            item->setData(kPathRole, path);
            names.append(item->text());
        }
        list->setAccessibleName(list->toolTip());
        list->setAccessibleDescription(names.join(", "));
    };
    fill(evaluation_, textsOf(recipe(), "evaluation"));
    fill(calibration_, textsOf(recipe(), "calibration"));
    const Json settings = recipe().is_object() ? recipe().value("settings", Json::object()) : Json::object();
    const auto grid = gridOfPlans(settings.is_object() ? settings.value("plans", Json()) : Json());
    grid_->setGrid(grid.value_or(grid_->grid()), !grid);
}

Result<void> SweepPanel::checkRecipe() {
    if (modelOf(recipe()).isEmpty())
        return fail(ErrorCode::InvalidArgument, "no model is chosen", "model",
                    "Open a language model, or drop one on the window");
    if (textsOf(recipe(), "evaluation").isEmpty() && textsOf(recipe(), "calibration").isEmpty() &&
        textsOf(recipe(), "pictures").isEmpty())
        return fail(ErrorCode::InvalidArgument, "there is no text to measure perplexity on", "evaluation",
                    "Add a text file under \"Measured on\"; for an encoder, pictures under All settings");
    if (editor_->isValid())
        return {};
    showForm(true);
    editor_->showFirstProblem();
    const SchemaProblem& problem = editor_->problems().front();
    return fail(ErrorCode::InvalidArgument, problem.message, problem.path, problem.hint);
}

void SweepPanel::showForm(bool whole) {
    pages_->setCurrentIndex(whole ? 1 : 0);
}

void SweepPanel::setCost(const SweepCost& cost) {
    costs_->setContent(cost.table);
    costs_->setAccessibleName(tr("Costs of the plans"));
    costs_->setAccessibleDescription(costs_->toCsv());
    summary_->setText(cost.summary);
}

void SweepPanel::setCostProblem(const QString& text) {
    costs_->setContent({});
    costs_->setAccessibleDescription({});
    summary_->setText(text);
}

void SweepPanel::setState(const QString& text, bool bad, int waiting) {
    state_->setText(text);
    state_->setVisible(!text.isEmpty());
    QPalette colors = palette();
    const ThemeColors& theme = Theme::instance().colors();
    colors.setColor(QPalette::WindowText, bad ? theme.bad : theme.secondaryText);
    state_->setPalette(colors);
    drop_->setVisible(waiting > 0);
}

}  // namespace vitrine
