#include "widgets/runs/claims_board.h"

#include "app/desktop/runs/claims_questions.h"
#include "core/runs/claim_store.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>

#include <QCoreApplication>
#include <QHeaderView>
#include <QLabel>
#include <QPushButton>
#include <QSignalSpy>
#include <QTableWidget>
#include <cmath>

namespace vitrine {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryFolder;

// A verdict of phi-s as the job writes it: two rules, one of which fails, two arms, three seeds.
Json phiSVerdict() {
    return Json::parse(R"({"claim": "phi-s", "holds": false, "scale": 0.5, "checks": [
      {"rule": "fidelity over MSE", "measured": 1.75, "relation": ">=", "limit": 1.5, "holds": true, "by_seed": [1.5, 1.75, 2.0]},
      {"rule": "rank | of PHI-S", "measured": 2.25, "relation": "<=", "limit": 1.5, "holds": false}],
      "measurements": [
        {"seed": 0, "arms": {"MSE": {"fidelity": 1.0}, "PHI-S": {"fidelity": 3.0, "rank": 2}}},
        {"seed": 1, "arms": {"MSE": {"fidelity": 2.0}, "PHI-S": {"fidelity": 4.0, "rank": 2}}},
        {"seed": 2, "arms": {"MSE": {"fidelity": 3.0}, "PHI-S": {"fidelity": 5.0, "rank": null}}}]})");
}

Run claimRun(const Project& project, const std::string& claim, RunStatus status) {
    NewRun fresh;
    fresh.name = "claim " + claim;
    fresh.kind = "claim";
    fresh.status = status;
    fresh.recipe = {{"kind", "claim"}, {"settings", {{"claim", claim}}}};
    return *RunStore(project).create(fresh);
}

const ClaimLine& lineOf(const std::vector<ClaimLine>& lines, const QString& name) {
    return *std::find_if(lines.begin(), lines.end(),
                         [&](const ClaimLine& line) { return line.name == name; });
}

class ClaimsBoardTest : public ::testing::Test {
  protected:
    void SetUp() override {
        auto made = Project::create(folder_ / "p");
        ASSERT_TRUE(made);
        project_.emplace(std::move(*made));
        const vitrine::Run run = claimRun(*project_, "phi-s", RunStatus::Finished);
        ASSERT_TRUE(RunStore(*project_).setEnvironment(run, {{"program", "vitrine 9.9 (abcdef0)"}}));
        ASSERT_TRUE(ClaimStore(*project_).add("phi-s", run, "the rule", phiSVerdict(), false));
        auto lines = claimsOf(*project_);
        ASSERT_TRUE(lines) << lines.error().text();
        board_.setClaims(std::move(*lines));
        board_.choose("phi-s");
    }
    QTableWidget* table(const char* name) { return board_.findChild<QTableWidget*>(name); }

    TemporaryFolder folder_;
    std::optional<Project> project_;
    ClaimsBoard board_;
};

TEST_F(ClaimsBoardTest, AFailingClaimIsShownAsFailingWithItsNumbers) {
    const ClaimLine& line = lineOf(board_.claims(), "phi-s");
    EXPECT_EQ(line.state, ClaimState::Fails);
    EXPECT_EQ(line.verdict->version, "vitrine 9.9 (abcdef0)");
    EXPECT_EQ(lineOf(board_.claims(), "mambavision").state, ClaimState::NeverRun);
    const int row = table("claimsList")->currentRow();
    EXPECT_EQ(table("claimsList")->item(row, 1)->text(), "PHI-S");
    EXPECT_TRUE(table("claimsList")->item(row, 0)->text().contains("FAILS"));
    EXPECT_EQ(table("claimsList")->item(row, 2)->text(), "1 of 2 hold");
    QTableWidget* rules = table("claimRules");
    ASSERT_EQ(rules->rowCount(), 2);
    EXPECT_EQ(rules->item(0, 1)->text(), "1.75");
    EXPECT_EQ(rules->item(0, 3)->text(), "1.75 ± 0.25");
    EXPECT_EQ(rules->item(1, 1)->text(), "2.25");
    EXPECT_EQ(rules->item(1, 2)->text(), "≤ 1.5");
    EXPECT_EQ(rules->item(1, 4)->text(), "FAILS");
    EXPECT_EQ(rules->item(1, 3)->text(), "–") << "no spread was recorded";
    QTableWidget* arms = table("claimArms");
    ASSERT_EQ(arms->columnCount(), 3) << "the metric, the system and its baseline";
    EXPECT_EQ(arms->item(0, 1)->text(), "2 ± 1");
    EXPECT_EQ(arms->item(0, 2)->text(), "4 ± 1");
    EXPECT_EQ(arms->item(1, 1)->text(), "–");
    EXPECT_THAT(board_.findChild<QLabel*>("claimProvenance")->text().toStdString(), HasSubstr("only 0.5"));
}

