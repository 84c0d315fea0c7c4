// The order in which the engine thread does what the window asks.
#include "core/engine/engine_thread.h"

#include <gtest/gtest.h>

#include <future>

namespace vitrine {
namespace {

class EngineThreadTest : public ::testing::Test {
  protected:
    void SetUp() override {
        std::promise<std::string> ready;
        thread_ = std::make_unique<EngineThread>(
            [&](const Result<void>& loaded) { ready.set_value(loaded ? "" : loaded.error().text()); },
            EngineThread::ProgressCallback());
        ASSERT_EQ(ready.get_future().get(), "");
    }
    void note(const std::string& text) {
        std::lock_guard lock(mutex_);
        notes_ += text + " ";
    }
    EngineThread::Work noting(const std::string& text) {
        return [this, text](InspectEngine&, JobContext&) { note(text); };
    }
    void waitUntilIdle() {
        for (int waited = 0; waited < 10'000 && !thread_->idle(); ++waited)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        ASSERT_TRUE(thread_->idle());
    }

    std::mutex mutex_;
    std::string notes_;
    std::unique_ptr<EngineThread> thread_;
};

}  // namespace

TEST_F(EngineThreadTest, MapsAreMadeBetweenTheStepsOfBackgroundWork) {
    std::promise<void> began, asked;
    auto stop = asked.get_future().share();
    thread_->submit(
        "analysis",
        [&, stop](InspectEngine&, JobContext& job) {
            job.beginStage("pictures", 2);
            note("begin");
            began.set_value();
            stop.wait();
            job.advance();
            job.advance();
            note(job.stopRequested() ? "stopped" : "end");
        },
        EnginePriority::Background);
    began.get_future().wait();
    thread_->submit("other", noting("background"), EnginePriority::Background);
    thread_->submit("panel 1", noting("old"));
    thread_->submit("panel 2", noting("two"));
    thread_->submit("panel 1", noting("one"));
    asked.set_value();
    waitUntilIdle();
    EXPECT_EQ(notes_, "begin two one end background ");
}

TEST_F(EngineThreadTest, AMapThatInterruptsCanBeCancelledAlone) {
    std::promise<void> began, asked, mapBegan;
    thread_->submit(
        "analysis",
        [&](InspectEngine&, JobContext& job) {
            began.set_value();
            asked.get_future().wait();
            job.beginStage("pictures", 1);
            note(job.stopRequested() ? "stopped" : "end");
        },
        EnginePriority::Background);
    began.get_future().wait();
    thread_->submit("panel", [&](InspectEngine&, JobContext& job) {
        mapBegan.set_value();
        while (!job.stopRequested())
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        note("map stopped");
    });
    asked.set_value();
    mapBegan.get_future().wait();
    thread_->cancel("panel");
    waitUntilIdle();
    EXPECT_EQ(notes_, "map stopped end ");
}

}  // namespace vitrine
