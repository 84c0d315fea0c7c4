// A teacher whose features are a clean map of the picture's content plus noise that is fixed to the position
// in its crop. A student that always sees the teacher's crop learns the noise with the content; one whose
// crop is shifted on its own cannot know where the noise lies, so that it averages out. With MESA the student
// also agrees with its slow copy at another crop.
#include "core/claims/c_radio_v4_experiments.h"
#include "core/claims/fixed_pattern.h"
#include "core/claims/small_student.h"
#include "core/data/soft_scenes.h"
#include "core/distill/crops.h"
#include "core/distill/losses.h"
#include "core/distill/random_stream.h"
#include "core/distill/teacher_target.h"
#include "core/distill/weight_noise.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

constexpr int64_t kPatch = 8, kGrid = 6, kSide = kGrid * kPatch, kChannels = 16;
constexpr int64_t kLimit = 2;  // cells that a crop moves at most; four deviations
constexpr int64_t kMargin = canvasMargin(kLimit, kPatch), kCanvas = kSide + 2 * kMargin;
constexpr double kDeviation = 0.5;  // of the shifts, cells: the published training
constexpr double kNoise = 0.6;      // deviation of the planted pattern; content has 1
constexpr int64_t kSteps = 700, kBatch = 32, kTestPictures = 512;
constexpr double kSlowDecay = 0.99;  // 0.9996 of the full training scaled to its length

class NoisyTeacher {
  public:
    explicit NoisyTeacher(const at::Generator& random) {
        const auto normal = [&](at::IntArrayRef shape) {
            return at::randn(shape, random, at::TensorOptions());
        };
        patch_ = normal({48, 3, kPatch, kPatch}) * (3.0 / kPatch);
        mix_ = normal({kChannels, 48, 1, 1});
        pattern_ = kNoise * normal({1, kChannels, kGrid, kGrid});
        const at::Tensor sample = raw(softScenes(256, kCanvas, random));
        mean_ = sample.mean({0, 2, 3}, true);
        deviation_ = sample.std({0, 2, 3}, false, true);
    }
    // Clean features of a crop (B, 3, kSide, kSide) -> (B, C, kGrid, kGrid): patches do not look beyond
    // themselves.
    at::Tensor clean(const at::Tensor& crop) const { return (raw(crop) - mean_) / deviation_; }
    at::Tensor look(const at::Tensor& crop) const { return clean(crop) + pattern_; }
    const at::Tensor& pattern() const { return pattern_; }

  private:
    at::Tensor raw(const at::Tensor& pictures) const {
        return at::conv2d(at::tanh(at::conv2d(pictures * 2 - 1, patch_, {}, kPatch)), mix_);
    }
    at::Tensor patch_, mix_, pattern_, mean_, deviation_;
};

StudentOptions studentOptions() {
    StudentOptions options = smallStudentOptions(kGrid, kSide, {{"teacher", 0, kChannels}});
    options.croppedPositions = false;
    options.headHidden = 48;
    return options;
}

struct Arm {
    const char* name;
    bool shifted;
    double mesaWeight;
};
constexpr Arm kArms[] = {{"aligned", false, 0}, {"shifted", true, 0}, {"shifted + MESA", true, 1}};

using Metrics = std::map<std::string, double>;

// Mean squared change of the normalised backbone features of one place between two crops.
double shiftVariance(const RadioModule& student, const at::Tensor& canvas, const ClaimRequest& request) {
    double sum = 0;
    constexpr int64_t kDraws = 8;
    const auto featuresAt = [&](CellShift shift) {
        return plainLayerNorm(
            runStudent(student, shiftedCrop(canvas, kSide, shift, kPatch, kMargin), {}).features);
    };
    const at::Tensor centre = featuresAt({});
    int64_t used = 0;
    for (int64_t draw = 0; used < kDraws; ++draw) {
        const CellShift shift = drawShift(uint64_t(request.seed), draw, "shift test", 1.0, kLimit);
        if (shift.row == 0 && shift.column == 0)
            continue;
        sum += overlapMse(centre, featuresAt(shift), shift).item<double>();
        ++used;
    }
    return sum / double(kDraws);
}