// Arms that measure different things: metrics stand in the order of the arms, columns take what they need,
// and a long rule is read whole.
TEST_F(ClaimsBoardTest, ManyArmsAndLongRulesAreReadable) {
    const vitrine::Run run = claimRun(*project_, "mambavision", RunStatus::Finished);
    const Json verdict = Json::parse(R"({"claim": "mambavision", "holds": true, "scale": 1, "checks": [
      {"rule": "MMM: influence from more than one token per mixer ahead, which has to be exactly zero for all tokens of all of the windows", "measured": 0, "relation": "<=", "limit": 0, "holds": true, "by_seed": [0]},
      {"rule": "short", "measured": 1, "relation": ">=", "limit": 0, "holds": true, "by_seed": [1]}],
      "measurements": [{"seed": 0, "arms": {
        "lookup MMMM": {"accuracy": 0.25, "where the answer lies ahead": 0.2}, "lookup MMSS": {"accuracy": 1, "where the answer lies ahead": 1},
        "mixer: causal": {"accuracy on shapes": 0.9}, "mixer: regular": {"accuracy on shapes": 0.9}, "reach M": {"beyond reach": 0}}}]})");
    ASSERT_TRUE(ClaimStore(*project_).add("mambavision", run, "the rule", verdict, true));
    auto lines = claimsOf(*project_);
    ASSERT_TRUE(lines);
    board_.setClaims(std::move(*lines));
    board_.resize(1200, 800);
    board_.show();
    board_.choose("mambavision");
    QCoreApplication::processEvents();
    QTableWidget *arms = table("claimArms"), *rules = table("claimRules");
    QStringList metrics;
    for (int row = 0; row < arms->rowCount(); ++row)
        metrics.append(arms->item(row, 0)->text());
    EXPECT_EQ(metrics,
              (QStringList{"accuracy", "where the answer lies ahead", "accuracy on shapes", "beyond reach"}));
    for (int column = 1; column < arms->columnCount(); ++column) {
        EXPECT_LT(arms->columnWidth(column), 150) << column;
        EXPECT_GE(arms->columnWidth(column), arms->horizontalHeader()->sectionSizeHint(column)) << column;
    }
    EXPECT_GT(rules->rowHeight(0), rules->rowHeight(1));
    EXPECT_THAT(board_.findChild<QLabel*>("claimProvenance")->text().toStdString(),
                HasSubstr("over one seed, run"));
}

TEST_F(ClaimsBoardTest, RunsAtWorkAndStoppedOnesAreTold) {
    const vitrine::Run running = claimRun(*project_, "mambavision", RunStatus::Queued);
    ASSERT_TRUE(RunStore(*project_).start(running, currentProcess()));
    claimRun(*project_, "featsharp", RunStatus::Cancelled);
    auto lines = claimsOf(*project_);
    ASSERT_TRUE(lines);
    EXPECT_EQ(lineOf(*lines, "mambavision").state, ClaimState::Running);
    EXPECT_EQ(lineOf(*lines, "mambavision").liveRun.toStdString(), running.id);
    EXPECT_TRUE(lineOf(*lines, "featsharp").note.contains("Run goes on"));
    board_.setClaims(std::move(*lines));
    EXPECT_FALSE(board_.findChild<QPushButton*>("claimRunMissing")->isEnabled()) << "one after the other";
    board_.choose("mambavision");
    EXPECT_FALSE(board_.findChild<QPushButton*>("claimRun")->isEnabled());
    QSignalSpy stopped(&board_, &ClaimsBoard::stopRequested);
    board_.findChild<QPushButton*>("claimStop")->click();
    ASSERT_EQ(stopped.size(), 1);
    EXPECT_EQ(stopped[0][0].toString().toStdString(), running.id);
    // A process that is gone is not at work.
    ASSERT_TRUE(
        project_->database().execute("UPDATE runs SET pid=0, process_start='x' WHERE id=?", running.id));
    lines = claimsOf(*project_);
    ASSERT_TRUE(lines);
    EXPECT_EQ(lineOf(*lines, "mambavision").state, ClaimState::NeverRun);
}

TEST_F(ClaimsBoardTest, ButtonsSayWhatIsWanted) {
    QSignalSpy run(&board_, &ClaimsBoard::runRequested), runs(&board_, &ClaimsBoard::runsRequested);
    board_.findChild<QPushButton*>("claimRun")->click();
    board_.findChild<QPushButton*>("claimRunMissing")->click();
    board_.findChild<QPushButton*>("claimRuns")->click();
    ASSERT_EQ(run.size(), 2);
    EXPECT_EQ(run[0][0].toStringList(), QStringList{"phi-s"});
    EXPECT_EQ(run[1][0].toStringList(), QStringList{"all"});
    EXPECT_EQ(runs[0][0].toString(), "phi-s");
}

TEST_F(ClaimsBoardTest, ExportsHoldEveryNumber) {
    const std::string csv = board_.toCsv().toStdString();
    EXPECT_THAT(csv, HasSubstr("\"phi-s\",\"FAILS\",rule,\"rank | of PHI-S\",,all,2.25,<=,1.5,no,"));
    EXPECT_THAT(csv, HasSubstr("\"phi-s\",\"FAILS\",rule,\"fidelity over MSE\",,2,2,>=,1.5,,"));
    EXPECT_THAT(csv, HasSubstr("\"phi-s\",\"FAILS\",arm,\"PHI-S\",\"rank\",2,,,,,"))
        << "a value that is missing stays empty";
    EXPECT_THAT(csv, HasSubstr("\"mambavision\",\"never run\",none"));
    const std::string markdown = board_.toMarkdown().toStdString();
    EXPECT_THAT(markdown, HasSubstr("| rank \\| of PHI-S | 2.25 | ≤ 1.5 | – | **FAILS** |"));
    EXPECT_THAT(markdown, HasSubstr("| fidelity | 2 ± 1 | 4 ± 1 |"));
    board_.resize(1200, 800);
    EXPECT_EQ(board_.toImage().width(), 1200);
}

}  // namespace
}  // namespace vitrine
