#include "widgets/runs/run_table_model.h"

#include "widgets/runs/run_table_view.h"

#include <gmock/gmock.h>

#include <QAbstractItemModelTester>
#include <QApplication>

namespace vitrine {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

constexpr int kRuns = 5000;
constexpr int kColumns = 500;

Run makeRun(int64_t number) {
    Run run;
    run.number = number;
    run.id = fmt::format("id{:05}", number);
    run.name = fmt::format("run{}", number);
    run.kind = number % 2 ? "train" : "eval";
    run.status = RunStatus::Finished;
    run.created = 1.7e9 + double(number);
    return run;
}

RunTableModel::Runs makeRuns(int count) {
    auto runs = std::make_shared<std::vector<Run>>();
    for (int i = 1; i <= count; ++i)
        runs->push_back(makeRun(i));
    return runs;
}

// A model whose columns are answered at once by a rule: column i of run n holds (n * 7 + i) % 1000.
class RunTableModelTest : public ::testing::Test {
  protected:
    using Run = vitrine::Run;

    void SetUp() override {
        QObject::connect(&model_, &RunTableModel::columnsWanted, [this](const QStringList& keys) {
            for (const QString& key : keys) {
                asked_.push_back(key.toStdString());
                answer(key.toStdString());
            }
        });
    }

    void answer(const std::string& key) {
        auto values = std::make_shared<std::unordered_map<int64_t, SqlValue>>();
        const int column = std::stoi(key.substr(key.find_last_of('c') + 1));
        for (int64_t n = 1; n <= kRuns; ++n)
            if (key != "params.c3" || n % 2)  // half of the runs lack this one
                values->emplace(n, (n * 7 + column) % 1000);
        model_.setColumnValues(key, values);
    }

    void fillLarge() {
        std::vector<std::string> keys;
        for (int i = 0; i < kColumns; ++i)
            keys.push_back(fmt::format("{}.c{}", i < kColumns / 2 ? "params" : "metrics", i));
        model_.setColumns(keys);
        model_.setRuns(makeRuns(kRuns));
        QApplication::processEvents();
    }

    int columnOf(const std::string& key) const {
        const auto& shown = model_.shownColumns();
        return int(std::find(shown.begin(), shown.end(), key) - shown.begin());
    }
    QString cell(int row, const std::string& key) const {
        return model_.data(model_.index(row, columnOf(key))).toString();
    }