Metrics evaluate(const RadioModule& student, const NoisyTeacher& teacher, const at::Tensor& canvas,
                 const ClaimRequest& request) {
    const at::NoGradGuard noGrad;
    const at::Tensor crop = shiftedCrop(canvas, kSide, {}, kPatch, kMargin);
    const at::Tensor prediction = runStudent(student, crop, {}).heads.at("teacher").features;
    const at::Tensor difference = prediction - teacher.clean(crop);
    return {{"share of the fixed pattern learned", shareOfFixedPattern(difference, teacher.pattern())},
            {"error to the clean teacher", difference.square().mean().item<double>()},
            {"error to the noisy teacher", (prediction - teacher.look(crop)).square().mean().item<double>()},
            {"change of features under shifts", shiftVariance(student, canvas, request)}};
}

Result<Metrics> measureArm(const Arm& arm, const NoisyTeacher& teacher, const at::Tensor& test,
                           const ClaimRequest& request) {
    const auto seed = uint64_t(request.seed);
    const StudentOptions options = studentOptions();
    const std::shared_ptr<RadioModule> student = makeStudent(options, seed);
    Optimizer optimizer(trainedParameters(*student), {.weightDecay = 0.01});
    const auto slowModule = std::make_shared<RadioModule>(studentConfig(options));
    SlowCopy slow(slowModule, *student, kSlowDecay);
    const int64_t steps = scaledSteps(kSteps, request);
    for (int64_t step = 0; step < steps; ++step) {
        VITRINE_TRY_VOID(request.job->checkStop());
        const at::Tensor canvas = softScenes(kBatch, kCanvas, randomStream(seed, step, "shift pictures"));
        const auto shiftOf = [&](const char* who) { return drawShift(seed, step, who, kDeviation, kLimit); };
        const auto cropAt = [&](CellShift shift) {
            return shiftedCrop(canvas, kSide, shift, kPatch, kMargin);
        };
        const auto offset = [](CellShift from, CellShift to) {
            return CellShift{to.row - from.row, to.column - from.column};
        };
        const CellShift own = shiftOf("student"), teachers = arm.shifted ? shiftOf("teacher") : own;
        const StudentOutput output = runStudent(*student, cropAt(own), {});
        at::Tensor loss = overlapMse(output.heads.at("teacher").features, teacher.look(cropAt(teachers)),
                                     offset(own, teachers));
        if (arm.mesaWeight > 0) {
            const CellShift slows = shiftOf("slow copy");
            at::Tensor expected;
            {
                const at::NoGradGuard noGrad;
                expected = plainLayerNorm(runStudent(*slowModule, cropAt(slows), {}).features);
            }
            loss = loss +
                   arm.mesaWeight * overlapMse(plainLayerNorm(output.features), expected, offset(own, slows));
        }
        optimizer.clearGradients();
        loss.backward();
        optimizer.step(cosineRate(step, 20, steps, 2e-3));
        slow.follow(*student);
        request.job->advance();
    }
    return evaluate(*student, teacher, test, request);
}

Result<ClaimMeasurement> measure(const ClaimRequest& request) {
    const at::Generator random = randomStream(uint64_t(request.seed), 0, "shift teacher");
    const NoisyTeacher teacher(random);
    const at::Tensor test = softScenes(kTestPictures, kCanvas, random);
    request.job->beginStage("training one student per way of cropping",
                            int64_t(std::size(kArms)) * scaledSteps(kSteps, request));
    ClaimMeasurement measurement;
    for (const Arm& arm : kArms) {
        VITRINE_TRY(measurement.arms[arm.name], measureArm(arm, teacher, test, request));
    }
    return measurement;
}

std::vector<ClaimCheck> judge(const ClaimTable& table) {
    const char* const share = "share of the fixed pattern learned";
    const char* const clean = "error to the clean teacher";
    const char* const change = "change of features under shifts";
    return {
        atLeast("share of the fixed pattern that aligned crops learn", table.mean("aligned", share), 0.8),
        atMost("share of the fixed pattern that shifted crops learn", table.mean("shifted", share), 0.3),
        atMost("error to the clean teacher, shifted over aligned",
               table.mean("shifted", clean) / table.mean("aligned", clean), 1),
        atMost("change of features under shifts, with MESA over without",
               table.mean("shifted + MESA", change) / table.mean("shifted", change), 1),
        atMost("error to the clean teacher, with MESA over without (equal within 5 %)",
               table.mean("shifted + MESA", clean) / table.mean("shifted", clean), 1.05),
    };
}

}  // namespace

ClaimExperiment shiftExperiment() {
    return {measure, judge};
}

}  // namespace vitrine
