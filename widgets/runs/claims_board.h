// The claims of the published systems: a table of all with their newest verdicts, and for the chosen one each
// rule with its measured number, limit and spread over seeds, and every arm (the system and its baselines) in
// one table. Given data; what the user wants is sent as signals.
#pragma once

#include "core/base/job_context.h"
#include "core/base/result.h"

#include <QImage>
#include <QWidget>
#include <map>
#include <optional>
#include <vector>

class QLabel;
class QPushButton;
class QTableWidget;

namespace vitrine {

enum class ClaimState { NeverRun, Starting, Running, Paused, Holds, Fails };

// One line of a pass rule as it was measured.
struct ClaimRule {
    QString text;
    double measured = 0;  // NaN: could not be measured
    bool atLeast = true;  // measured >= limit, else measured <= limit
    double limit = 0;
    bool holds = false;
    std::vector<double> bySeed;  // the same judged on each seed alone; empty: not recorded
};

// What the newest finished run of a claim found.
struct ClaimVerdict {
    bool holds = false;
    QString run, version;  // id of the run; program and commit that measured it
    double when = 0;       // seconds since 1970
    double scale = 1;      // share of the training steps; rules are made for 1
    std::vector<int64_t> seeds;
    std::vector<ClaimRule> rules;
    // arm -> metric -> value of each seed, NaN where there is none.
    std::map<QString, std::map<QString, std::vector<double>>> arms;
};

struct ClaimLine {
    QString name, system, statement, source, rule;
    int wantedSeeds = 3;
    double minutes = 0;  // estimate for all seeds
    ClaimState state = ClaimState::NeverRun;
    std::optional<ClaimVerdict> verdict;
    // Of the newest run, where it is not the one of the verdict.
    QString liveRun;    // id while it is at work
    Progress progress;  // of it
    int seedsDone = 0;  // of it
    QString note;       // "stopped after 1 of 3 seeds: Run goes on with it", "failed: ..."
};

QString claimStateText(const ClaimLine& line);
// Mean and sample standard deviation; deviation 0 for one value.
std::pair<double, double> meanAndDeviation(const std::vector<double>& values);

class ClaimsBoard : public QWidget {
    Q_OBJECT
  public:
    explicit ClaimsBoard(QWidget* parent = nullptr);

    // The chosen line stays.
    void setClaims(std::vector<ClaimLine> lines);
    const std::vector<ClaimLine>& claims() const { return lines_; }
    void choose(const QString& name);
    QString chosen() const { return chosen_; }
    // A line above the table; empty: none.
    void setProblem(const QString& text);

    QString toCsv() const;       // claim,verdict,part,name,metric,seed,value,...: every number there is
    QString toMarkdown() const;  // a table of all claims, then one of rules and one of arms for each
    QImage toImage();            // the board as shown

  signals:
    void runRequested(const QStringList& names);  // "all": those without a verdict
    void stopRequested(const QString& run);
    void runsRequested(const QString& claim);  // its runs in the table of runs
    void exportRequested();
    void chosenChanged(const QString& name);

  private:
    void fillList();
    void fillDetails();
    void fillRules(const ClaimLine& line);
    void fillArms(const ClaimLine& line);
    const ClaimLine* line(const QString& name) const;

    std::vector<ClaimLine> lines_;
    QString chosen_;
    QLabel *problem_, *heading_, *statement_, *rule_, *provenance_;
    QTableWidget *list_, *rules_, *arms_;
    QPushButton *run_, *runMissing_, *stop_, *runs_, *export_;
    bool filling_ = false;
};

}  // namespace vitrine
