// Teacher A works at 48 pixels, teacher B at 96. A student that meets A in small pictures only and B in large
// ones only (AM-RADIO's partitions) behaves as two models, switched by the resolution; one that meets both at
// both does not. The claim joins this with RADIOv2.5's other two experiments.
#include "core/claims/mode_switch_claim.h"

#include "core/claims/fixed_size_teacher.h"
#include "core/claims/joined_experiments.h"
#include "core/claims/radio_v25_experiments.h"
#include "core/claims/small_student.h"
#include "core/data/soft_scenes.h"
#include "core/distill/random_stream.h"

#include <array>
#include <cmath>

namespace vitrine {
namespace {

constexpr int64_t kPatch = FixedSizeTeacher::kPatch, kChannels = FixedSizeTeacher::kChannels;
constexpr int64_t kSmall = 48, kLarge = 96;
constexpr int64_t kSteps = 500, kBatch = 16, kTestPictures = 192;
constexpr const char *kPartitioned = "mode switch: partitioned", *kJoint = "mode switch: joint";
constexpr std::array<int64_t, 10> kSweep{40, 48, 56, 64, 72, 80, 88, 96, 104, 112};

struct Lesson {
    FixedSizeTeacher a, b;
    at::Tensor test;  // (kTestPictures, 3, kLarge, kLarge)

    explicit Lesson(const at::Generator& random)
        : a(kSmall, kLarge, random),
          b(kLarge, kLarge, random),
          test(softScenes(kTestPictures, kLarge, random)) {}
    const FixedSizeTeacher& teacher(const std::string& name) const { return name == "a" ? a : b; }
};

using Metrics = std::map<std::string, double>;

Metrics evaluate(const RadioModule& student, const Lesson& lesson) {
    const at::NoGradGuard noGrad;
    Metrics metrics;
    for (const int64_t side : kSweep) {
        const StudentOutput output = runStudent(student, resizedPictures(lesson.test, side), {});
        for (const std::string name : {"a", "b"}) {
            const at::Tensor target = onGrid(lesson.teacher(name).look(lesson.test), side / kPatch);
            const double variance = target.var({0, 2, 3}, false).mean().item<double>();
            const double error = (output.heads.at(name).features - target).square().mean().item<double>();
            metrics[fmt::format("error {} at {:3} px", name == "a" ? "A" : "B", side)] = error / variance;
        }
    }
    metrics["rise of A from 48 to 96 px"] = metrics["error A at  96 px"] / metrics["error A at  48 px"];
    metrics["rise of B from 96 to 48 px"] = metrics["error B at  48 px"] / metrics["error B at  96 px"];
    return metrics;
}

Result<Metrics> measureArm(bool joint, const Lesson& lesson, const ClaimRequest& request) {
    const auto lossOf = [&](const RadioModule& student, int64_t step) {
        at::Tensor loss = at::zeros({});
        for (const int64_t side : {kSmall, kLarge}) {
            const at::Tensor pictures =
                softScenes(kBatch, kLarge,
                           randomStream(uint64_t(request.seed), step, side == kSmall ? "small" : "large"));
            const StudentOutput output = runStudent(student, resizedPictures(pictures, side), {});
            for (const std::string name : {"a", "b"}) {
                if (!joint && (name == "a") != (side == kSmall))
                    continue;
                const at::Tensor target = onGrid(lesson.teacher(name).look(pictures), side / kPatch);
                loss = loss + (output.heads.at(name).features - target).square().mean();
            }
        }
        return loss;
    };
    const StudentOptions options =
        smallStudentOptions(16, kLarge, {{"a", 0, kChannels}, {"b", 0, kChannels}});
    VITRINE_TRY(const auto student, taughtStudent(options, kSteps, request, lossOf));
    return evaluate(*student, lesson);
}

Result<ClaimMeasurement> measure(const ClaimRequest& request) {
    const Lesson lesson(randomStream(uint64_t(request.seed), 0, "mode switch teachers"));
    request.job->beginStage("training one student per arrangement", 2 * scaledSteps(kSteps, request));
    ClaimMeasurement measurement;
    for (const bool joint : {false, true}) {
        VITRINE_TRY(measurement.arms[joint ? kJoint : kPartitioned], measureArm(joint, lesson, request));
    }
    return measurement;
}

std::vector<ClaimCheck> judge(const ClaimTable& table) {
    const auto cure = [&](const char* metric) {
        return table.mean(kPartitioned, metric) / table.mean(kJoint, metric);
    };
    return {
        atLeast("rise of A's error at its foreign resolution, partitioned over joint",
                cure("rise of A from 48 to 96 px"), 2),
        atLeast("rise of B's error at its foreign resolution, partitioned over joint",
                cure("rise of B from 96 to 48 px"), 2),
    };
}

}  // namespace

ClaimExperiment modeSwitchClaim() {
    return joinedExperiments({{measure, judge}, mosaicExperiment(), mergingExperiment()});
}

}  // namespace vitrine
