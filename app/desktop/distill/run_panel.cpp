#include "app/desktop/distill/run_panel.h"

#include "app/desktop/distill/cockpit_view.h"
#include "widgets/base/icons.h"
#include "widgets/base/text_label.h"
#include "widgets/base/theme.h"
#include "widgets/runs/run_colors.h"
#include "widgets/runs/run_columns.h"

#include <QHBoxLayout>
#include <QProgressBar>
#include <QPushButton>

namespace vitrine {
namespace {

constexpr int kWide = 1000, kIconWidth = 36;  // pixels of the screen

}  // namespace

RunPanel::RunPanel(DistillController* controller, QWidget* parent)
    : QWidget(parent),
      controller_(controller),
      name_(makeTextLabel("distillRunName")),
      state_(makeTextLabel("distillRunState")),
      numbers_(makeTextLabel("distillNumbers")),
      warning_(makeTextLabel("distillWarning")),
      end_(makeTextLabel("distillEnd")),
      bar_(new QProgressBar) {
    setObjectName("distillRunPanel");
    setAttribute(Qt::WA_StyledBackground);
    name_->setProperty("role", "heading");
    numbers_->setProperty("role", "secondary");
    for (QLabel* label : {warning_, end_}) {
        label->setWordWrap(true);
        label->hide();
    }
    bar_->setObjectName("distillProgress");
    bar_->setTextVisible(false);
    bar_->setFixedHeight(6);
    pause_ = button("play", tr("Pause"), tr("The job waits in memory after the step at hand"), "pause");
    stop_ = button("cancel", tr("Stop"),
                   tr("Ends after the step at hand; it can be resumed from its last checkpoint"), "stop");
    probe_ = button("probe", tr("Probe"),
                    tr("Keep the maps of the probe pictures now, also while it is paused"), "probe");
    snapshot_ =
        button("camera", tr("Snapshot"), tr("Store the student as it is now as a RADIO folder"), "snapshot");
    export_ = button("export", tr("Export…"),
                     tr("Copy the stored student into a folder, as an ordinary RADIO folder"), "export");
    inspect_ =
        button("inspect", tr("Open in Inspect"), tr("Look at the stored student's features"), "inspect");
    recipe_ = button("text", tr("Recipe"),
                     tr("Take this run's recipe into the form, to start another like it"), "useRecipe");
    for (QPushButton* each : {probe_, snapshot_, recipe_, export_, inspect_}) {
        each->setProperty("wide", each->text());
        each->setAccessibleName(each->text());
        each->setMinimumWidth(kIconWidth);
    }
    auto* top = new QHBoxLayout;
    top->setSpacing(6);
    top->addWidget(name_);
    top->addWidget(state_);
    top->addStretch(1);
    for (QPushButton* each : {pause_, stop_, probe_, snapshot_, recipe_, export_, inspect_})
        top->addWidget(each);
    auto* whole = new QVBoxLayout(this);
    whole->setContentsMargins(8, 6, 8, 4);
    whole->setSpacing(4);
    whole->addLayout(top);
    whole->addWidget(bar_);
    whole->addWidget(numbers_);
    whole->addWidget(warning_);
    whole->addWidget(end_);
    connect(controller_, &DistillController::stateChanged, this, &RunPanel::refresh);
    connect(controller_, &DistillController::shownChanged, this, &RunPanel::refresh);
    connect(&Theme::instance(), &Theme::changed, this, &RunPanel::refresh);
    refresh();
}

QPushButton* RunPanel::button(const QString& icon, const QString& text, const QString& tip,
                              const QString& command) {
    auto* made = new QPushButton(themedIcon(icon), text);
    made->setObjectName("distill" + command.left(1).toUpper() + command.mid(1));
    made->setToolTip(tip);
    connect(made, &QPushButton::clicked, this, [this, made, command] {
        emit commandRequested(made == pause_ ? pause_->property("command").toString() : command);
    });
    return made;
}

void RunPanel::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    for (QPushButton* each : {probe_, snapshot_, recipe_, export_, inspect_})
        each->setText(width() < kWide ? QString() : each->property("wide").toString());
}

