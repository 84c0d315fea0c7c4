#include "app/desktop/compress/compress_head.h"

#include "widgets/base/icons.h"
#include "widgets/base/text_label.h"
#include "widgets/base/theme.h"
#include "widgets/runs/run_colors.h"
#include "widgets/runs/run_columns.h"

#include <QFileInfo>
#include <QHBoxLayout>
#include <QProgressBar>
#include <QPushButton>

namespace vitrine {
CompressHead::CompressHead(CompressController* controller, QWidget* parent)
    : QWidget(parent),
      controller_(controller),
      name_(makeTextLabel("compressRunName")),
      state_(makeTextLabel("compressRunState")),
      numbers_(makeTextLabel("compressRunNumbers")),
      end_(makeTextLabel("compressRunEnd")),
      bar_(new QProgressBar) {
    setObjectName("compressHead");
    setAttribute(Qt::WA_StyledBackground);
    name_->setProperty("role", "heading");
    numbers_->setProperty("role", "secondary");
    // What a job says of itself may be long: it never widens the window.
    numbers_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    end_->setWordWrap(true);
    end_->hide();
    bar_->setObjectName("compressProgress");
    bar_->setTextVisible(false);
    bar_->setFixedHeight(6);
    stop_ =
        button("cancel", tr("Cancel"),
               tr("Ends after the step at hand; it can be resumed behind the last finished plan"), "stop");
    resume_ = button("play", tr("Resume"), tr("Goes on behind the last finished plan, to the same result"),
                     "resume");
    recipe_ = button("text", tr("Recipe"), tr("Take this run's recipe into the designer"), "useRecipe");
    export_ =
        button("export", tr("Export…"),
               tr("Copy the model of the chosen plan as an ordinary Hugging Face folder, with its lineage"),
               "export");
    auto* top = new QHBoxLayout;
    top->setSpacing(6);
    top->addWidget(name_);
    top->addWidget(state_);
    top->addWidget(numbers_, 1);
    for (QPushButton* each : {stop_, resume_, recipe_, export_})
        top->addWidget(each);
    auto* whole = new QVBoxLayout(this);
    whole->setContentsMargins(8, 6, 8, 4);
    whole->setSpacing(4);
    whole->addLayout(top);
    whole->addWidget(bar_);
    whole->addWidget(end_);
    connect(controller_, &CompressController::stateChanged, this, &CompressHead::refresh);
    connect(controller_, &CompressController::shownChanged, this, &CompressHead::refresh);
    connect(&Theme::instance(), &Theme::changed, this, &CompressHead::refresh);
    refresh();
}

QPushButton* CompressHead::button(const QString& icon, const QString& text, const QString& tip,
                                  const QString& command) {
    auto* made = new QPushButton(themedIcon(icon), text);
    made->setObjectName("compress" + command.left(1).toUpper() + command.mid(1));
    made->setToolTip(tip);
    connect(made, &QPushButton::clicked, this, [this, command] { emit commandRequested(command); });
    return made;
}

void CompressHead::refresh() {
    const auto run = controller_->run();
    const bool live = run && isLive(run->run.status);
    stop_->setVisible(live);
    stop_->setEnabled(controller_->pending().isEmpty());
    resume_->setVisible(run && !live && run->run.status != RunStatus::Finished);
    resume_->setEnabled(controller_->pending().isEmpty());
    recipe_->setEnabled(run != nullptr);
    export_->setEnabled(run && !run->rows.empty());
    bar_->setVisible(live);
    if (!run) {
        name_->setText(controller_->pending().isEmpty() ? tr("No sweep yet") : controller_->pending());
        state_->clear();
        numbers_->clear();
        end_->hide();
        return;
    }
    const QString id = QString::fromStdString(run->run.id);
    name_->setText(run->run.name.empty() ? id : QString::fromStdString(run->run.name));
    name_->setToolTip(tr("Run %1, started %2").arg(id, timeText(run->run.created)));
    state_->setText(controller_->pending().isEmpty() ? QString::fromLatin1(runStatusName(run->run.status))
                                                     : controller_->pending());
    setTextColor(state_, statusColor(run->run.status, palette()));
    const QString model = QFileInfo(QString::fromStdString(run->model())).fileName();
    const CompressProgress& progress = controller_->progress();
    numbers_->setText(live ? tr("%1 · %2 plans done · %3").arg(model).arg(run->rows.size()).arg(progress.text)
                           : tr("%1 · %2 plans").arg(model).arg(run->rows.size()));
    bar_->setRange(0, progress.total > 0 ? int(progress.total) : 0);
    bar_->setValue(int(progress.done));
    const bool bad = run->run.status == RunStatus::Failed || run->run.status == RunStatus::Interrupted;
    end_->setText(bad ? QString::fromStdString(run->run.error) : QString());
    end_->setVisible(!end_->text().isEmpty());
    setTextColor(end_, Theme::instance().colors().bad);
}

}  // namespace vitrine
