// The run table with its tool row: filter, grouping, only-differences, columns, trash, and the actions on the
// selected runs. What the user wants is sent as signals; the owner carries it out.
#pragma once

#include "widgets/runs/run_table_model.h"

#include <QMap>
#include <QWidget>

class QAction;
class QComboBox;
class QLabel;
class QMenu;
class QToolButton;

namespace vitrine {

class ColumnChooser;
class FilterEdit;
class RunTableView;

// What a user changes in runs; `text`: tags (comma separated), notes or the new name.
enum class RunEdit { Star, Unstar, AddTags, RemoveTags, Notes, Rename, Trash, Restore, Purge };
// What a user wants a run's process to do.
enum class RunAction { Pause, Continue, Stop, Resume, Reproduce, Set, Probe };

class RunsTablePanel : public QWidget {
    Q_OBJECT
  public:
    explicit RunsTablePanel(QWidget* parent = nullptr);

    RunTableModel* model() { return model_; }
    RunTableView* view() { return view_; }
    FilterEdit* filter() { return filter_; }
    bool showsTrash() const;
    // Sets columns, the words of the filter line and the choices of the grouping box.
    void setColumns(const std::vector<std::string>& keys);
    void setOnlyDifferences(bool on);
    void setGroupBy(const QString& key);
    void setTotal(int runs);
    // A line above the table that stays: why nothing can be read or changed; empty: none.
    void setProblem(const QString& text, bool isError = true);
    void showTrash(bool on);
    Result<void> saveCsv(const QString& path);
    // Named actions: star, tag, untag, notes, rename, trash, restore, purge, pause, continue, stop, resume,
    // reproduce, set, probe, filter, onlyDifferences, columns, showTrash, exportCsv.
    QAction* action(const QString& name) const { return actions_.value(name); }
    const QMap<QString, QAction*>& namedActions() const { return actions_; }

  signals:
    void editRequested(vitrine::RunEdit edit, const std::vector<vitrine::Run>& runs, const QString& text);
    // `text`: "key=value" of Set.
    void actionRequested(vitrine::RunAction action, const vitrine::Run& run, const QString& text);
    void onlyDifferencesChanged(bool on);
    void trashShown(bool on);
    void csvExported(const QString& path);
    void failed(const QString& message);

  private:
    QAction* add(const QString& name, const QString& text, const QString& shortcut, const QString& toolTip,
                 std::function<void()> run);
    void addActions();
    void addProcessActions();
    void edit(RunEdit edit, const QString& text = {});
    void askText(RunEdit edit, const QString& title, const QString& label, const QString& text);
    void purge();
    void updateActions();
    void updateCount();
    void showMenu(const QPoint& position);
    void showColumnMenu(const QString& key, const QPoint& position);
    void exportCsv();

    RunTableModel* model_;
    RunTableView* view_;
    FilterEdit* filter_;
    ColumnChooser* chooser_;
    QComboBox* groupBy_;
    QToolButton* differences_;
    QToolButton* columns_;
    QToolButton* trash_;
    QLabel *count_, *problem_;
    QMap<QString, QAction*> actions_;
    std::vector<std::string> columnKeys_;
    int total_ = 0;
};

}  // namespace vitrine
