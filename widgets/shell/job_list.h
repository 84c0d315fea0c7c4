// What runs in the background: shown in the status bar with progress, time left and a cancel button.
#pragma once

#include "core/base/job_context.h"

#include <QMap>
#include <QObject>
#include <QWidget>
#include <functional>

class QLabel;
class QProgressBar;
class QToolButton;

namespace vitrine {

class JobList : public QObject {
    Q_OBJECT
  public:
    struct Job {
        QString title;
        Progress progress;
        std::function<void()> cancel;
        bool outlives = false;  // a process that goes on when the window is closed
    };
    using QObject::QObject;

    int begin(const QString& title, std::function<void()> cancel, bool outlives = false);
    void update(int id, const Progress& progress);
    void end(int id);
    void cancel(int id);
    void cancelAll();
    // Those that end with the window; what outlives it goes on.
    void cancelOwn();
    bool hasOwn() const;
    const QMap<int, Job>& jobs() const { return jobs_; }

  signals:
    void changed();

  private:
    QMap<int, Job> jobs_;
    int next_ = 1;
};

// The status bar's part: the newest job, how many more, a click lists all.
class JobStatus : public QWidget {
    Q_OBJECT
  public:
    explicit JobStatus(JobList* jobs, QWidget* parent = nullptr);

  private:
    void refresh();
    void showMenu();

    JobList* jobs_;
    QLabel* text_;
    QProgressBar* bar_;
    QToolButton* cancel_;
    QToolButton* more_;
};

}  // namespace vitrine
