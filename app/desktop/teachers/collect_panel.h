// The left side of the Teachers workspace: which models and pictures, the settings, Collect and its progress,
// and the project's earlier statistics.
#pragma once

#include "app/desktop/teachers/teachers_controller.h"

#include <QWidget>

class QCheckBox;
class QFormLayout;
class QLabel;
class QLineEdit;
class QListWidget;
class QProgressBar;
class QPushButton;
class QSpinBox;

namespace vitrine {

class DataTable;

class CollectPanel : public QWidget {
    Q_OBJECT
  public:
    explicit CollectPanel(TeachersController* controller, QWidget* parent = nullptr);

  signals:
    void collectRequested();
    void cancelRequested();
    void openRequested(const QString& runId);
    void addRequested(bool model);

  private:
    QListWidget* addList(const QString& title, const QString& name, const QString& tip, bool models);
    void buildForm();
    void buildRuns();
    void edit(const std::function<void(CollectSettings&)>& change);
    void refreshForm();
    void refreshState();
    void refreshRuns();

    TeachersController* controller_;
    QListWidget* models_;
    QListWidget* pictures_;
    QFormLayout* form_;
    QLineEdit* layers_;
    QLineEdit* adaptors_;
    QSpinBox* resolution_;
    QSpinBox* limit_;
    QSpinBox* batch_;
    QCheckBox* recursive_;
    QCheckBox* exact_;
    QPushButton* collect_;
    QProgressBar* bar_;
    QLabel* status_;
    DataTable* runs_;
};

}  // namespace vitrine
