// Everything that is known about one run: overview with notes, parameters, newest metrics, environment with
// the difference to the commit, events, artifacts with a preview of pictures.
#pragma once

#include "core/runs/run_store.h"

#include <QImage>
#include <QWidget>

class QLabel;
class QLineEdit;
class QPlainTextEdit;
class QPushButton;
class QTabWidget;
class QTreeWidget;

namespace vitrine {

struct MetricNow {
    std::string name;
    SqlValue value;
    int64_t step = 0;
};

struct RunDetails {
    Run run;
    Json params = Json::object();  // {key: value}
    std::vector<MetricNow> metrics;
    Json environment = Json::object();
    std::vector<RunEvent> events;
    std::vector<Artifact> artifacts;
    std::vector<std::string> artifactPaths;  // of the stored files, one per artifact
};

class RunDetailPanel : public QWidget {
    Q_OBJECT
  public:
    explicit RunDetailPanel(QWidget* parent = nullptr);

    // The tab, the search and edits in progress stay.
    void setDetails(const RunDetails& details);
    void clear();
    void setImage(const QString& path, const QImage& image, const QString& error);
    int64_t runNumber() const { return details_.run.number; }

  signals:
    void imageWanted(const QString& path);
    void notesEdited(const vitrine::Run& run, const QString& notes);
    void nameEdited(const vitrine::Run& run, const QString& name);

  protected:
    void resizeEvent(QResizeEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    void buildPages();
    void fillOverview();
    void fillEnvironment();
    void fillEvents();
    void fillArtifacts();
    void search(const QString& text);
    void showArtifact();
    void showPreview();

    RunDetails details_;
    std::string notesBefore_;  // what was stored when the text in the field was put there
    QLineEdit* name_;
    QLabel* summary_;
    QLabel* error_;
    QPlainTextEdit* notes_;
    QTabWidget* tabs_;
    QLineEdit* search_;
    QTreeWidget *values_, *metrics_, *environment_, *events_, *artifacts_;
    QPlainTextEdit* diff_;
    QLabel *preview_, *previewText_;
    QString previewPath_;
    QImage previewImage_;
};

}  // namespace vitrine
