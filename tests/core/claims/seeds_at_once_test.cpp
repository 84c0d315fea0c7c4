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

void start(SeedsAtOnce& seeds, int64_t seed) {
    ClaimRequest request;
    request.seed = seed;
    seeds.start(request);
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
        SeedsAtOnce seeds(experiment, job);
        start(seeds, 3);
        start(seeds, 4);
        while (seeds.count() > 0) {
            const Result<MeasuredSeed> measured = seeds.next();
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
            looked.count_down();
    });
    SeedsAtOnce seeds(experiment, job);
    start(seeds, 3);
    start(seeds, 4);
    std::thread impatient([&] {  // a wrong text must not wait for ever
        for (int i = 0; i < 100 && !looked.try_wait(); ++i)
            std::this_thread::sleep_for(100ms);
        if (!looked.try_wait())
            looked.count_down();
    });
    ASSERT_TRUE(seeds.next());
    ASSERT_TRUE(seeds.next());
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
        SeedsAtOnce seeds(experiment, job);
        start(seeds, 0);
        start(seeds, 1);
        const Result<MeasuredSeed> measured = seeds.next();
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
    SeedsAtOnce seeds(experiment, job);
    start(seeds, 0);
    start(seeds, 1);
    stop.request_stop();
    const Result<MeasuredSeed> measured = seeds.next();
    ASSERT_FALSE(measured);
    EXPECT_EQ(measured.error().code, ErrorCode::Cancelled);
}

TEST(SeedsAtOnce, WhatAnExperimentThrowsReachesWhoeverWaits) {
    const ClaimExperiment experiment = experimentOf(
        [](const ClaimRequest&) -> Result<ClaimMeasurement> { throw std::runtime_error("out of memory"); });
    JobContext job;
    SeedsAtOnce seeds(experiment, job);
    start(seeds, 0);
    EXPECT_THROW((void)seeds.next(), std::runtime_error);
}

}  // namespace
}  // namespace vitrine
