// Two teachers of one size each, 64 and 128 pixels, teach a student in a small and a large batch per step.
// Either the batches always have 64 and 128 pixels, or their sizes are drawn anew. The student is then
// measured from half of the smaller fixed size to beyond the larger one, on the grid of the smallest: on
// grids of its own the targets would differ, since a teacher's map is sharper on the teacher's grid than
// resized.
#include "core/claims/c_radio_v4_experiments.h"
#include "core/claims/fixed_size_teacher.h"
#include "core/claims/small_student.h"
#include "core/data/soft_scenes.h"
#include "core/distill/losses.h"
#include "core/distill/random_stream.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

namespace vitrine {
namespace {

constexpr int64_t kPatch = FixedSizeTeacher::kPatch, kChannels = FixedSizeTeacher::kChannels;
constexpr int64_t kSmall = 64, kLarge = 128, kSmallestSide = 32, kLargestSide = 160;
constexpr int64_t kLowEnd = 48;  // pixels: sizes up to here are the low end, all smaller than a fixed one
constexpr int64_t kSteps = 200, kSmallBatch = 16, kLargeBatch = 8, kTestPictures = 64;

constexpr const char* kDrop = "largest drop of fidelity between neighbouring sizes";
constexpr const char* kLow = "fidelity at 32 to 48 px";

constexpr std::array<int64_t, 1> kFixedSmall{kSmall}, kFixedLarge{kLarge};
constexpr std::array<int64_t, 5> kStochasticSmall{40, 48, 56, 64, 72};
constexpr std::array<int64_t, 3> kStochasticLarge{96, 112, 128};

struct Arm {
    const char* name;
    std::span<const int64_t> small, large;  // pixels a side that the size of a batch is drawn from
};
constexpr Arm kArms[] = {{"resolutions: two fixed", kFixedSmall, kFixedLarge},
                         {"resolutions: stochastic", kStochasticSmall, kStochasticLarge}};

struct Teachers {
    FixedSizeTeacher small, large;

    explicit Teachers(const at::Generator& random)
        : small(kSmall, kSmall, random), large(kLarge, kLarge, random) {}
};

// Scenes at any size: the same stream draws the same ones, sharp at each size.
struct Scenes {
    int64_t count, step;
    const char* purpose;
    uint64_t seed;

    at::Tensor at(int64_t side) const { return softScenes(count, side, randomStream(seed, step, purpose)); }
};

// What the teachers say of the scenes, on a student's grid: (B, C, cells, cells) each.
std::map<std::string, at::Tensor> targetsOf(const Teachers& teachers, const Scenes& scenes, int64_t cells) {
    return {{"small", onGrid(teachers.small.look(scenes.at(kSmall)), cells)},
            {"large", onGrid(teachers.large.look(scenes.at(kLarge)), cells)}};
}

using Metrics = std::map<std::string, double>;

// Variance of a teacher over the mean squared error, geometric mean over the teachers. All maps are brought
// to grids of `cells` a side.
double fidelityOn(int64_t cells, const StudentOutput& output, const Teachers& teachers,
                  const Scenes& scenes) {
    double logarithm = 0;
    for (const auto& [name, target] : targetsOf(teachers, scenes, cells)) {
        const double variance = target.var({0, 2, 3}, false).mean().item<double>();
        const at::Tensor said = onGrid(output.heads.at(name).features, cells);
        logarithm += 0.5 * std::log(variance / (said - target).square().mean().item<double>());
    }
    return std::exp(logarithm);
}

// Largest relative difference of neighbouring values.
double largestDrop(std::span<const double> curve) {
    double drop = 0;
    for (size_t i = 1; i < curve.size(); ++i)
        drop = std::max(drop, 1 - std::min(curve[i - 1], curve[i]) / std::max(curve[i - 1], curve[i]));
    return drop;
}

Metrics evaluate(const RadioModule& student, const Teachers& teachers, const ClaimRequest& request) {
    const at::NoGradGuard noGrad;
    const Scenes scenes{scaledCount(kTestPictures, request), 0, "resolution test", uint64_t(request.seed)};
    Metrics metrics;
    std::vector<double> common, own;
    double lowEnd = 0;
    for (int64_t side = kSmallestSide; side <= kLargestSide; side += kPatch) {
        const StudentOutput output = runStudent(student, scenes.at(side), {});
        common.push_back(fidelityOn(kSmallestSide / kPatch, output, teachers, scenes));
        own.push_back(fidelityOn(side / kPatch, output, teachers, scenes));
        metrics[fmt::format("fidelity at {:3} px", side)] = common.back();
        if (side <= kLowEnd)
            lowEnd += std::log(common.back());
    }
    metrics[kDrop] = largestDrop(common);
    metrics["largest drop of fidelity on the student's own grid"] = largestDrop(own);
    metrics[kLow] = std::exp(lowEnd / double((kLowEnd - kSmallestSide) / kPatch + 1));
    return metrics;
}

at::Tensor lossAt(std::span<const int64_t> sides, const Scenes& scenes, const RadioModule& student,
                  const Teachers& teachers) {
    const int64_t side = sides[randomHash(scenes.seed, scenes.step, scenes.purpose) % sides.size()];
    const StudentOutput output = runStudent(student, scenes.at(side), {});
    at::Tensor loss = at::zeros({});
    for (const auto& [name, target] : targetsOf(teachers, scenes, side / kPatch))
        loss = loss + meanOver(meanSquaredDistance(output.heads.at(name).features, target, 1));
    return loss;
}

Result<Metrics> measureArm(const Arm& arm, const Teachers& teachers, const ClaimRequest& request) {
    const auto lossOf = [&](const RadioModule& student, int64_t step) {
        const auto seed = uint64_t(request.seed);
        const Scenes small{kSmallBatch, step, "small scenes", seed},
            large{kLargeBatch, step, "large scenes", seed};
        return lossAt(arm.small, small, student, teachers) + lossAt(arm.large, large, student, teachers);
    };
    const StudentOptions options = smallStudentOptions(kLargestSide / kPatch, kLarge,
                                                       {{"small", 0, kChannels}, {"large", 0, kChannels}});
    VITRINE_TRY(const auto student, taughtStudent(options, kSteps, request, lossOf));
    return evaluate(*student, teachers, request);
}

Result<ClaimMeasurement> measure(const ClaimRequest& request) {
    const Teachers teachers(randomStream(uint64_t(request.seed), 0, "resolution teachers"));
    request.job->beginStage("training one student per choice of resolutions",
                            int64_t(std::size(kArms)) * scaledSteps(kSteps, request));
    ClaimMeasurement measurement;
    for (const Arm& arm : kArms) {
        VITRINE_TRY(measurement.arms[arm.name], measureArm(arm, teachers, request));
    }
    return measurement;
}

std::vector<ClaimCheck> judge(const ClaimTable& table) {
    const auto over = [&](const char* metric) {
        return table.mean(kArms[1].name, metric) / table.mean(kArms[0].name, metric);
    };
    return {
        atMost("largest drop of fidelity between neighbouring sizes, stochastic over two fixed", over(kDrop),
               1),
        atLeast("fidelity at 32 to 48 px, stochastic over two fixed", over(kLow), 1),
    };
}

}  // namespace

ClaimExperiment resolutionExperiment() {
    return {measure, judge};
}

}  // namespace vitrine
