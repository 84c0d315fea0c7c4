// The left side of the Distill workspace: which teachers and pictures, starting points, the whole recipe as a
// form and JSON, Start.
#pragma once

#include "app/desktop/distill/distill_recipe.h"

#include <QWidget>

class QLabel;
class QListWidget;
class QPushButton;

namespace vitrine {

class ElidedCombo;
class RecipeEditor;

class RecipePanel : public QWidget {
    Q_OBJECT
  public:
    explicit RecipePanel(QWidget* parent = nullptr);

    const Json& recipe() const;
    void setRecipe(const Json& recipe);
    // Starting point by name ("phi_s"), keeping teachers, pictures and student. NotFound names those there
    // are.
    Result<void> usePreset(const QString& name);
    // Models and folders of pictures to choose from; `chosen`: put into the recipe as well.
    void offer(const QStringList& models, const QStringList& folders, bool chosen);
    QStringList offeredModels() const { return models_; }
    QStringList offeredFolders() const { return folders_; }
    // InvalidArgument with the first problem, whose field is shown.
    Result<void> checkRecipe();
    RecipeEditor* editor() { return editor_; }
    void setStarting(bool starting, const QString& error);
    // The line about what the recipe would take; empty: none. `asking`: an estimate is being made.
    void setCost(const QString& text, bool asking, bool bad = false);

  signals:
    void recipeEdited();
    void recipeReplaced();  // or edited: what was estimated is about another one
    void startRequested();
    void estimateRequested();
    void openRequested();
    void saveRequested();
    void addRequested(bool model);
    void browseRequested(const QString& path, const QString& format);

  private:
    QListWidget* addList(class QHBoxLayout* into, const QString& title, const QString& name,
                         const QString& tip, bool models);
    void buildPresets(class QVBoxLayout* whole);
    void buildFoot(class QVBoxLayout* whole);
    void refreshLists();
    void refreshChoices();

    std::vector<DistillPreset> presets_;
    QStringList models_, folders_;
    ElidedCombo *preset_, *size_;
    QListWidget *modelList_, *folderList_;
    RecipeEditor* editor_;
    QPushButton *estimate_, *start_;
    QLabel *cost_, *status_;
};

}  // namespace vitrine
