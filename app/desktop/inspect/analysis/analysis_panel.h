// The analysis dock: what to ask (a form that fits the kind), and the result: heat map, curves, table or
// pictures.
#pragma once

#include "app/desktop/inspect/analysis/analysis_controller.h"

#include <QImage>
#include <QWidget>

class QFormLayout;
class QLabel;
class QLineEdit;
class QPushButton;
class QSpinBox;
class QSplitter;
class QStackedWidget;
class QToolButton;

namespace vitrine {

class Chart;
class CommandCenter;
class DataTable;
class ElidedCombo;
class HeatMapView;
class PictureStrip;
class ThumbnailStore;

class AnalysisPanel : public QWidget {
    Q_OBJECT
  public:
    // `thumbnails`: for the nearest pictures only (see PictureStrip).
    AnalysisPanel(AnalysisController* controller, ThumbnailStore* thumbnails, QWidget* parent = nullptr);

    // Buttons and menu of copying and saving.
    void setCommands(CommandCenter& commands);
    // What is shown, on white; null if there is nothing that is a picture.
    QImage image() const;
    void focusClasses();

  signals:
    void runRequested();
    void pictureChosen(const QString& path);

  protected:
    void contextMenuEvent(QContextMenuEvent* event) override;

  private:
    void buildForm();
    void buildResults();
    void addField(const QString& label, QWidget* field, const QString& name, const QString& tip);
    void refreshForm();
    void refreshModels(ElidedCombo* box, const LoadedModel* chosen, bool onlyWithText);
    void refreshResult();
    void showVotes(const LabelVotes& votes, std::optional<QPoint> cell);
    void chooseLabelFile();
    void showOutcome(const AnalysisOutcome& outcome);
    void edit(const std::function<void(AnalysisSettings&)>& change);

    AnalysisController* controller_;
    QFormLayout* form_;
    ElidedCombo *kind_, *model_, *other_, *samples_, *labels_, *patternOf_;
    QSpinBox *views_, *count_, *voters_, *layer_;
    QLineEdit *classes_, *sentence_;
    QPushButton* run_;
    QToolButton* more_;
    QStackedWidget* results_;
    QLabel *message_, *caption_;
    HeatMapView* heatMap_;
    QSplitter* curves_;
    Chart* chart_;
    DataTable *rankTable_, *classTable_;
    QSplitter* votes_;
    HeatMapView* confusion_;
    DataTable* voteTable_;
    std::vector<size_t> shownVotes_;  // rows of the table in LabelVotes::pictures
    PictureStrip* strip_;
    std::shared_ptr<const AnalysisOutcome> shown_;
};

}  // namespace vitrine
