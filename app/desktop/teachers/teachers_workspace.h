// The Teachers workspace: what to measure on the left; in the middle the statistics of a run, and covariance,
// feature cloud and errors of one of its streams, before and after a normaliser.
#pragma once

#include "app/desktop/teachers/feature_space.h"
#include "app/desktop/teachers/teachers_controller.h"
#include "widgets/shell/workspace.h"
#include "widgets/teachers/statistics_view.h"
#include "widgets/teachers/stream_bar.h"

class QLabel;
class QStackedWidget;
class QTabWidget;

namespace vitrine {

class MainWindow;

class TeachersWorkspace : public Workspace {
    Q_OBJECT
  public:
    explicit TeachersWorkspace(MainWindow* window);

    void declareCommands(CommandCenter& commands) override;
    bool openPath(const QString& path) override;
    Json saveSession() const override;
    void restoreSession(const Json& session) override;
    bool isBusy() const override;
    // Models and folders of pictures that another workspace has open: chosen when they are new.
    void offer(const QStringList& models, const QStringList& folders);

  private:
    void buildResults();
    void declareViewCommands(CommandCenter& commands);
    void followProject();
    void refreshPages();
    void refreshStream();
    void chooseInput(bool model);
    void chooseFile(const std::string& part);
    void showMenu(const std::string& part, QPoint at);
    // A part that can be copied and saved: a StatisticsPart by name, "covariance", "cloud" or "errors".
    Result<void> checkPart(const std::string& part) const;
    QString csvOf(const std::string& part) const;
    QImage imageOf(const std::string& part) const;  // null: it has none
    Result<void> copy(const Json& arguments, bool picture);
    Result<void> save(const Json& arguments);
    Result<void> savePart(const std::string& part, const std::filesystem::path& file) const;
    Result<void> setNormalizer(const QString& name);
    Result<void> setStream(const QString& name);
    // Brings it to the front, and this workspace with it.
    Result<void> showPage(const std::string& page);
    QStringList streamNames() const;

    MainWindow* window_;
    TeachersController* controller_;
    QStackedWidget* pages_;
    QLabel* message_;
    StreamBar* bar_;
    QTabWidget* tabs_;
    StatisticsView* view_;
    CovarianceView* covariance_;
    FeatureCloudView* cloud_;
    ErrorView* errors_;
    FeatureSpace* space_;
    QString normalizer_ = "phi-s", stream_;
};

}  // namespace vitrine