    RunTableModel model_;
    std::vector<std::string> asked_;
};

TEST_F(RunTableModelTest, FetchesOnlyTheColumnsThatAreRead) {
    fillLarge();
    EXPECT_EQ(model_.rowCount(), kRuns);
    EXPECT_GE(model_.columnCount(), kColumns);
    EXPECT_TRUE(asked_.empty());
    EXPECT_EQ(cell(0, "params.c5"), QString("…"));
    cell(7, "params.c5");
    cell(7, "metrics.c300");
    QApplication::processEvents();
    EXPECT_THAT(asked_, ElementsAre("metrics.c300", "params.c5"));
    const Run* run = model_.runAt(0);
    EXPECT_EQ(cell(0, "params.c5").toLongLong(), (run->number * 7 + 5) % 1000);
}

TEST_F(RunTableModelTest, AWholeScreenAsksForItsColumnsOnce) {
    fillLarge();
    RunTableView view(&model_);
    view.resize(1200, 600);
    view.show();
    for (int i = 0; i < 5; ++i)
        QApplication::processEvents();
    EXPECT_GT(asked_.size(), 1u);
    EXPECT_LT(asked_.size(), 20u);
    EXPECT_EQ(std::set<std::string>(asked_.begin(), asked_.end()).size(), asked_.size());
}

TEST_F(RunTableModelTest, SortsByAColumnWithMissingValuesLast) {
    fillLarge();
    model_.setSort("params.c3", Qt::AscendingOrder);
    QApplication::processEvents();
    int64_t before = -1;
    bool missing = false;
    for (int row = 0; row < kRuns; ++row) {
        const Run* run = model_.runAt(row);
        if (run->number % 2 == 0) {
            missing = true;
            continue;
        }
        ASSERT_FALSE(missing) << "a run with a value after one without, row " << row;
        const int64_t value = (run->number * 7 + 3) % 1000;
        ASSERT_LE(before, value);
        before = value;
    }
    model_.setSort("params.c3", Qt::DescendingOrder);
    EXPECT_EQ((model_.runAt(0)->number * 7 + 3) % 1000, 998);
    EXPECT_EQ(model_.runAt(kRuns - 1)->number % 2, 0);
}

TEST_F(RunTableModelTest, FilterAndSelectionGoTogether) {
    fillLarge();
    RunTableView view(&model_);
    int edits = 0;
    QObject::connect(&view, &RunTableView::selectionEdited, [&] { ++edits; });
    view.selectRuns({10, 11, 12});
    EXPECT_EQ(view.selectedRuns().size(), 3u);
    EXPECT_GT(edits, 0);
    model_.setFilter(std::unordered_set<int64_t>{11, 12, 500});
    EXPECT_EQ(model_.rowCount(), 3);
    EXPECT_EQ(model_.rowOf(10), -1);
    std::vector<int64_t> selected;
    for (const Run& run : view.selectedRuns())
        selected.push_back(run.number);
    EXPECT_THAT(selected, ::testing::UnorderedElementsAre(11, 12));
    model_.setSort("name", Qt::AscendingOrder);  // rows move, runs stay selected
    EXPECT_EQ(view.selectedRuns().size(), 2u);
    model_.setFilter(std::nullopt);
    EXPECT_EQ(model_.rowCount(), kRuns);
    EXPECT_EQ(view.selectedRuns().size(), 2u);
}

TEST_F(RunTableModelTest, OnlyDifferencesKeepsNameAndDifferingColumns) {
    fillLarge();
    model_.setDifferingColumns({"params.c7", "kind"});
    model_.setOnlyDifferences(true);
    EXPECT_THAT(model_.shownColumns(), ElementsAre("name", "kind", "params.c7"));
    model_.setOnlyDifferences(false);
    EXPECT_GE(model_.columnCount(), kColumns);
}

TEST_F(RunTableModelTest, PinnedColumnsComeFirstAndHiddenOnesGo) {
    fillLarge();
    model_.setPinnedColumns({"name", "metrics.c400"});
    EXPECT_EQ(model_.shownColumns()[1], "metrics.c400");
    EXPECT_EQ(model_.pinnedCount(), 2);
    model_.setHiddenColumns({"metrics.c400", "status"});
    EXPECT_EQ(model_.pinnedCount(), 1);
    EXPECT_THAT(model_.shownColumns(), Not(Contains("status")));
}

TEST_F(RunTableModelTest, GroupsShowMeansAndFold) {
    fillLarge();
    model_.setGroupBy("kind");
    ASSERT_EQ(model_.rowCount(), kRuns + 2);
    ASSERT_TRUE(model_.isGroup(0));
    EXPECT_EQ(model_.runAt(0), nullptr);
    EXPECT_TRUE(cell(0, "name").contains("eval"));
    EXPECT_TRUE(cell(0, "name").contains("2500"));
    cell(0, "params.c1");
    QApplication::processEvents();
    double sum = 0;
    for (int64_t n = 2; n <= kRuns; n += 2)
        sum += double((n * 7 + 1) % 1000);
    EXPECT_EQ(cell(0, "params.c1"), QString("⌀ ") + QString::number(sum / 2500, 'g', 6));
    model_.toggleGroup(0);
    EXPECT_EQ(model_.rowCount(), kRuns / 2 + 2);
    model_.toggleGroup(0);
    EXPECT_EQ(model_.rowCount(), kRuns + 2);
}

TEST_F(RunTableModelTest, NewRowsKeepOldValuesUntilFreshOnesCome) {
    fillLarge();
    cell(0, "params.c5");
    QApplication::processEvents();
    asked_.clear();
    const QString before = cell(3, "params.c5");
    model_.setRuns(makeRuns(kRuns));
    EXPECT_EQ(cell(3, "params.c5"), before);
    QApplication::processEvents();
    EXPECT_THAT(asked_, ElementsAre("params.c5"));
}

TEST_F(RunTableModelTest, KeepsTheContractOfItemModels) {
    QAbstractItemModelTester tester(&model_, QAbstractItemModelTester::FailureReportingMode::Fatal);
    model_.setColumns({"params.c1", "metrics.c2"});
    model_.setRuns(makeRuns(20));
    model_.setGroupBy("kind");
    model_.toggleGroup(0);
    model_.setSort("name", Qt::AscendingOrder);
    model_.setFilter(std::unordered_set<int64_t>{1, 2, 3});
    model_.setGroupBy("");
    EXPECT_EQ(model_.rowCount(), 3);
    EXPECT_EQ(model_.toCsv().count('\n'), 4);
}

}  // namespace
}  // namespace vitrine
