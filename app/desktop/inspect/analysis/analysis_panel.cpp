#include "app/desktop/inspect/analysis/analysis_panel.h"

#include "app/desktop/inspect/analysis/analysis_pages.h"
#include "widgets/base/elided_combo.h"
#include "widgets/shell/command_center.h"

#include <QContextMenuEvent>
#include <QFormLayout>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QPushButton>
#include <QSpinBox>
#include <QSplitter>
#include <QStackedWidget>
#include <QToolButton>
#include <QVBoxLayout>

namespace vitrine {

AnalysisPanel::AnalysisPanel(AnalysisController* controller, ThumbnailStore* thumbnails, QWidget* parent)
    : QWidget(parent),
      controller_(controller),
      form_(new QFormLayout),
      kind_(new ElidedCombo),
      model_(new ElidedCombo),
      other_(new ElidedCombo),
      samples_(new ElidedCombo),
      labels_(new ElidedCombo),
      patternOf_(new ElidedCombo),
      views_(new QSpinBox),
      count_(new QSpinBox),
      voters_(new QSpinBox),
      layer_(new QSpinBox),
      classes_(new QLineEdit),
      sentence_(new QLineEdit),
      run_(new QPushButton),
      more_(new QToolButton),
      results_(new QStackedWidget),
      message_(new QLabel),
      caption_(new QLabel),
      heatMap_(new HeatMapView),
      curves_(new QSplitter(Qt::Vertical)),
      chart_(new Chart),
      rankTable_(new DataTable),
      classTable_(new DataTable),
      votes_(new QSplitter(Qt::Vertical)),
      confusion_(new HeatMapView),
      voteTable_(new DataTable),
      strip_(new PictureStrip(thumbnails)) {
    setObjectName("analysisPanel");
    setMinimumWidth(240);
    setAttribute(Qt::WA_StyledBackground);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(8, 6, 8, 6);
    layout->setSpacing(6);
    buildForm();
    buildResults();
    connect(controller_, &AnalysisController::settingsChanged, this, &AnalysisPanel::refreshForm);
    connect(controller_, &AnalysisController::modelsChanged, this, &AnalysisPanel::refreshForm);
    connect(controller_, &AnalysisController::changed, this, &AnalysisPanel::refreshResult);
    refreshForm();
    refreshResult();
}

void AnalysisPanel::buildResults() {
    message_->setObjectName("analysisMessage");
    message_->setAlignment(Qt::AlignCenter);
    message_->setWordWrap(true);
    message_->setMargin(12);
    message_->setProperty("role", "secondary");
    message_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    caption_->setObjectName("analysisCaption");
    caption_->setWordWrap(true);
    caption_->setProperty("role", "secondary");
    caption_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    heatMap_->setObjectName("analysisHeatMap");
    chart_->setObjectName("analysisChart");
    chart_->setMinimumHeight(160);
    rankTable_->setObjectName("analysisRanks");
    classTable_->setObjectName("analysisClasses");
    strip_->setObjectName("analysisNeighbors");
    strip_->setAccessibleName(tr("Nearest pictures"));
    curves_->addWidget(chart_);
    curves_->addWidget(rankTable_);
    curves_->setSizes({300, 200});
    confusion_->setObjectName("analysisConfusion");
    confusion_->setToolTip(tr("Click a cell: only its pictures are listed; click it again: all"));
    confusion_->setMinimumHeight(140);
    voteTable_->setObjectName("analysisVotes");
    voteTable_->setAccessibleName(tr("Pictures and the classes that their neighbours name"));
    votes_->addWidget(confusion_);
    votes_->addWidget(voteTable_);
    votes_->setSizes({320, 200});
    for (QWidget* page :
         std::initializer_list<QWidget*>{message_, heatMap_, curves_, classTable_, votes_, strip_})
        results_->addWidget(page);
    layout()->addWidget(results_);
    static_cast<QVBoxLayout*>(layout())->setStretchFactor(results_, 1);
    layout()->addWidget(caption_);
    connect(strip_, &PictureStrip::chosen, this, &AnalysisPanel::pictureChosen);
    connect(voteTable_, &DataTable::rowChosen, this, [this](int row) {
        if (const auto* votes = shown_ ? std::get_if<LabelVotes>(&shown_->result) : nullptr)
            emit pictureChosen(QString::fromStdString(votes->pictures[shownVotes_[size_t(row)]].path));
    });
    connect(confusion_, &HeatMapView::cellClicked, this,
            [this, last = QPoint(-1, -1)](int row, int column) mutable {
                const QPoint cell(column, row);
                last = cell == last ? QPoint(-1, -1) : cell;
                if (const auto* votes = shown_ ? std::get_if<LabelVotes>(&shown_->result) : nullptr)
                    showVotes(*votes, last.x() < 0 ? std::nullopt : std::optional(last));
            });
    connect(classTable_, &DataTable::rowChosen, this, [this](int row) {
        if (const auto* table = shown_ ? std::get_if<ZeroShotTable>(&shown_->result) : nullptr)
            emit pictureChosen(QString::fromStdString(table->rows[size_t(row)].path));
    });
}

void AnalysisPanel::setCommands(CommandCenter& commands) {
    auto* menu = new QMenu(more_);
    for (const char* name :
         {"inspect.analysisCopyCsv", "inspect.analysisCopyPicture", "inspect.analysisSave"})
        menu->addAction(commands.action(name, this));
    more_->setMenu(menu);
}

void AnalysisPanel::contextMenuEvent(QContextMenuEvent* event) {
    if (more_->menu() && results_->geometry().contains(event->pos()))
        more_->menu()->popup(event->globalPos());
}

void AnalysisPanel::refreshResult() {
    run_->setText(controller_->isRunning() ? tr("Cancel") : tr("Run"));
    const auto outcome = controller_->outcome();
    more_->setEnabled(outcome != nullptr);
    if (outcome == shown_ && outcome)
        return;
    shown_ = outcome;
    if (outcome)
        return showOutcome(*outcome);
    const QString hint = tr("%1.\n\nThe pictures that the gallery shows are analysed.")
                             .arg(tr(analysisKindName(controller_->settings().kind).tip));
    message_->setText(!controller_->error().isEmpty() ? controller_->error()
                      : controller_->isRunning()      ? tr("Working: the status bar says how far it is")
                                                      : hint);
    results_->setCurrentWidget(message_);
    caption_->hide();
}

void AnalysisPanel::showVotes(const LabelVotes& votes, std::optional<QPoint> cell) {
    constexpr qsizetype kSpokenRows = 50;
    shownVotes_ = shownVotes(votes, cell);
    const TableContent table = tableOf(votes, shownVotes_);
    QStringList spoken;
    for (qsizetype row = 0; row < std::min<qsizetype>(kSpokenRows, qsizetype(table.rows.size())); ++row)
        spoken.append(tr("%1: %2, named %3")
                          .arg(table.rows[size_t(row)][0].toString(), table.rows[size_t(row)][1].toString(),
                               table.rows[size_t(row)][2].toString()));
    voteTable_->setContent(table);
    voteTable_->setAccessibleDescription(spoken.join("; "));
}

void AnalysisPanel::showOutcome(const AnalysisOutcome& outcome) {
    caption_->setText(captionOf(outcome));
    QStringList reasons;
    for (const SkippedPicture& picture : outcome.skipped())
        reasons.append(QString::fromStdString(picture.path + ": " + picture.reason));
    caption_->setToolTip(reasons.mid(0, 20).join('\n'));
    caption_->show();
    if (const auto* compared = std::get_if<LayerComparison>(&outcome.result)) {
        heatMap_->setMap(heatMapOf(*compared, outcome.model, outcome.other));
        results_->setCurrentWidget(heatMap_);
    } else if (const auto* pattern = std::get_if<FixedPatternResult>(&outcome.result)) {
        heatMap_->setMap(heatMapOf(*pattern, outcome.model, patternOf_->currentIndex() == 1));
        results_->setCurrentWidget(heatMap_);
    } else if (const auto* ranks = std::get_if<LayerRanks>(&outcome.result)) {
        chart_->setAxes(tr("layer of %1").arg(outcome.model), tr("rank (directions)"));
        chart_->setXNames(layerNamesOf(*ranks));
        chart_->setSeries(chartOf(*ranks));
        rankTable_->setContent(tableOf(*ranks));
        rankTable_->setAccessibleName(tr("Rank of each layer"));
        rankTable_->setAccessibleDescription(rankTable_->toCsv());
        results_->setCurrentWidget(curves_);
    } else if (const auto* classes = std::get_if<ZeroShotTable>(&outcome.result)) {
        classTable_->setContent(tableOf(*classes));
        classTable_->setAccessibleName(tr("Zero-shot classes"));
        classTable_->setAccessibleDescription(classTable_->toCsv());
        results_->setCurrentWidget(classTable_);
    } else if (const auto* votes = std::get_if<LabelVotes>(&outcome.result)) {
        constexpr size_t kMostClasses = 64;  // more cannot be told apart in the dock
        confusion_->setVisible(votes->classes.size() <= kMostClasses);
        if (votes->classes.size() <= kMostClasses)
            confusion_->setMap(heatMapOf(*votes, outcome.model));
        showVotes(*votes, std::nullopt);
        results_->setCurrentWidget(votes_);
    } else if (const auto* nearest = std::get_if<NeighborLists>(&outcome.result)) {
        strip_->setPictures(stripOf(*nearest));
        results_->setCurrentWidget(strip_);
    }
}

QImage AnalysisPanel::image() const {
    if (!shown_)
        return {};
    const QWidget* page = results_->currentWidget();
    if (page == heatMap_)
        return heatMap_->toImage();
    if (page == strip_)
        return strip_->toImage();
    if (page == votes_ && !confusion_->map().isEmpty() && !confusion_->isHidden())
        return confusion_->toImage();
    if (page == votes_)
        return voteTable_->grab().toImage();
    if (page == curves_)
        return chart_->toPixmap(1200, 800).toImage();
    return classTable_->grab().toImage();
}

}  // namespace vitrine
