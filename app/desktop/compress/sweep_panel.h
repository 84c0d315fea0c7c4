// The left side of the Compress workspace: texts, the grid of methods and settings, what its plans cost, the
// whole recipe as a form and JSON, Queue.
#pragma once

#include "app/desktop/compress/compress_recipe.h"

#include <QWidget>

class QLabel;
class QListWidget;
class QPushButton;
class QTabWidget;

namespace vitrine {

class DataTable;
class RecipeEditor;
class SweepGridView;

class SweepPanel : public QWidget {
    Q_OBJECT
  public:
    explicit SweepPanel(QWidget* parent = nullptr);

    const Json& recipe() const;
    void setRecipe(const Json& recipe);
    void setModel(const QString& path);
    void addTexts(const char* key, const QStringList& texts);
    // InvalidArgument with the first problem, whose field is shown.
    Result<void> checkRecipe();
    RecipeEditor* editor() { return editor_; }
    void showForm(bool whole);
    // Costs of the plans, or why there are none.
    void setCost(const SweepCost& cost);
    void setCostProblem(const QString& text);
    // What waits, runs and went wrong.
    void setState(const QString& text, bool bad, int waiting);

  signals:
    void edited();  // also by setRecipe
    void queueRequested();
    void dropRequested();
    void openRequested();
    void saveRequested();
    void textsRequested(const QString& key);
    void browseRequested(const QString& path, const QString& format);

  private:
    QWidget* buildGridPage();
    QListWidget* addList(class QHBoxLayout* into, const QString& title, const QString& key,
                         const QString& tip);
    void takeGrid();
    void refresh();
    void changed();

    QTabWidget* pages_;
    QLabel *model_, *summary_, *state_;
    QListWidget *calibration_, *evaluation_;
    SweepGridView* grid_;
    DataTable* costs_;
    RecipeEditor* editor_;
    QPushButton *queue_, *drop_;
};

}  // namespace vitrine
