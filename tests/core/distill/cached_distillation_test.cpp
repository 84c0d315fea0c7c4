// Distillation with fixed views and a cache of teachers: the same bits as without, and the counts that the
// estimate foretold.
#include "core/distill/teacher_cache.h"
#include "core/distill/teacher_place.h"
#include "kernels/cuda_loader.h"
#include "tests/core/distill/classroom.h"
#include "tests/support/temporary_folder.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <torch/version.h>

namespace vitrine {
namespace {

using testing::Classroom;
using ::testing::HasSubstr;
using testing::patchTeacher;
using testing::samplePictures;
using testing::smallOptions;
using testing::TemporaryFolder;

std::unique_ptr<TeacherCache> cacheIn(const std::filesystem::path& folder,
                                      const TeacherCacheOptions& options = {}) {
    auto cache = TeacherCache::open(folder, options);
    EXPECT_TRUE(cache) << (cache ? "" : cache.error().text());
    return std::move(*cache);
}

// Several resolutions and shifts, two partitions, a teacher that looks at other sizes than the student.
DistillOptions variedOptions() {
    DistillOptions options = smallOptions();
    options.views = 2;
    options.steps = 24;
    options.statisticsBatches = 3;
    options.shiftDeviation = 0.5;
    options.partitions = {{{32, 40}, 6, {}}, {{48}, 3, {"loud"}}};
    options.teachers[1].side = 32;
    return options;
}

struct Learned {
    std::map<std::string, at::Tensor> weights;
    double lastLoss = 0;
    int64_t looks = 0, cachedLooks = 0;
};

Learned learn(Classroom& classroom, const DistillOptions& options, TeacherCache* cache) {
    const auto distiller = classroom.make(options);
    if (cache)
        distiller->useCache(*cache);
    JobContext job;
    EXPECT_TRUE(distiller->estimateStatistics(job));
    Learned learned;
    while (distiller->step() < options.steps) {
        const auto report = distiller->train();
        if (!report) {
            ADD_FAILURE() << report.error().text();
            break;
        }
        learned.lastLoss = report->loss;
        learned.looks += report->looks;
        learned.cachedLooks += report->cachedLooks;
    }
    for (const auto& entry : distiller->student().named_parameters())
        learned.weights[entry.key()] = entry.value().detach().clone();
    return learned;
}

void expectSame(const Learned& a, const Learned& b) {
    EXPECT_EQ(a.lastLoss, b.lastLoss);
    ASSERT_EQ(a.weights.size(), b.weights.size());
    for (const auto& [name, weight] : a.weights)
        EXPECT_TRUE(at::equal(weight, b.weights.at(name))) << name;
}

TEST(CachedDistillation, HasTheSameBitsAndTheCountsOfTheEstimate) {
    const TemporaryFolder folder;
    Classroom classroom;
    const DistillOptions options = variedOptions();
    const Learned plain = learn(classroom, options, nullptr);
    EXPECT_EQ(plain.cachedLooks, 0);
    const auto estimate = classroom.make(options)->estimateCache(true);
    ASSERT_TRUE(estimate) << estimate.error().text();
    EXPECT_GT(estimate->teacherSeconds, 0);
    EXPECT_GT(estimate->studentSeconds, 0);
    EXPECT_GT(estimate->repeatedShare(), 0.1);
    const auto first = cacheIn(folder.path());
    expectSame(plain, learn(classroom, options, first.get()));
    EXPECT_EQ(double(first->counts().missing), estimate->freshLooks);
    EXPECT_EQ(double(first->counts().found + first->counts().missing), estimate->looks);
    first->flush();
    EXPECT_NEAR(double(first->counts().storedBytes), estimate->bytes, 0.2 * estimate->bytes);
    // Another run finds all of it.
    const auto second = cacheIn(folder.path());
    const Learned again = learn(classroom, options, second.get());
    expectSame(plain, again);
    EXPECT_EQ(second->counts().missing, 0);
    EXPECT_EQ(again.cachedLooks, again.looks);
}

// A part of every key: caches that were made on a CPU stay valid only while its text stays.
TEST(TeacherPlace, NamesWhatTheBitsDependOn) {
    EXPECT_EQ(teacherPlace(at::kCPU), fmt::format("cpu {}, {} threads, LibTorch " TORCH_VERSION,
                                                  at::get_cpu_capability(), at::get_num_threads()));
    const std::string large = teacherPlaceOnGpu("NVIDIA H100 80GB HBM3"),
                      small = teacherPlaceOnGpu("NVIDIA T4");
    EXPECT_EQ(large, "cuda NVIDIA H100 80GB HBM3, LibTorch " TORCH_VERSION);
    EXPECT_NE(large, small) << "what one GPU said was taken for what another would say";
    EXPECT_THAT(teacherPlaceOnGpu(""), HasSubstr("unknown model"));
}

TEST(TeacherPlace, AsksTheDriverForTheGpusModel) {
    if (!at::hasCUDA() || kernels::cudaDeviceCount() == 0)
        GTEST_SKIP() << "needs a GPU";
    EXPECT_FALSE(kernels::cudaDeviceName(0).empty());
    EXPECT_EQ(teacherPlace(at::Device(at::kCUDA, 0)), teacherPlaceOnGpu(kernels::cudaDeviceName(0)));
    EXPECT_EQ(teacherPlace(at::kCUDA), teacherPlace(at::Device(at::kCUDA, 0)));
}

TEST(CachedDistillation, FixedViewsAreThoseOfAnySeed) {
    const TemporaryFolder folder;
    Classroom classroom;
    DistillOptions options = smallOptions();
    options.views = 1;
    options.steps = 12;  // every picture comes up
    const auto first = cacheIn(folder.path());
    learn(classroom, options, first.get());
    EXPECT_EQ(first->counts().missing, 2 * 24);
    first->flush();
    options.seed = 12;
    const auto second = cacheIn(folder.path());
    expectSame(learn(classroom, options, nullptr), learn(classroom, options, second.get()));
    EXPECT_EQ(second->counts().missing, 0);
}

TEST(CachedDistillation, FreshCropsAndMosaicsAreFoundByTheSameRunOnly) {
    const TemporaryFolder folder;
    Classroom classroom;
    DistillOptions options = smallOptions();
    options.steps = 4;
    options.teachers[1].mosaic = true;
    options.teachers[1].side = 64;
    for (const int64_t views : {0, 2}) {
        options.views = views;
        const auto estimate = classroom.make(options)->estimateCache(false);
        ASSERT_TRUE(estimate);
        EXPECT_EQ(estimate->stepSeconds(), 0) << "nothing was measured";
        const Learned plain = learn(classroom, options, nullptr);
        const auto first = cacheIn(folder / std::to_string(views)),
                   second = cacheIn(folder / std::to_string(views));
        expectSame(plain, learn(classroom, options, first.get()));
        first->flush();
        if (views == 0) {
            EXPECT_EQ(first->counts().found, 0);
            EXPECT_EQ(estimate->repeatedShare(), 0);
        }
        EXPECT_EQ(double(first->counts().missing), estimate->freshLooks);
        expectSame(plain, learn(classroom, options, second.get()));
        EXPECT_EQ(second->counts().missing, 0);
    }
}

TEST(CachedDistillation, RoundedTeachersAreTheSameWithAndWithout) {
    const TemporaryFolder folder;
    Classroom classroom;
    DistillOptions options = variedOptions();
    options.steps = 12;
    const Learned whole = learn(classroom, options, nullptr);
    options.teacherType = at::kBFloat16;
    const Learned rounded = learn(classroom, options, nullptr);
    EXPECT_NE(whole.lastLoss, rounded.lastLoss);
    EXPECT_NEAR(whole.lastLoss, rounded.lastLoss, 0.02 * whole.lastLoss);
    const auto cache = cacheIn(folder.path(), {.stored = at::kBFloat16});
    expectSame(rounded, learn(classroom, options, cache.get()));
    EXPECT_GT(cache->counts().found, 0);
}

TEST(CachedDistillation, GoesOnWhenTheDiskIsFull) {
    const TemporaryFolder folder;
    const auto disk = folder / "disk";
    std::filesystem::create_directories(disk);
    if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=200k") != 0)
        GTEST_SKIP() << "needs the right to mount a small tmpfs";
    {
        Classroom classroom;
        const DistillOptions options = variedOptions();
        const auto cache = cacheIn(disk, {.bytesLeftFree = 0});
        expectSame(learn(classroom, options, nullptr), learn(classroom, options, cache.get()));
        cache->flush();
        const auto messages = cache->takeMessages();
        ASSERT_EQ(messages.size(), 1u);
        EXPECT_THAT(messages[0], HasSubstr("the run goes on without it"));
    }
    EXPECT_EQ(::umount(disk.c_str()), 0);
}

TEST(CachedDistillation, AnotherTeacherOrPictureIsNeverTakenForOneOfBefore) {
    const TemporaryFolder folder;
    DistillOptions options = smallOptions();
    options.views = 1;
    options.steps = 3;
    const auto missingWith = [&](Classroom& classroom) {
        const auto cache = cacheIn(folder.path());
        const Learned learned = learn(classroom, options, cache.get());
        expectSame(learn(classroom, options, nullptr), learned);
        return cache->counts().missing;
    };
    Classroom first, second, third;
    second.quiet = patchTeacher("quiet, other weights", 12, 8, 0.05, 9);
    third.source = TensorPictureSource(samplePictures(24, 48) * 0.99, 0.6, true);
    const int64_t all = missingWith(first);
    EXPECT_EQ(missingWith(first), 0);
    EXPECT_EQ(missingWith(second), all / 2);
    EXPECT_EQ(missingWith(third), all);
}

TEST(TeacherCacheEstimate, DecidesByRepeatsRoomAndTime) {
    TeacherCacheEstimate estimate;
    estimate.looks = 100;
    estimate.freshLooks = 100;
    estimate.bytes = 1e9;
    estimate.teacherSeconds = 3;
    estimate.studentSeconds = 1;
    const auto reason = [&](double room) { return estimate.decide(TeacherCacheUse::Auto, room).reason; };
    EXPECT_THAT(reason(1e12), HasSubstr("fresh one"));
    EXPECT_TRUE(estimate.decide(TeacherCacheUse::On, 0).use);
    estimate.views = 4;
    EXPECT_THAT(reason(1e12), HasSubstr("comes round again"));
    EXPECT_FALSE(estimate.decide(TeacherCacheUse::Auto, 1e12).use);
    estimate.freshLooks = 50;
    EXPECT_NEAR(estimate.gain(), 4 / 2.5, 1e-12);
    EXPECT_TRUE(estimate.decide(TeacherCacheUse::Auto, 1e12).use);
    EXPECT_FALSE(estimate.decide(TeacherCacheUse::Off, 1e12).use);
    EXPECT_THAT(reason(0.5e9), HasSubstr("do not fit"));
    estimate.readBytesPerStep = 2 * TeacherCacheEstimate::kReadBytesPerSecond;
    EXPECT_LT(estimate.gain(), 1);
    EXPECT_THAT(reason(1e12), HasSubstr("longer than the teachers"));
    EXPECT_THAT(estimate.text(), HasSubstr("50 of 100 looks"));
}

TEST(PictureViews, AreTheSameWheneverTheyComeUp) {
    TensorPictureSource source(at::rand({6, 3, 20, 20}), 0.5, true);
    BatchDraw draw{{0, 3, 5}, 16, 1, 9, 0, {0, 1, 2}, true};
    const auto first = source.pictures(draw);
    draw.seed = 77;
    draw.step = 1234;
    draw.firstPosition = 5;
    const auto later = source.pictures(draw);
    ASSERT_TRUE(first && later);
    EXPECT_TRUE(at::equal(first->pixels, later->pixels));
    EXPECT_EQ(first->names, later->names);
    draw.views = {0, 2, 2};
    const auto other = source.pictures(draw);
    for (int64_t i = 0; i < 3; ++i) {
        EXPECT_EQ(at::equal(first->pixels[i], other->pixels[i]), i != 1);
        EXPECT_EQ(first->names[size_t(i)] == other->names[size_t(i)], i != 1);
    }
    draw.side = 8;
    EXPECT_NE(source.pictures(draw)->names, other->names);
    draw.named = false;
    EXPECT_TRUE(source.pictures(draw)->names.empty());
}

}  // namespace
}  // namespace vitrine
