// The runs of a workspace that shows one and compares it with others: a click shows a run, ticks choose what
// is laid beside it. Columns: name, something of the workspace's own, state, more of its own, when it was
// created.
#pragma once

#include "core/runs/run_store.h"

#include <QTreeWidget>

namespace vitrine {

struct RunChoice {
    const Run* run = nullptr;
    QString subject;     // what it works on: model, teachers
    QStringList values;  // as many as the list has columns for: how far it is, how good
    bool shown = false;
    bool compared = false;
};

class RunChoiceList : public QTreeWidget {
    Q_OBJECT
  public:
    // `values`: headers of the columns between state and date.
    RunChoiceList(const QString& subject, const QStringList& values, QWidget* parent = nullptr);

    void setRuns(const std::vector<RunChoice>& runs);

  signals:
    void runChosen(const QString& id);
    void comparedChanged(const QStringList& ids);  // those that are ticked

  private:
    void fill(QTreeWidgetItem* item, const RunChoice& choice);
    int valueCount_;
};

}  // namespace vitrine
