#include "widgets/shell/job_list.h"

#include "widgets/base/icons.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QMenu>
#include <QProgressBar>
#include <QToolButton>
#include <algorithm>

namespace vitrine {

int JobList::begin(const QString& title, std::function<void()> cancel, bool outlives) {
    const int id = next_++;
    jobs_.insert(id, {title, {}, std::move(cancel), outlives});
    emit changed();
    return id;
}

void JobList::update(int id, const Progress& progress) {
    const auto job = jobs_.find(id);
    if (job == jobs_.end())
        return;
    job->progress = progress;
    emit changed();
}

void JobList::end(int id) {
    if (jobs_.remove(id) > 0)
        emit changed();
}

void JobList::cancel(int id) {
    const auto job = jobs_.find(id);
    if (job != jobs_.end() && job->cancel)
        job->cancel();
}

void JobList::cancelAll() {
    for (const int id : jobs_.keys())
        cancel(id);
}

void JobList::cancelOwn() {
    for (const int id : jobs_.keys())
        if (jobs_.contains(id) && !jobs_[id].outlives)
            cancel(id);
}

bool JobList::hasOwn() const {
    return std::any_of(jobs_.begin(), jobs_.end(), [](const Job& job) { return !job.outlives; });
}

JobStatus::JobStatus(JobList* jobs, QWidget* parent)
    : QWidget(parent),
      jobs_(jobs),
      text_(new QLabel),
      bar_(new QProgressBar),
      cancel_(new QToolButton),
      more_(new QToolButton) {
    setObjectName("jobStatus");
    text_->setObjectName("jobText");
    bar_->setTextVisible(false);
    bar_->setFixedWidth(140);
    cancel_->setIcon(themedIcon("cancel"));
    cancel_->setIconSize({14, 14});
    cancel_->setToolTip(tr("Cancel this job"));
    cancel_->setObjectName("jobCancel");
    more_->setToolTip(tr("All running jobs"));
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(6, 0, 6, 0);
    layout->setSpacing(8);
    for (QWidget* part : std::initializer_list<QWidget*>{text_, bar_, cancel_, more_})
        layout->addWidget(part);
    connect(jobs_, &JobList::changed, this, &JobStatus::refresh);
    connect(cancel_, &QToolButton::clicked, this, [this] {
        if (!jobs_->jobs().isEmpty())
            jobs_->cancel(jobs_->jobs().lastKey());
    });
    connect(more_, &QToolButton::clicked, this, &JobStatus::showMenu);
    refresh();
}

void JobStatus::refresh() {
    const auto& jobs = jobs_->jobs();
    for (QWidget* part : std::initializer_list<QWidget*>{bar_, cancel_})
        part->setVisible(!jobs.isEmpty());
    more_->setVisible(jobs.size() > 1);
    more_->setText(tr("+%1").arg(jobs.size() - 1));
    if (jobs.isEmpty()) {
        text_->setText(tr("Ready"));
        return;
    }
    const JobList::Job& job = jobs.last();
    const QString progress = QString::fromStdString(job.progress.text());
    text_->setText(progress.isEmpty() ? job.title
                   : job.outlives     ? QStringLiteral("%1: %2").arg(job.title, progress)
                                      : progress);
    cancel_->setToolTip(
        job.outlives ? tr("Stop %1 after its next checkpoint; it can be resumed in Runs").arg(job.title)
                     : tr("Cancel %1").arg(job.title));
    bar_->setRange(0, job.progress.total > 0 ? 1000 : 0);
    if (job.progress.total > 0)
        bar_->setValue(int(1000 * job.progress.done / job.progress.total));
}

void JobStatus::showMenu() {
    auto* menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    const auto& jobs = jobs_->jobs();
    for (auto job = jobs.cbegin(); job != jobs.cend(); ++job)
        menu->addAction(themedIcon("cancel"),
                        tr("Cancel %1: %2").arg(job->title, QString::fromStdString(job->progress.text())),
                        this, [this, id = job.key()] { jobs_->cancel(id); });
    menu->popup(mapToGlobal(QPoint(0, -menu->sizeHint().height())));
}

}  // namespace vitrine
