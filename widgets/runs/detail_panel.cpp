#include "widgets/runs/detail_panel.h"

#include "widgets/runs/run_colors.h"

#include <QDesktopServices>
#include <QEvent>
#include <QFontDatabase>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QSplitter>
#include <QSyntaxHighlighter>
#include <QTabBar>
#include <QTabWidget>
#include <QTreeWidget>
#include <QUrl>
#include <QVBoxLayout>

namespace vitrine {
namespace {

// Added and removed lines of a diff.
class DiffHighlighter : public QSyntaxHighlighter {
  public:
    DiffHighlighter(QPlainTextEdit* edit) : QSyntaxHighlighter(edit->document()), edit_(edit) {}

  protected:
    void highlightBlock(const QString& text) override {
        if (text.startsWith("@@") || text.startsWith("diff "))
            setFormat(0, int(text.size()), statusColor(RunStatus::Running, edit_->palette()));
        else if (text.startsWith('+'))
            setFormat(0, int(text.size()), statusColor(RunStatus::Finished, edit_->palette()));
        else if (text.startsWith('-'))
            setFormat(0, int(text.size()), errorColor(edit_->palette()));
    }

  private:
    QPlainTextEdit* edit_;
};

QTreeWidget* table(const QStringList& headers, const QString& name) {
    auto* tree = new QTreeWidget;
    tree->setHeaderLabels(headers);
    tree->setRootIsDecorated(false);
    tree->setUniformRowHeights(true);
    tree->setAlternatingRowColors(true);
    tree->setAccessibleName(name);
    tree->setFrameShape(QFrame::NoFrame);
    tree->header()->resizeSection(0, 190);
    tree->setTextElideMode(Qt::ElideMiddle);  // names of one group differ at their ends
    return tree;
}

}  // namespace

RunDetailPanel::RunDetailPanel(QWidget* parent)
    : QWidget(parent),
      name_(new QLineEdit),
      summary_(new QLabel),
      error_(new QLabel),
      notes_(new QPlainTextEdit),
      tabs_(new QTabWidget),
      search_(new QLineEdit),
      values_(table({"Parameter", "Value"}, "Parameters")),
      metrics_(table({"Metric", "Newest value", "Step"}, "Metrics")),
      environment_(table({"Property", "Value"}, "Environment")),
      events_(table({"Time", "Event", "Data"}, "Events")),
      artifacts_(table({"File", "Kind", "Step", "Size"}, "Artifacts")),
      diff_(new QPlainTextEdit),
      preview_(new QLabel),
      previewText_(new QLabel) {
    metrics_->header()->setStretchLastSection(false);
    metrics_->header()->setSectionResizeMode(QHeaderView::ResizeToContents);
    metrics_->header()->setSectionResizeMode(0, QHeaderView::Stretch);
    buildPages();
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(8, 8, 8, 8);
    layout->setSpacing(6);
    layout->addWidget(name_);
    layout->addWidget(summary_);
    layout->addWidget(error_);
    layout->addWidget(notes_);
    layout->addWidget(search_);
    layout->addWidget(tabs_, 1);
    connect(name_, &QLineEdit::editingFinished, this, [this] {
        const QString name = name_->text().trimmed();
        if (details_.run.number && !name.isEmpty() && name != QString::fromStdString(details_.run.name))
            emit nameEdited(details_.run, name);
    });
    connect(search_, &QLineEdit::textChanged, this, &RunDetailPanel::search);
    connect(artifacts_, &QTreeWidget::currentItemChanged, this, &RunDetailPanel::showArtifact);
    connect(artifacts_, &QTreeWidget::itemActivated, this, [this](QTreeWidgetItem* item) {
        const int at = artifacts_->indexOfTopLevelItem(item);
        if (at >= 0 && at < int(details_.artifactPaths.size()))
            QDesktopServices::openUrl(
                QUrl::fromLocalFile(QString::fromStdString(details_.artifactPaths[at])));
    });
    clear();
}

void RunDetailPanel::buildPages() {
    QFont heading = font();
    heading.setBold(true);
    heading.setPixelSize(15);
    name_->setFont(heading);
    name_->setToolTip("Name of the run; Return keeps a change");
    name_->setAccessibleName("Name");
    summary_->setWordWrap(true);
    summary_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    error_->setWordWrap(true);
    error_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    notes_->setObjectName("runNotes");
    notes_->setPlaceholderText("Notes");
    notes_->setToolTip("Notes of the run; kept when the field is left");
    notes_->setAccessibleName("Notes");
    notes_->setTabChangesFocus(true);
    notes_->setMaximumHeight(64);
    notes_->installEventFilter(this);
    search_->setPlaceholderText("Search in all tabs");
    search_->setClearButtonEnabled(true);
    diff_->setReadOnly(true);
    diff_->setFont(QFontDatabase::systemFont(QFontDatabase::FixedFont));
    diff_->setLineWrapMode(QPlainTextEdit::NoWrap);
    diff_->setAccessibleName("Difference to the commit");
    diff_->setToolTip("What was changed in the repository against the commit when the run started");
    new DiffHighlighter(diff_);
    auto* environment = new QSplitter(Qt::Vertical);
    environment->addWidget(environment_);
    environment->addWidget(diff_);
    auto* files = new QSplitter(Qt::Vertical);
    files->addWidget(artifacts_);
    auto* picture = new QWidget;
    auto* pictureLayout = new QVBoxLayout(picture);
    preview_->setAlignment(Qt::AlignCenter);
    preview_->setMinimumHeight(90);
    preview_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Ignored);
    previewText_->setWordWrap(true);
    previewText_->setProperty("role", "secondary");
    previewText_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    pictureLayout->addWidget(preview_, 1);
    pictureLayout->addWidget(previewText_);
    files->addWidget(picture);
    files->setSizes({180, 260});
    tabs_->setDocumentMode(true);
    tabs_->setUsesScrollButtons(true);
    tabs_->tabBar()->setDrawBase(false);
    tabs_->addTab(metrics_, "Metrics");
    tabs_->addTab(values_, "Parameters");
    tabs_->addTab(files, "Files");
    tabs_->addTab(environment, "Environment");
    tabs_->addTab(events_, "Events");
    metrics_->header()->resizeSection(0, 150);
    events_->header()->resizeSection(0, 140);
    artifacts_->setToolTip("Return opens the file in another program");
}

void RunDetailPanel::clear() {
    details_ = {};
    for (QTreeWidget* tree : {values_, metrics_, environment_, events_, artifacts_})
        tree->clear();
    for (QWidget* widget :
         {static_cast<QWidget*>(name_), static_cast<QWidget*>(notes_), static_cast<QWidget*>(search_),
          static_cast<QWidget*>(tabs_), static_cast<QWidget*>(error_)})
        widget->hide();
    summary_->setText("Select a run to see its parameters, metrics, environment, events and files.");
    previewPath_.clear();
}

void RunDetailPanel::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    showPreview();
}

bool RunDetailPanel::eventFilter(QObject* watched, QEvent* event) {
    if (watched == notes_ && event->type() == QEvent::FocusOut && details_.run.number &&
        notes_->toPlainText() != QString::fromStdString(notesBefore_)) {
        // With the notes that were edited: somebody else may have written others meanwhile.
        Run edited = details_.run;
        edited.notes = std::exchange(notesBefore_, notes_->toPlainText().toStdString());
        emit notesEdited(edited, notes_->toPlainText());
    }
    return QWidget::eventFilter(watched, event);
}

}  // namespace vitrine
