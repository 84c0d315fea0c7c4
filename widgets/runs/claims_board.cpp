#include "widgets/runs/claims_board.h"

#include "widgets/base/theme.h"
#include "widgets/runs/claims_tables.h"

#include <QDateTime>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QPixmap>
#include <QPushButton>
#include <QSplitter>
#include <QTableWidget>
#include <QVBoxLayout>
#include <algorithm>

namespace vitrine {

namespace {

QColor stateColor(ClaimState state) {
    const ThemeColors& colors = Theme::instance().colors();
    switch (state) {
        case ClaimState::Holds:
            return colors.good;
        case ClaimState::Fails:
            return colors.bad;
        case ClaimState::NeverRun:
            return colors.secondaryText;
        default:
            return colors.accent;
    }
}

QString timeText(double seconds) {
    return QDateTime::fromSecsSinceEpoch(qint64(seconds)).toString("yyyy-MM-dd HH:mm");
}

}  // namespace

QString claimStateText(const ClaimLine& line) {
    switch (line.state) {
        case ClaimState::Starting:
            return ClaimsBoard::tr("starting");
        case ClaimState::Running:
            return ClaimsBoard::tr("running, seed %1 of %2")
                .arg(std::min(line.seedsDone + 1, line.wantedSeeds))
                .arg(line.wantedSeeds);
        case ClaimState::Paused:
            return ClaimsBoard::tr("paused");
        case ClaimState::Holds:
            return ClaimsBoard::tr("holds");
        case ClaimState::Fails:
            return ClaimsBoard::tr("FAILS");
        default:
            return ClaimsBoard::tr("never run");
    }
}

ClaimsBoard::ClaimsBoard(QWidget* parent)
    : QWidget(parent),
      problem_(new QLabel),
      heading_(new QLabel),
      statement_(new QLabel),
      rule_(new QLabel),
      provenance_(new QLabel),
      list_(claimTable("claimsList",
                       {tr("Verdict"), tr("System"), tr("Rules"), tr("Seeds"), tr("Measured"), tr("Version"),
                        tr("Time"), tr("What it says")},
                       {tr("What the newest finished run found"),
                        {},
                        tr("Lines of the pass rule that hold"),
                        tr("Seeds of the newest finished run"),
                        tr("When, local time"),
                        tr("Program and commit that measured it"),
                        tr("Estimate for all seeds on two processor cores, minutes"),
                        {}})),
      rules_(claimTable("claimRules", {tr("Rule"), tr("Measured"), tr("Limit"), tr("Spread"), QString()},
                        {tr("Line of the pass rule"),
                         tr("Over all seeds"),
                         tr("What the rule wants"),
                         tr("The same judged on each seed alone: mean ± standard deviation"),
                         {}})),
      arms_(claimTable("claimArms", {tr("Metric")}, {})),
      run_(new QPushButton(tr("Run"))),
      runMissing_(new QPushButton(tr("Run all without a verdict"))),
      stop_(new QPushButton(tr("Stop"))),
      runs_(new QPushButton(tr("Its runs"))),
      export_(new QPushButton(tr("Export…"))) {
    setObjectName("claimsBoard");
    setAttribute(Qt::WA_StyledBackground);
    run_->setObjectName("claimRun");
    run_->setToolTip(
        tr("Measure the chosen claim in a process of its own; a stopped run goes on from its last finished "
           "seed"));
    runMissing_->setObjectName("claimRunMissing");
    runMissing_->setToolTip(tr("One after the other, in a process that outlives the window"));
    stop_->setObjectName("claimStop");
    stop_->setToolTip(tr("Stop the run of the chosen claim; finished seeds are kept"));
    runs_->setObjectName("claimRuns");
    runs_->setToolTip(tr("Show the runs of the chosen claim in the Runs tab"));
    export_->setToolTip(tr("Save all claims as CSV, Markdown or a picture"));
    problem_->setObjectName("claimsProblem");
    problem_->setWordWrap(true);
    problem_->hide();
    heading_->setProperty("role", "heading");
    heading_->setObjectName("claimHeading");
    provenance_->setObjectName("claimProvenance");
    for (QLabel* label : {statement_, rule_, provenance_, heading_}) {
        label->setWordWrap(true);
        label->setTextInteractionFlags(Qt::TextSelectableByMouse);
    }
    for (QLabel* label : {rule_, provenance_})
        label->setProperty("role", "secondary");
    auto* row = new QHBoxLayout;
    for (QPushButton* button : {run_, stop_, runs_})
        row->addWidget(button);
    row->addStretch();
    row->addWidget(runMissing_);
    row->addWidget(export_);
    auto* details = new QWidget;
    auto* detailLayout = new QVBoxLayout(details);
    detailLayout->setContentsMargins(0, 6, 0, 0);
    for (QLabel* label : {heading_, statement_, rule_, provenance_})
        detailLayout->addWidget(label);
    auto* tables = new QSplitter(Qt::Horizontal);
    tables->addWidget(rules_);
    tables->addWidget(arms_);
    tables->setChildrenCollapsible(false);
    tables->setSizes({600, 700});
    detailLayout->addWidget(tables, 1);
    auto* splitter = new QSplitter(Qt::Vertical);
    splitter->addWidget(list_);
    splitter->addWidget(details);
    splitter->setChildrenCollapsible(false);
    splitter->setSizes({240, 560});
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(8, 8, 8, 8);
    layout->addWidget(problem_);
    layout->addLayout(row);
    layout->addWidget(splitter, 1);
    connect(list_, &QTableWidget::currentCellChanged, this, [this](int at) {
        if (!filling_ && at >= 0 && at < int(lines_.size()))
            emit chosenChanged(lines_[size_t(at)].name);
    });
    connect(list_, &QTableWidget::cellDoubleClicked, this, [this] { emit runsRequested(chosen_); });
    connect(run_, &QPushButton::clicked, this, [this] { emit runRequested({chosen_}); });
    connect(runMissing_, &QPushButton::clicked, this, [this] { emit runRequested({"all"}); });
    connect(stop_, &QPushButton::clicked, this, [this] {
        if (const ClaimLine* shown = line(chosen_))
            emit stopRequested(shown->liveRun);
    });
    connect(runs_, &QPushButton::clicked, this, [this] { emit runsRequested(chosen_); });
    connect(export_, &QPushButton::clicked, this, &ClaimsBoard::exportRequested);
    connect(&Theme::instance(), &Theme::changed, this, [this] {
        fillList();
        fillDetails();
    });
}

const ClaimLine* ClaimsBoard::line(const QString& name) const {
    const auto found =
        std::find_if(lines_.begin(), lines_.end(), [&](const ClaimLine& each) { return each.name == name; });
    return found == lines_.end() ? nullptr : &*found;
}

void ClaimsBoard::setProblem(const QString& text) {
    problem_->setText(text);
    problem_->setStyleSheet(QStringLiteral("color: %1").arg(Theme::instance().colors().bad.name()));
    problem_->setVisible(!text.isEmpty());
}

void ClaimsBoard::setClaims(std::vector<ClaimLine> lines) {
    lines_ = std::move(lines);
    if (!line(chosen_))
        chosen_ = lines_.empty() ? QString() : lines_.front().name;
    fillList();
    fillDetails();
}

void ClaimsBoard::choose(const QString& name) {
    if (!line(name))
        return;
    chosen_ = name;
    fillList();
    fillDetails();
}

void ClaimsBoard::fillList() {
    filling_ = true;
    list_->setRowCount(int(lines_.size()));
    QStringList spoken;
    for (int row = 0; row < int(lines_.size()); ++row) {
        const ClaimLine& line = lines_[size_t(row)];
        QString verdict = claimStateText(line);
        // A verdict stays in sight while the claim is measured again.
        if (line.verdict && line.state != ClaimState::Holds && line.state != ClaimState::Fails)
            verdict += line.verdict->holds ? tr(" (held)") : tr(" (FAILED)");
        auto* state = claimCell(verdict);
        state->setForeground(stateColor(line.state));
        // The colour of the text gives way in the chosen row, that of the mark does not.
        QPixmap mark(10, 10);
        mark.fill(stateColor(line.state));
        state->setIcon(QIcon(mark));
        if (!line.note.isEmpty())
            state->setToolTip(line.note);
        list_->setItem(row, 0, state);
        list_->setItem(row, 1, claimCell(line.system));
        QString rules = QStringLiteral("–"), seeds = QStringLiteral("–"), when = QStringLiteral("–"), version;
        if (line.verdict) {
            const auto& all = line.verdict->rules;
            const auto holding =
                std::count_if(all.begin(), all.end(), [](const ClaimRule& rule) { return rule.holds; });
            rules = tr("%1 of %2 hold").arg(holding).arg(all.size());
            seeds = QString::number(line.verdict->seeds.size());
            when = timeText(line.verdict->when);
            version = line.verdict->version;
        }
        list_->setItem(row, 2, claimCell(rules));
        list_->setItem(row, 3, claimCell(seeds, true));
        list_->setItem(row, 4, claimCell(when));
        list_->setItem(row, 5, claimCell(version));
        list_->setItem(row, 6, claimCell(tr("%1 min").arg(line.minutes, 0, 'f', 0), true));
        list_->setItem(row, 7, claimCell(line.note.isEmpty() ? line.statement : line.note));
        spoken.append(QStringLiteral("%1: %2, %3").arg(line.name, verdict, rules));
        if (line.name == chosen_)
            list_->setCurrentCell(row, 0);
    }
    static const int widths[] = {190, 120, 100, 60, 130, 190, 70};
    for (int column = 0; column < 7; ++column)
        if (list_->property("sized").isNull())
            list_->setColumnWidth(column, widths[column]);
    list_->setProperty("sized", true);
    list_->setAccessibleName(tr("Claims"));
    list_->setAccessibleDescription(spoken.join("; "));
    filling_ = false;
}

void ClaimsBoard::fillDetails() {
    const ClaimLine* shown = line(chosen_);
    for (QWidget* part :
         std::initializer_list<QWidget*>{heading_, statement_, rule_, provenance_, rules_, arms_})
        part->setVisible(shown);
    const bool atWork = shown && !shown->liveRun.isEmpty();
    run_->setEnabled(shown && !atWork && shown->state != ClaimState::Starting);
    stop_->setEnabled(atWork);
    runs_->setEnabled(shown);
    runMissing_->setEnabled(
        std::any_of(lines_.begin(), lines_.end(), [](const ClaimLine& each) { return !each.verdict; }) &&
        std::none_of(lines_.begin(), lines_.end(), [](const ClaimLine& each) {
            return each.state == ClaimState::Starting || !each.liveRun.isEmpty();
        }));
    if (!shown)
        return;
    heading_->setText(QStringLiteral("%1 — %2").arg(shown->system, claimStateText(*shown)));
    heading_->setStyleSheet(QStringLiteral("color: %1").arg(stateColor(shown->state).name()));
    statement_->setText(shown->statement);
    rule_->setText(tr("Rule: %1").arg(shown->rule));
    QStringList from{shown->source};
    if (shown->verdict) {
        const ClaimVerdict& verdict = *shown->verdict;
        from.append(
            tr("measured %1 by %2 over %3, run %4")
                .arg(timeText(verdict.when), verdict.version,
                     verdict.seeds.size() == 1 ? tr("one seed") : tr("%1 seeds").arg(verdict.seeds.size()),
                     verdict.run));
        if (verdict.scale != 1)
            from.append(
                tr("only %1 of the training steps: the rule is made for all of them").arg(verdict.scale));
    } else {
        from.append(
            tr("not measured in this project; takes about %1 minutes").arg(shown->minutes, 0, 'f', 0));
    }
    if (const std::string progress = shown->progress.text(); atWork && !progress.empty())
        from.append(QString::fromStdString(progress));
    if (!shown->note.isEmpty())
        from.append(shown->note);
    provenance_->setText(from.join(" · "));
    fillRules(*shown);
    fillArms(*shown);
}

}  // namespace vitrine
