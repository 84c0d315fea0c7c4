// Two small frozen teachers, a few smooth pictures, and a distiller over them.
#pragma once

#include "core/distill/distiller.h"
#include "core/distill/random_stream.h"

#include <gtest/gtest.h>

namespace vitrine::testing {

// A frozen patch network: one strided convolution, its mean as the summary; `loudness` scales its features.
inline std::unique_ptr<Teacher> patchTeacher(const std::string& name, int64_t channels, int64_t patch,
                                             double loudness, uint64_t seed, bool withSummary = true) {
    const at::Tensor weight =
        at::randn({channels, 3, patch, patch}, randomStream(seed, 0, name), at::TensorOptions()) /
        double(patch);
    FunctionTeacherOptions options;
    options.name = name;
    options.summaryWidth = withSummary ? channels : 0;
    options.featureWidth = channels;
    options.cellPixels = patch;
    options.compute = [=](const at::Tensor& pixels) {
        const at::Tensor features =
            at::tanh(at::conv2d(pixels - 0.5, weight, {}, patch)) * loudness + 0.3 * loudness;
        return TeacherOutput{withSummary ? features.mean({2, 3}) : at::Tensor(), features};
    };
    return makeFunctionTeacher(std::move(options));
}

// Smooth random pictures.
inline at::Tensor samplePictures(int64_t count, int64_t side) {
    const at::Tensor coarse = at::rand({count, 3, 6, 6}, randomStream(1, 0, "pictures"), at::TensorOptions());
    return at::upsample_bicubic2d(coarse, {side, side}, false).clamp(0, 1);
}

inline DistillOptions smallOptions() {
    DistillOptions options;
    options.student.width = 32;
    options.student.depth = 2;
    options.student.headCount = 2;
    options.student.patchSize = 8;
    options.student.positionGridSide = 8;
    options.student.registers = 1;
    options.student.preferredSide = 32;
    options.teachers = {{.name = "quiet"}, {.name = "loud"}};
    options.partitions = {{{32}, 8, {}}};
    options.steps = 60;
    options.warmupSteps = 5;
    options.statisticsBatches = 8;
    options.learningRate = 3e-3;
    options.seed = 11;
    return options;
}

struct Classroom {
    std::unique_ptr<Teacher> quiet = patchTeacher("quiet", 12, 8, 0.05, 2);
    std::unique_ptr<Teacher> loud = patchTeacher("loud", 20, 8, 6, 3, false);
    TensorPictureSource source{samplePictures(24, 48), 0.6, true};
    std::unique_ptr<Distiller> make(const DistillOptions& options) {
        auto made = Distiller::create(options, {quiet.get(), loud.get()}, source);
        EXPECT_TRUE(made) << (made ? "" : made.error().text());
        return made ? std::move(*made) : nullptr;
    }
};

// Takes `steps` steps after the statistics; the last one's report.
inline StepReport trainFor(Distiller& distiller, int64_t steps) {
    JobContext job;
    EXPECT_TRUE(distiller.estimateStatistics(job));
    StepReport last;
    for (int64_t i = 0; i < steps; ++i) {
        const auto report = distiller.train();
        if (!report) {
            ADD_FAILURE() << report.error().text();
            break;
        }
        last = *report;
    }
    return last;
}

}  // namespace vitrine::testing
