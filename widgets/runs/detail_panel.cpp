#include "widgets/runs/detail_panel.h"

#include "widgets/runs/run_colors.h"
#include "widgets/runs/run_columns.h"

#include <QDesktopServices>
#include <QEvent>
#include <QFontDatabase>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QScrollBar>
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
    return tree;
}

QString jsonText(const Json& value) {
    return QString::fromStdString(value.is_string() ? value.get<std::string>() : value.dump());
}

// Fills `tree` without losing its place.
void fill(QTreeWidget* tree, const QList<QStringList>& lines) {
    const int scroll = tree->verticalScrollBar()->value();
    const int current = tree->indexOfTopLevelItem(tree->currentItem());
    tree->clear();
    QList<QTreeWidgetItem*> items;
    for (const QStringList& line : lines) {
        auto* item = new QTreeWidgetItem(line);
        for (int column = 0; column < line.size(); ++column)
            item->setToolTip(column, line[column].left(2000));
        items.append(item);
    }
    tree->addTopLevelItems(items);
    if (current >= 0 && current < items.size())
        tree->setCurrentItem(items[current]);
    tree->verticalScrollBar()->setValue(scroll);
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

void RunDetailPanel::setDetails(const RunDetails& details) {
    const bool other = details.run.number != details_.run.number;
    details_ = details;
    for (QWidget* widget : {static_cast<QWidget*>(name_), static_cast<QWidget*>(notes_),
                            static_cast<QWidget*>(search_), static_cast<QWidget*>(tabs_)})
        widget->show();
    fillOverview();
    if (other || !notes_->hasFocus()) {
        notesBefore_ = details_.run.notes;
        notes_->setPlainText(QString::fromStdString(notesBefore_));
    }
    if (other || !name_->hasFocus())
        name_->setText(QString::fromStdString(details_.run.name));
    QList<QStringList> lines;
    for (const auto& [key, value] : details_.params.items())
        lines.append({QString::fromStdString(key), jsonText(value)});
    fill(values_, lines);
    lines.clear();
    for (const MetricNow& metric : details_.metrics)
        lines.append({QString::fromStdString(metric.name), sqlValueText(metric.value, 8),
                      QString::number(metric.step)});
    fill(metrics_, lines);
    fillEnvironment();
    fillEvents();
    fillArtifacts();
    search(search_->text());
}

void RunDetailPanel::fillOverview() {
    const Run& run = details_.run;
    QStringList parts{QString("<b style='color:%1'>%2</b>")
                          .arg(statusColor(run.status, palette()).name(), runStatusName(run.status))};
    const auto add = [&](const QString& text) {
        if (!text.isEmpty())
            parts.append(text.toHtmlEscaped());
    };
    add(QString::fromStdString(run.kind));
    add(run.created > 0 ? timeText(run.created) : QString());
    if (run.ended > 0 && run.started > 0)
        add(durationText(run.ended - run.started));
    add(run.seed ? QString("seed %1").arg(*run.seed) : QString());
    add(QString::fromStdString(run.device));
    for (const std::string& tag : run.tags)
        add('#' + QString::fromStdString(tag));
    add(run.parent.empty() ? QString() : "from " + QString::fromStdString(run.parent));
    add(run.process.pid > 0 && isLive(run.status) ? QString("process %1").arg(run.process.pid) : QString());
    add(QString::fromStdString(run.id));
    if (run.deletedAt > 0)
        parts.append("in the trash");
    summary_->setText(parts.join(" · "));
    error_->setVisible(!run.error.empty());
    error_->setText(QString::fromStdString(run.error));
    QPalette colors = palette();
    colors.setColor(QPalette::WindowText, errorColor(palette()));
    error_->setPalette(colors);
}

void RunDetailPanel::fillEnvironment() {
    QList<QStringList> lines;
    QString diff;
    for (const auto& [key, value] : flattenParams(details_.environment)) {
        if (key == "git.diff")
            diff = jsonText(value);
        else
            lines.append({QString::fromStdString(key), jsonText(value)});
    }
    fill(environment_, lines);
    diff_->setVisible(!diff.isEmpty());
    if (diff_->toPlainText() != diff)
        diff_->setPlainText(diff);
}

void RunDetailPanel::fillEvents() {
    QList<QStringList> lines;
    for (const RunEvent& event : details_.events)
        lines.append({timeText(event.time), QString::fromStdString(event.kind),
                      event.data.empty() ? QString() : jsonText(event.data)});
    fill(events_, lines);
}

void RunDetailPanel::fillArtifacts() {
    QList<QStringList> lines;
    for (const Artifact& artifact : details_.artifacts)
        lines.append({QString::fromStdString(artifact.name), QString::fromStdString(artifact.kind),
                      artifact.step >= 0 ? QString::number(artifact.step) : QString(),
                      bytesText(artifact.bytes)});
    fill(artifacts_, lines);
    if (!artifacts_->currentItem() && artifacts_->topLevelItemCount())
        artifacts_->setCurrentItem(artifacts_->topLevelItem(0));
    showArtifact();
}

void RunDetailPanel::search(const QString& text) {
    for (QTreeWidget* tree : {values_, metrics_, environment_, events_, artifacts_})
        for (int i = 0; i < tree->topLevelItemCount(); ++i) {
            QTreeWidgetItem* item = tree->topLevelItem(i);
            bool found = false;
            for (int column = 0; column < item->columnCount() && !found; ++column)
                found = item->text(column).contains(text, Qt::CaseInsensitive);
            item->setHidden(!found);
        }
}

void RunDetailPanel::showArtifact() {
    const int at = artifacts_->indexOfTopLevelItem(artifacts_->currentItem());
    if (at < 0 || at >= int(details_.artifacts.size())) {
        preview_->clear();
        previewText_->clear();
        return;
    }
    const Artifact& artifact = details_.artifacts[at];
    QString text = QString("SHA-256 %1").arg(QString::fromStdString(artifact.sha256.substr(0, 16)));
    for (const auto& [key, value] : flattenParams(artifact.provenance))
        text += QString(" · %1: %2").arg(QString::fromStdString(key), jsonText(value).left(80));
    previewText_->setText(text);
    const QString path = QString::fromStdString(details_.artifactPaths[at]);
    if (path == previewPath_)
        return;
    previewPath_ = path;
    previewImage_ = {};
    preview_->clear();
    if (artifact.kind == "image" || artifact.mediaType.starts_with("image/"))
        emit imageWanted(path);
}

void RunDetailPanel::setImage(const QString& path, const QImage& image, const QString& error) {
    if (path != previewPath_)
        return;
    previewImage_ = image;
    image.isNull() ? preview_->setText(error) : showPreview();
}

void RunDetailPanel::showPreview() {
    if (!previewImage_.isNull() && preview_->width() > 10 && preview_->height() > 10)
        preview_->setPixmap(QPixmap::fromImage(previewImage_.scaled(
            preview_->size(), Qt::KeepAspectRatio,
            previewImage_.width() > 96 ? Qt::SmoothTransformation : Qt::FastTransformation)));
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
