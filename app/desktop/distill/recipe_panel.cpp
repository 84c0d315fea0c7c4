#include "app/desktop/distill/recipe_panel.h"

#include "core/base/nearest.h"
#include "widgets/base/elided_combo.h"
#include "widgets/base/icons.h"
#include "widgets/base/theme.h"
#include "widgets/forms/recipe_editor.h"

#include <QAbstractItemView>
#include <QComboBox>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QLabel>
#include <QListWidget>
#include <QPushButton>
#include <QSignalBlocker>
#include <QToolButton>
#include <QVBoxLayout>

namespace vitrine {

namespace {

constexpr int kListHeight = 78;
constexpr int kPopupMargins = 28;  // pixels around the entries of an opened list
constexpr int kPathRole = Qt::UserRole;

// The opened list is as wide as its entries, however narrow the panel is.
void fitPopup(QComboBox* combo) {
    combo->setMaxVisibleItems(combo->count());
    combo->view()->setMinimumWidth(combo->view()->sizeHintForColumn(0) + kPopupMargins);
}

}  // namespace

RecipePanel::RecipePanel(QWidget* parent)
    : QWidget(parent),
      presets_(distillPresets()),
      preset_(new ElidedCombo),
      size_(new ElidedCombo),
      editor_(new RecipeEditor),
      estimate_(new QPushButton(tr("Estimate"))),
      start_(new QPushButton(tr("Start"))),
      cost_(new QLabel),
      status_(new QLabel) {
    setObjectName("distillRecipePanel");
    setAttribute(Qt::WA_StyledBackground);
    setMinimumWidth(360);
    auto* whole = new QVBoxLayout(this);
    whole->setContentsMargins(8, 6, 8, 6);
    whole->setSpacing(5);
    auto* lists = new QHBoxLayout;
    modelList_ =
        addList(lists, tr("Teachers"), "distillTeachers", tr("Encoders that the student learns from"), true);
    folderList_ =
        addList(lists, tr("Pictures"), "distillPictures", tr("Pictures that it learns on; no labels"), false);
    whole->addLayout(lists);
    buildPresets(whole);
    whole->addWidget(editor_, 1);
    buildFoot(whole);
    editor_->setSchema(distillRecipeSchema());
    editor_->setRules(distillRecipeProblems);
    connect(editor_, &RecipeEditor::edited, this, [this] {
        emit recipeReplaced();
        refreshLists();
        refreshChoices();
        emit recipeEdited();
    });
    connect(editor_, &RecipeEditor::openRequested, this, &RecipePanel::openRequested);
    connect(editor_, &RecipeEditor::saveRequested, this, &RecipePanel::saveRequested);
    connect(editor_, &RecipeEditor::browseRequested, this, &RecipePanel::browseRequested);
    connect(start_, &QPushButton::clicked, this, &RecipePanel::startRequested);
    connect(estimate_, &QPushButton::clicked, this, &RecipePanel::estimateRequested);
    if (const auto first = std::find_if(presets_.begin(), presets_.end(),
                                        [](const DistillPreset& each) { return each.name == "phi_s"; });
        first != presets_.end())
        setRecipe(withPreset(first->recipe, Json::object()));
    else
        setRecipe({{"kind", "distill"}});
}

void RecipePanel::buildFoot(QVBoxLayout* whole) {
    start_->setObjectName("distillStart");
    start_->setToolTip(tr("Trains in a process of its own, which goes on when the window is closed"));
    estimate_->setObjectName("distillEstimate");
    estimate_->setToolTip(tr(
        "Measures a step: time of the run, share of the teachers, and what keeping what they say is worth"));
    auto* row = new QHBoxLayout;
    row->addWidget(estimate_);
    row->addWidget(start_, 1);
    cost_->setObjectName("distillCost");
    status_->setObjectName("distillStatus");
    for (QLabel* label : {cost_, status_}) {
        label->setWordWrap(true);
        label->setTextInteractionFlags(Qt::TextSelectableByMouse);
        label->hide();
    }
    whole->addWidget(cost_);
    whole->addLayout(row);
    whole->addWidget(status_);
}

QListWidget* RecipePanel::addList(QHBoxLayout* into, const QString& title, const QString& name,
                                  const QString& tip, bool models) {
    auto* list = new QListWidget;
    list->setObjectName(name);
    list->setToolTip(tip);
    list->setFixedHeight(kListHeight);
    list->setTextElideMode(Qt::ElideMiddle);
    list->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    auto* add = new QToolButton;
    add->setObjectName(name + "Add");
    add->setIcon(themedIcon("plus"));
    add->setToolTip(models ? tr("Add a model folder, or a folder with several")
                           : tr("Add a folder of pictures"));
    auto* header = new QHBoxLayout;
    header->addWidget(new QLabel(title));
    header->addStretch(1);
    header->addWidget(add);
    auto* column = new QVBoxLayout;
    column->setSpacing(3);
    column->addLayout(header);
    column->addWidget(list);
    into->addLayout(column, 1);
    connect(add, &QToolButton::clicked, this, [this, models] { emit addRequested(models); });
    connect(list, &QListWidget::itemChanged, this, [this, models](QListWidgetItem* item) {
        Json changed = recipe();
        const QString path = item->data(kPathRole).toString();
        const bool chosen = item->checkState() == Qt::Checked;
        models ? chooseTeacher(changed, path, chosen) : choosePictures(changed, path, chosen);
        setRecipe(changed);
        emit recipeEdited();
    });
    return list;
}

void RecipePanel::buildPresets(QVBoxLayout* whole) {
    preset_->setObjectName("distillPreset");
    preset_->setTip(tr("A published recipe as a starting point; teachers, pictures and student stay"));
    preset_->addItem(tr("Recipe…"));
    for (const DistillPreset& each : presets_)
        preset_->addItem(each.title, each.name);
    size_->setObjectName("distillSize");
    size_->setTip(tr("Size of the student: millions of parameters without its adaptor heads"));
    size_->addItem(tr("Student…"));
    std::string trunk = "vit";
    for (const StudentSize& each : studentSizes()) {
        if (each.settings["trunk"] != trunk)
            size_->insertSeparator(size_->count());
        trunk = each.settings["trunk"];
        size_->addItem(each.name, each.name);
    }
    auto* row = new QHBoxLayout;
    for (QComboBox* combo : {preset_, size_}) {
        combo->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
        combo->setMinimumContentsLength(8);
        row->addWidget(combo, 1);
    }
    whole->addLayout(row);
    connect(preset_, &QComboBox::activated, this, [this](int index) {
        if (index > 0)
            (void)usePreset(preset_->itemData(index).toString());
    });
    connect(size_, &QComboBox::activated, this, [this](int index) {
        for (const StudentSize& each : studentSizes()) {
            if (each.name != size_->itemData(index).toString())
                continue;
            Json changed = recipe();
            chooseStudent(changed, each);
            setRecipe(changed);
            emit recipeEdited();
        }
    });
}

const Json& RecipePanel::recipe() const {
    return editor_->recipe();
}

void RecipePanel::setRecipe(const Json& recipe) {
    editor_->setRecipe(recipe);
    emit recipeReplaced();
    for (const QString& model : teacherModels(editor_->recipe()))
        if (!model.isEmpty() && !models_.contains(model))
            models_.append(model);
    for (const QString& folder : pictureFolders(editor_->recipe()))
        if (!folder.isEmpty() && !folders_.contains(folder))
            folders_.append(folder);
    refreshLists();
    refreshChoices();
}

Result<void> RecipePanel::usePreset(const QString& name) {
    std::vector<std::string> names;
    for (const DistillPreset& each : presets_) {
        names.push_back(each.name.toStdString());
        if (each.name == name) {
            setRecipe(withPreset(each.recipe, recipe()));
            emit recipeEdited();
            return {};
        }
    }
    const auto nearest = nearestName(name.toStdString(), names);
    return fail(ErrorCode::NotFound, fmt::format("there is no recipe \"{}\"", name.toStdString()), {},
                nearest ? fmt::format("Did you mean \"{}\"?", *nearest)
                        : fmt::format("One of: {}", fmt::join(names, ", ")));
}

void RecipePanel::offer(const QStringList& models, const QStringList& folders, bool chosen) {
    for (const QString& model : models)
        if (!models_.contains(model))
            models_.append(model);
    for (const QString& folder : folders)
        if (!folders_.contains(folder))
            folders_.append(folder);
    if (!chosen)
        return refreshLists();
    Json changed = recipe();
    for (const QString& model : models)
        chooseTeacher(changed, model, true);
    for (const QString& folder : folders)
        choosePictures(changed, folder, true);
    setRecipe(changed);
    emit recipeEdited();
}

void RecipePanel::refreshLists() {
    const auto fill = [](QListWidget* list, const QStringList& paths, const QStringList& chosen) {
        const QSignalBlocker blocked(list);
        // Items are changed, not made anew: one of them may be the sender.
        while (list->count() > paths.size())
            delete list->takeItem(list->count() - 1);
        while (list->count() < paths.size())
            list->addItem(new QListWidgetItem);
        QStringList names;
        for (int row = 0; row < list->count(); ++row) {
            const QString name = QFileInfo(paths[row]).fileName();
            list->item(row)->setText(name);
            list->item(row)->setToolTip(paths[row]);
            list->item(row)->setData(kPathRole, paths[row]);
            list->item(row)->setCheckState(chosen.contains(paths[row]) ? Qt::Checked : Qt::Unchecked);
            if (chosen.contains(paths[row]))
                names.append(name);
        }
        list->setAccessibleDescription(names.join(", "));
    };
    fill(modelList_, models_, teacherModels(recipe()));
    fill(folderList_, folders_, pictureFolders(recipe()));
    modelList_->setAccessibleName(tr("Chosen teachers"));
    folderList_->setAccessibleName(tr("Chosen pictures"));
}

// The starting points that the recipe still follows.
void RecipePanel::refreshChoices() {
    const Json now = recipe().is_object() ? recipe() : Json::object();
    int preset = 0;
    QString size;
    const Json tags = now.value("tags", Json::array());
    for (size_t i = 0; i < presets_.size(); ++i)
        if (std::find(tags.begin(), tags.end(), presets_[i].name.toStdString()) != tags.end())
            preset = int(i) + 1;
    const Json settings = now.value("settings", Json::object());
    const Json student = settings.is_object() ? settings.value("student", Json::object()) : Json::object();
    for (const StudentSize& each : studentSizes()) {
        bool same = true;
        for (const auto& [key, value] : each.settings.items())
            same = same && student.is_object() && student.contains(key) && student[key] == value;
        if (same)
            size = each.name;
        size_->setItemText(size_->findData(each.name), studentSizeText(each, now));
    }
    preset_->setCurrentIndex(preset);
    size_->setCurrentIndex(size.isEmpty() ? 0 : size_->findData(size));
    const QString own = studentText(now);
    size_->setItemText(0, own.isEmpty() ? tr("Student of its own") : tr("Student of its own: %1").arg(own));
    for (QComboBox* combo : {preset_, size_})
        fitPopup(combo);
}

Result<void> RecipePanel::checkRecipe() {
    if (teacherModels(recipe()).isEmpty())
        return fail(ErrorCode::InvalidArgument, "no teacher is chosen", "teachers",
                    "Add a model folder, or open one in Inspect, and tick it");
    if (pictureFolders(recipe()).isEmpty())
        return fail(ErrorCode::InvalidArgument, "no pictures are chosen", "pictures",
                    "Add a folder of pictures, or open one in Inspect, and tick it");
    if (editor_->isValid())
        return {};
    editor_->showFirstProblem();
    const SchemaProblem& problem = editor_->problems().front();
    return fail(ErrorCode::InvalidArgument, problem.message, problem.path, problem.hint);
}

void RecipePanel::setCost(const QString& text, bool asking, bool bad) {
    estimate_->setText(asking ? tr("Cancel estimate") : tr("Estimate"));
    cost_->setText(text);
    cost_->setVisible(!text.isEmpty());
    QPalette colors = palette();
    if (bad)
        colors.setColor(QPalette::WindowText, Theme::instance().colors().bad);
    cost_->setPalette(colors);
}

void RecipePanel::setStarting(bool starting, const QString& error) {
    start_->setEnabled(!starting);
    start_->setText(starting ? tr("Starting…") : tr("Start"));
    status_->setText(error);
    status_->setVisible(!error.isEmpty());
    QPalette colors = palette();
    colors.setColor(QPalette::WindowText, Theme::instance().colors().bad);
    status_->setPalette(colors);
}

}  // namespace vitrine
