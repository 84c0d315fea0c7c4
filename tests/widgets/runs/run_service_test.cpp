#include "app/desktop/runs/run_service.h"

#include "core/base/file.h"
#include "core/runs/migrations.h"
#include "core/runs/run_store.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>

#include <QApplication>
#include <QElapsedTimer>

namespace vitrine {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryFolder;

NewRun named(const char* name) {
    NewRun fresh;
    fresh.name = name;
    fresh.kind = "test";
    return fresh;
}

// What a service says of the project in `folder_`/p.
class RunServiceTest : public ::testing::Test {
  protected:
    void SetUp() override {
        QObject::connect(&service_, &RunService::opened, &service_, [this] { ++opened_; });
        QObject::connect(&service_, &RunService::openFailed, &service_,
                         [this](const QString& message) { problems_.append(message); });
        QObject::connect(&service_, &RunService::changed, &service_, [this] { ++changed_; });
    }
    static bool until(const std::function<bool()>& reached, int milliseconds = 20000) {
        QElapsedTimer timer;
        timer.start();
        while (!reached()) {
            if (timer.elapsed() > milliseconds)
                return false;
            QApplication::processEvents(QEventLoop::AllEvents, 20);
        }
        return true;
    }
    std::filesystem::path database() const { return folder_ / "p" / "vitrine.db"; }
    void make() { ASSERT_TRUE(Project::create(folder_ / "p")); }

    TemporaryFolder folder_;
    RunService service_{true};
    QStringList problems_;
    int opened_ = 0, changed_ = 0;
};

TEST_F(RunServiceTest, ADatabaseThatIsDeletedIsMissedAndFoundAgain) {
    make();
    service_.open(folder_ / "p");
    ASSERT_TRUE(until([&] { return opened_ == 1; }));
    std::filesystem::rename(database(), folder_ / "aside.db");
    ASSERT_TRUE(until([&] { return !problems_.isEmpty(); }));
    EXPECT_THAT(problems_.first().toStdString(), HasSubstr("deleted or moved"));
    bool answered = false;
    service_.ask<int>(
        "any", [](const Project&) -> Result<int> { return 1; },
        [&](const Result<int>& answer) {
            answered = true;
            ASSERT_FALSE(answer);
            EXPECT_THAT(answer.error().text(), HasSubstr("deleted or moved"));
        });
    ASSERT_TRUE(until([&] { return answered; }));
    const int before = changed_;
    std::filesystem::rename(folder_ / "aside.db", database());
    EXPECT_TRUE(until([&] { return opened_ == 2 && changed_ > before; }));
    EXPECT_EQ(problems_.size(), 1);
}

TEST_F(RunServiceTest, AnotherFileInItsPlaceIsOpened) {
    make();
    ASSERT_TRUE(Project::create(folder_ / "other"));
    {
        const auto other = Project::open(folder_ / "other");
        ASSERT_TRUE(RunStore(*other).create(named("of the other")));
    }
    service_.open(folder_ / "p");
    ASSERT_TRUE(until([&] { return opened_ == 1; }));
    std::filesystem::rename(folder_ / "other" / "vitrine.db", database());
    ASSERT_TRUE(until([&] { return opened_ == 2; }));
    std::string name;
    service_.ask<vitrine::Run>(
        "last", [](const Project& project) { return RunStore(project).find("last"); },
        [&](const Result<vitrine::Run>& run) { name = run ? run->name : run.error().text(); });
    ASSERT_TRUE(until([&] { return !name.empty(); }));
    EXPECT_EQ(name, "of the other");
}

TEST_F(RunServiceTest, ADamagedOneIsRefusedOnceAndOpenedWhenItIsMended) {
    std::filesystem::create_directories(folder_ / "p");
    ASSERT_TRUE(writeFileAtomically(database(), std::string(4096, 'x')));
    service_.open(folder_ / "p");
    ASSERT_TRUE(until([&] { return !problems_.isEmpty(); }));
    EXPECT_THAT(problems_.first().toStdString(), HasSubstr("not a database"));
    until([] { return false; }, 5000);  // two more tries
    EXPECT_EQ(problems_.size(), 1) << problems_.join("\n").toStdString();
    std::filesystem::remove_all(folder_ / "p");
    make();
    EXPECT_TRUE(until([&] { return opened_ == 1; }));
}

TEST_F(RunServiceTest, ANewerOneIsRefusedWithItsMaker) {
    make();
    {
        auto project = Project::open(folder_ / "p");
        ASSERT_TRUE(project->database().script(fmt::format("PRAGMA user_version={}", kSchemaVersion + 1)));
    }
    service_.open(folder_ / "p");
    ASSERT_TRUE(until([&] { return !problems_.isEmpty(); }));
    EXPECT_THAT(problems_.first().toStdString(), HasSubstr("newer"));
}

TEST_F(RunServiceTest, ALockedOneIsStillRead) {
    make();
    auto holder = Project::open(folder_ / "p");
    ASSERT_TRUE(holder);
    ASSERT_TRUE(RunStore(*holder).create(named("first")));
    ASSERT_TRUE(holder->database().script("BEGIN IMMEDIATE; UPDATE runs SET notes='held'"));
    service_.open(folder_ / "p");
    ASSERT_TRUE(until([&] { return opened_ == 1 || !problems_.isEmpty(); }));
    EXPECT_TRUE(problems_.isEmpty()) << problems_.join("\n").toStdString();
    ASSERT_TRUE(holder->database().script("COMMIT"));
    EXPECT_TRUE(until([&] { return changed_ > 0; }));
}

}  // namespace
}  // namespace vitrine