// "step 120 of 1000 · 3 min left · 84.2 pictures per s · waits 3 % for pictures · 812 MB"
QString RunPanel::numbersText() const {
    const auto run = controller_->run();
    const auto newest = [&](const char* metric) -> std::optional<double> {
        const auto* points = run->points(metric);
        return points && !points->empty() ? std::optional(points->back().value) : std::nullopt;
    };
    QStringList parts;
    const Json steps = run->settings.value("steps", Json());
    // A run whose steps were lowered below where it was has ended there.
    parts.append(steps.is_number() && steps.get<int64_t>() > run->step()
                     ? tr("step %1 of %2").arg(run->step()).arg(steps.get<int64_t>())
                     : tr("step %1").arg(run->step()));
    // Before the first step: what it does. Then how long it takes.
    const JobAnswer& job = controller_->job();
    if (!job.text.startsWith("training") && !job.text.isEmpty())
        parts.append(job.text);
    else if (job.remainingSeconds >= 0)
        parts.append(tr("%1 left").arg(durationText(job.remainingSeconds)));
    if (const auto loss = newest("loss"))
        parts.append(tr("loss %1").arg(*loss, 0, 'g', 4));
    if (const auto rate = newest("time/pictures per second"))
        parts.append(tr("%1 pictures per s").arg(*rate, 0, 'f', 1));
    if (const auto stall = newest("time/stall share"))
        parts.append(tr("waits %1 % for pictures").arg(std::lround(*stall * 100)));
    if (const auto memory = newest("system/peak memory (MB)"))
        parts.append(tr("%1 MB at most").arg(std::lround(*memory)));
    return parts.join(QStringLiteral("  ·  "));
}

void RunPanel::refresh() {
    const auto run = controller_->run();
    const bool live = run && isLive(run->run.status);
    const bool paused =
        live && (run->run.status == RunStatus::Paused || controller_->job().status == "paused");
    const bool ended = run && !live && run->run.status != RunStatus::Finished;
    for (QPushButton* each : {stop_, probe_, snapshot_})
        each->setEnabled(live);
    for (QPushButton* each : {export_, inspect_})
        each->setEnabled(run && !run->student.empty());
    recipe_->setEnabled(run != nullptr);
    pause_->setEnabled(live || ended);
    pause_->setText(paused || ended ? tr("Resume") : tr("Pause"));
    pause_->setProperty("command", paused || ended ? "resume" : "pause");
    bar_->setVisible(live);
    if (!run) {
        name_->setText(tr("No distillation yet"));
        for (QLabel* label : {state_, numbers_})
            label->clear();
        warning_->hide();
        end_->hide();
        return;
    }
    const QString id = QString::fromStdString(run->run.id);
    name_->setText(run->run.name.empty() ? id : QString::fromStdString(run->run.name));
    name_->setToolTip(tr("Run %1, started %2").arg(id, timeText(run->run.created)));
    const QString pending = controller_->pending();
    state_->setText(pending.isEmpty()
                        ? QString::fromLatin1(paused ? "paused" : runStatusName(run->run.status))
                        : pending);
    setTextColor(state_, statusColor(paused ? RunStatus::Paused : run->run.status, palette()));
    const Json steps = run->settings.value("steps", Json());
    bar_->setRange(0, steps.is_number() ? int(steps.get<int64_t>()) : 0);
    bar_->setValue(int(run->step()));
    numbers_->setText(numbersText());
    warning_->setText(dominanceWarning(*run));
    warning_->setVisible(!warning_->text().isEmpty());
    setTextColor(warning_, Theme::instance().colors().warning);
    end_->setText(endText(*run));
    end_->setVisible(!end_->text().isEmpty());
    setTextColor(end_, run->run.status == RunStatus::Cancelled ? Theme::instance().colors().secondaryText
                                                               : Theme::instance().colors().bad);
}

}  // namespace vitrine
