#include "widgets/runs/claims_board.h"

#include "widgets/base/theme.h"

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
#include <cmath>
#include <set>

namespace vitrine {

QTableWidget* claimTable(const QString& name, const QStringList& header, const QStringList& tips);
QString claimNumber(double value);

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

QTableWidgetItem* cell(const QString& text, bool number = false) {
    auto* item = new QTableWidgetItem(text);
    item->setTextAlignment((number ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    item->setToolTip(text);
    return item;
}

QString meanText(const std::vector<double>& values) {
    const auto [mean, deviation] = meanAndDeviation(values);
    if (std::isnan(mean))
        return QStringLiteral("–");
    return values.size() < 2 ? claimNumber(mean)
                             : QStringLiteral("%1 ± %2").arg(claimNumber(mean)).arg(deviation, 0, 'g', 2);
}

QString valuesText(const std::vector<double>& values, const std::vector<int64_t>& seeds) {
    QStringList lines;
    for (size_t index = 0; index < values.size(); ++index)
        lines.append(ClaimsBoard::tr("seed %1: %2")
                         .arg(index < seeds.size() ? QString::number(seeds[index]) : QStringLiteral("?"))
                         .arg(values[index], 0, 'g', 8));
    return lines.join('\n');
}

QString timeText(double seconds) {
    return QDateTime::fromSecsSinceEpoch(qint64(seconds)).toString("yyyy-MM-dd HH:mm");
}

}  // namespace

QString claimNumber(double value) {
    return std::isnan(value) ? QStringLiteral("–") : QString::number(value, 'g', 4);
}

std::pair<double, double> meanAndDeviation(const std::vector<double>& values) {
    if (values.empty())
        return {std::nan(""), 0};
    double sum = 0, squares = 0;
    for (const double value : values)
        sum += value;
    const double mean = sum / double(values.size());
    for (const double value : values)
        squares += (value - mean) * (value - mean);
    return {mean, values.size() < 2 ? 0 : std::sqrt(squares / double(values.size() - 1))};
}

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

QTableWidget* claimTable(const QString& name, const QStringList& header, const QStringList& tips) {
    auto* table = new QTableWidget(0, int(header.size()));
    table->setObjectName(name);
    table->setHorizontalHeaderLabels(header);
    for (int column = 0; column < header.size(); ++column)
        table->horizontalHeaderItem(column)->setToolTip(tips.value(column));
    table->setEditTriggers(QAbstractItemView::NoEditTriggers);
    table->setSelectionBehavior(QAbstractItemView::SelectRows);
    table->setSelectionMode(QAbstractItemView::SingleSelection);
    table->setAlternatingRowColors(true);
    table->setShowGrid(false);
    table->setWordWrap(false);
    table->verticalHeader()->hide();
    table->verticalHeader()->setDefaultSectionSize(28);
    table->horizontalHeader()->setHighlightSections(false);
    table->horizontalHeader()->setDefaultAlignment(Qt::AlignLeft | Qt::AlignVCenter);
    table->horizontalHeader()->setStretchLastSection(true);
    return table;
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
        auto* state = cell(verdict);
        state->setForeground(stateColor(line.state));
        // The colour of the text gives way in the chosen row, that of the mark does not.
        QPixmap mark(10, 10);
        mark.fill(stateColor(line.state));
        state->setIcon(QIcon(mark));
        if (!line.note.isEmpty())
            state->setToolTip(line.note);
        list_->setItem(row, 0, state);
        list_->setItem(row, 1, cell(line.system));
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
        list_->setItem(row, 2, cell(rules));
        list_->setItem(row, 3, cell(seeds, true));
        list_->setItem(row, 4, cell(when));
        list_->setItem(row, 5, cell(version));
        list_->setItem(row, 6, cell(tr("%1 min").arg(line.minutes, 0, 'f', 0), true));
        list_->setItem(row, 7, cell(line.note.isEmpty() ? line.statement : line.note));
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
        from.append(tr("measured %1 by %2 over %3 seeds, run %4")
                        .arg(timeText(verdict.when), verdict.version)
                        .arg(verdict.seeds.size())
                        .arg(verdict.run));
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

void ClaimsBoard::fillRules(const ClaimLine& line) {
    const ThemeColors& colors = Theme::instance().colors();
    const std::vector<ClaimRule> all = line.verdict ? line.verdict->rules : std::vector<ClaimRule>();
    rules_->setRowCount(int(all.size()));
    QStringList spoken;
    for (int row = 0; row < int(all.size()); ++row) {
        const ClaimRule& rule = all[size_t(row)];
        const QString limit = QStringLiteral("%1 %2").arg(rule.atLeast ? "≥" : "≤", claimNumber(rule.limit));
        rules_->setItem(row, 0, cell(rule.text));
        rules_->setItem(row, 1, cell(claimNumber(rule.measured), true));
        rules_->setItem(row, 2, cell(limit, true));
        auto* spread = cell(rule.bySeed.empty() ? QStringLiteral("–") : meanText(rule.bySeed), true);
        if (!rule.bySeed.empty())
            spread->setToolTip(valuesText(rule.bySeed, line.verdict->seeds));
        rules_->setItem(row, 3, spread);
        auto* verdict = cell(rule.holds ? tr("holds") : tr("FAILS"));
        rules_->setItem(row, 4, verdict);
        for (int column = 0; column < 5; ++column)
            if (!rule.holds || column == 4)
                rules_->item(row, column)->setForeground(rule.holds ? colors.good : colors.bad);
        spoken.append(QStringLiteral("%1: %2 %3 %4")
                          .arg(rule.text, claimNumber(rule.measured), limit, verdict->text()));
    }
    rules_->horizontalHeader()->setStretchLastSection(false);
    rules_->horizontalHeader()->setSectionResizeMode(0, QHeaderView::Stretch);
    for (const auto& [column, width] : {std::pair{1, 90}, {2, 80}, {3, 150}, {4, 70}})
        rules_->setColumnWidth(column, width);
    rules_->setAccessibleName(tr("Rules"));
    rules_->setAccessibleDescription(spoken.join("; "));
}

void ClaimsBoard::fillArms(const ClaimLine& line) {
    QStringList header{tr("Metric")};
    std::set<QString> metrics;
    if (line.verdict)
        for (const auto& [arm, values] : line.verdict->arms) {
            header.append(arm);
            for (const auto& [metric, bySeed] : values)
                metrics.insert(metric);
        }
    arms_->clear();
    arms_->setColumnCount(int(header.size()));
    arms_->setHorizontalHeaderLabels(header);
    arms_->setRowCount(int(metrics.size()));
    int row = 0;
    for (const QString& metric : metrics) {
        arms_->setItem(row, 0, cell(metric));
        int column = 1;
        for (const auto& [arm, values] : line.verdict->arms) {
            const auto found = values.find(metric);
            auto* item = cell(found == values.end() ? QStringLiteral("–") : meanText(found->second), true);
            if (found != values.end())
                item->setToolTip(valuesText(found->second, line.verdict->seeds));
            arms_->setItem(row, column++, item);
        }
        ++row;
    }
    arms_->setAccessibleName(tr("Arms"));
    arms_->setAccessibleDescription(header.mid(1).join(", "));
    arms_->setColumnWidth(0, 190);
    for (int column = 1; column < header.size(); ++column)
        arms_->setColumnWidth(column, std::max(160, arms_->horizontalHeader()->sectionSizeHint(column)));
}

}  // namespace vitrine
