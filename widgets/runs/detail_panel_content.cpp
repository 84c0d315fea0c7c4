// What the panel says about a run: its lists, and the picture of the chosen file.
#include "widgets/runs/detail_panel.h"
#include "widgets/runs/run_colors.h"
#include "widgets/runs/run_columns.h"

#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QScrollBar>
#include <QTabWidget>
#include <QTreeWidget>

namespace vitrine {
namespace {

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

}  // namespace vitrine
