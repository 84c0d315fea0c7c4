#include "core/claims/seeds_at_once.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <set>
#include <stdexcept>
#include <thread>

namespace vitrine {
namespace {

using namespace std::chrono_literals;

ClaimExperiment experimentOf(std::function<Result<ClaimMeasurement>(const ClaimRequest&)> measure) {
    return {std::move(measure), [](const ClaimTable&) { return std::vector<ClaimCheck>(); }};
}

ClaimMeasurement squareOf(int64_t seed) {
    ClaimMeasurement measurement;
    measurement.arms["arm"]["square"] = double(seed * seed);
    return measurement;
}

bool start(SeedsAtOnce& seeds, int64_t seed) {
    ClaimRequest request;
    request.seed = seed;
    return seeds.start(request);
}

// The next seed that ends, however long it takes.
Result<MeasuredSeed> ended(SeedsAtOnce& seeds) {
    for (;;) {
        VITRINE_TRY(std::optional<MeasuredSeed> measured, seeds.next());
        if (measured)
            return std::move(*measured);
    }
}

TEST(SeedsAtOnce, MeasuresTogetherEachOnOneCore) {
    std::latch together(2);  // neither ends before the other has begun
    const ClaimExperiment experiment = experimentOf([&](const ClaimRequest& request) {
        together.arrive_and_wait();
        ClaimMeasurement measurement = squareOf(request.seed);
        measurement.arms["arm"]["threads"] = at::get_num_threads();
        return measurement;
    });
    const int threads = at::get_num_threads();
    std::set<int64_t> found;
    {
        JobContext job;
        SeedSlots slots(2);
        SeedsAtOnce seeds(experiment, slots, job);
        start(seeds, 3);
        start(seeds, 4);
        while (seeds.count() > 0) {
            const Result<MeasuredSeed> measured = ended(seeds);
            ASSERT_TRUE(measured) << measured.error().text();
            const ClaimMeasurement& measurement = measured->measurement;
            found.insert(measurement.seed);
            EXPECT_EQ(measurement.arms.at("arm").at("square"), double(measurement.seed * measurement.seed));
            EXPECT_EQ(measurement.arms.at("arm").at("threads"), 1);
        }
    }
    EXPECT_EQ(found, (std::set<int64_t>{3, 4}));
    int later = 0;
    std::thread([&] { later = at::get_num_threads(); }).join();
    EXPECT_EQ(later, threads);
}

TEST(SeedsAtOnce, TellsHowFarAllAre) {
    std::latch looked(1);
    std::atomic_flag told;  // below 0 a latch is never open again
    const auto goOn = [&] {
        if (!told.test_and_set())
            looked.count_down();
    };
    const ClaimExperiment experiment = experimentOf([&](const ClaimRequest& request) {
        request.job->beginStage("learning", 10);
        std::this_thread::sleep_for(100ms);  // reports come at most 20 times a second
        request.job->advance(request.seed);
        looked.wait();
        return squareOf(request.seed);
    });
    std::vector<std::string> texts;
    JobContext job({}, [&](const Progress& progress) {
        texts.push_back(progress.text());
        if (texts.back() == "seeds 3, 4: learning 7/20")
            goOn();
    });
    SeedSlots slots(2);
    SeedsAtOnce seeds(experiment, slots, job);
    start(seeds, 3);
    start(seeds, 4);
    std::thread impatient([&] {  // a wrong text must not wait for ever
        for (int i = 0; i < 100 && !looked.try_wait(); ++i)
            std::this_thread::sleep_for(100ms);
        goOn();
    });
    ASSERT_TRUE(ended(seeds));
    ASSERT_TRUE(ended(seeds));
    impatient.join();
    EXPECT_NE(std::find(texts.begin(), texts.end(), "seeds 3, 4: learning 7/20"), texts.end());
}

TEST(SeedsAtOnce, AFailureStopsTheOthers) {
    std::atomic<bool> stopped = false;
    const ClaimExperiment experiment =
        experimentOf([&](const ClaimRequest& request) -> Result<ClaimMeasurement> {
            if (request.seed == 1)
                return fail(ErrorCode::InvalidArgument, "no such picture");
            while (!request.job->stopRequested())
                std::this_thread::sleep_for(1ms);
            stopped = true;
            VITRINE_TRY_VOID(request.job->checkStop());
            return squareOf(request.seed);
        });
    {
        JobContext job;
        SeedSlots slots(2);
        SeedsAtOnce seeds(experiment, slots, job);
        start(seeds, 0);
        start(seeds, 1);
        const Result<MeasuredSeed> measured = ended(seeds);
        ASSERT_FALSE(measured);
        EXPECT_EQ(measured.error().message, "no such picture");
    }
    EXPECT_TRUE(stopped);
}

TEST(SeedsAtOnce, StopsWhenTheJobIsToStop) {
    const ClaimExperiment experiment =
        experimentOf([&](const ClaimRequest& request) -> Result<ClaimMeasurement> {
            for (;;) {
                VITRINE_TRY_VOID(request.job->checkStop());
                std::this_thread::sleep_for(1ms);
            }
        });
    std::stop_source stop;
    JobContext job(stop.get_token(), {});
    SeedSlots slots(2);
    SeedsAtOnce seeds(experiment, slots, job);
    start(seeds, 0);
    start(seeds, 1);
    stop.request_stop();
    const Result<MeasuredSeed> measured = ended(seeds);
    ASSERT_FALSE(measured);
    EXPECT_EQ(measured.error().code, ErrorCode::Cancelled);
}

TEST(SeedsAtOnce, WhatAnExperimentThrowsReachesWhoeverWaits) {
    const ClaimExperiment experiment = experimentOf(
        [](const ClaimRequest&) -> Result<ClaimMeasurement> { throw std::runtime_error("out of memory"); });
    JobContext job;
    SeedSlots slots(2);
    SeedsAtOnce seeds(experiment, slots, job);
    start(seeds, 0);
    EXPECT_THROW((void)ended(seeds), std::runtime_error);
}

// The second claim's seed needs the core that the first one's last seed leaves free, and the first one's last
// seed waits for it.
TEST(SeedsAtOnce, TheNextClaimBeginsOnTheCoreThatTheLastSeedLeaves) {
    std::latch nextBegun(1);
    const ClaimExperiment first = experimentOf([&](const ClaimRequest& request) {
        if (request.seed == 1)
            nextBegun.wait();
        return squareOf(request.seed);
    });
    const ClaimExperiment second = experimentOf([&](const ClaimRequest& request) {
        nextBegun.count_down();
        return squareOf(request.seed);
    });
    JobContext job;
    SeedSlots slots(2);
    SeedsAtOnce seedsOfFirst(first, slots, job), seedsOfSecond(second, slots, job);
    auto turn = slots.nextTurn(job);
    ASSERT_TRUE(turn);
    EXPECT_TRUE(start(seedsOfFirst, 0));
    EXPECT_TRUE(start(seedsOfFirst, 1));
    (*turn)->end();
    ASSERT_EQ(ended(seedsOfFirst)->measurement.seed, 0);
    auto next = slots.nextTurn(job);
    ASSERT_TRUE(next);
    EXPECT_TRUE(start(seedsOfSecond, 7));
    EXPECT_EQ(ended(seedsOfSecond)->measurement.seed, 7);
    EXPECT_EQ(ended(seedsOfFirst)->measurement.seed, 1);
}

TEST(SeedsAtOnce, NoMoreSeedsThanPlaces) {
    std::latch looked(1);
    const ClaimExperiment experiment = experimentOf([&](const ClaimRequest& request) {
        looked.wait();
        return squareOf(request.seed);
    });
    JobContext job;
    SeedSlots slots(1);
    SeedsAtOnce seeds(experiment, slots, job);
    EXPECT_TRUE(start(seeds, 0));
    EXPECT_FALSE(start(seeds, 1));
    EXPECT_EQ(seeds.count(), 1);
    looked.count_down();
    ASSERT_TRUE(ended(seeds));
    EXPECT_TRUE(start(seeds, 1));
}

TEST(SeedsAtOnce, OneClaimHasItsTurnAtATime) {
    JobContext job;
    SeedSlots slots(2);
    auto turn = slots.nextTurn(job);
    ASSERT_TRUE(turn);
    std::atomic<bool> ended = false;
    std::thread claim([&] {
        std::this_thread::sleep_for(50ms);
        ended = true;
        turn->reset();  // a claim that failed before it began its seeds
    });
    EXPECT_TRUE(slots.nextTurn(job));
    EXPECT_TRUE(ended);
    claim.join();
}

TEST(SeedsAtOnce, AClaimThatWaitsForItsTurnCanBeStopped) {
    std::stop_source stop;
    JobContext job(stop.get_token(), {});
    SeedSlots slots(1);
    const auto turn = slots.nextTurn(job);
    ASSERT_TRUE(turn);
    std::thread user([&] { stop.request_stop(); });
    const auto next = slots.nextTurn(job);
    ASSERT_FALSE(next);
    EXPECT_EQ(next.error().code, ErrorCode::Cancelled);
    user.join();
}

}  // namespace
}  // namespace vitrine
