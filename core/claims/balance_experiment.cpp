// Two teachers of summaries share one small student. The summaries of the narrow one keep close to their
// mean direction, those of the wide one point nearly everywhere, as of SigLIP2 and DINOv3. A cosine grows
// with the square of the angle, so that the wide cone pulls the trunk about as much harder as its dispersion
// is larger; divided by the dispersions, both pull alike.
#include "core/claims/c_radio_v4_experiments.h"
#include "core/data/soft_scenes.h"
#include "core/distill/losses.h"
#include "core/distill/random_stream.h"
#include "core/distill/student.h"
#include "core/distill/summary_dispersion.h"
#include "core/features/retrieval.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace vitrine {
namespace {

constexpr int64_t kSide = 32, kPatch = 8, kChannels = 32;
constexpr int64_t kSteps = 600, kBatch = 64, kWarmup = 20;
constexpr int64_t kFitPictures = 2048, kBankPictures = 2048, kTestPictures = 2048;
constexpr int64_t kClasses = 16;  // that a teacher sorts pictures into

constexpr const char* kShare = "gradient in the trunk, wide over narrow cone";
constexpr const char* kUnevenness = "larger over smaller gradient in the trunk";

struct Cone {
    const char* name;
    double dispersion;  // radians², published: 0.694 (SigLIP2-g) and 2.186 (DINOv3-7B)
};
constexpr std::array kCones{Cone{"narrow", 0.7}, Cone{"wide", 2.2}};

at::Tensor normal(at::IntArrayRef shape, const at::Generator& random) {
    return at::randn(shape, random, at::TensorOptions());
}

// What centred summaries (N, C) must be moved by, along `direction` (1, C), to lie in a cone of a dispersion.
Result<at::Tensor> axisFor(double dispersion, const at::Tensor& centred, const at::Tensor& direction) {
    const at::Tensor unit = direction / direction.norm();
    double nearest = 1e-3, farthest = 1e3;  // the farther, the narrower
    for (int halving = 0; halving < 40; ++halving) {
        const double middle = std::sqrt(nearest * farthest);
        VITRINE_TRY(const SummaryCone cone, fitSummaryCone(centred + unit * middle));
        (cone.dispersion > dispersion ? nearest : farthest) = middle;
    }
    return unit * farthest;
}

// A frozen random network; its summaries are centred, then moved until their cone is as wide as wanted.
class ConeTeacher {
  public:
    static Result<ConeTeacher> draw(double dispersion, const at::Tensor& pictures,
                                    const at::Generator& random) {
        ConeTeacher teacher;
        teacher.weights_ = {normal({24, 3, 3, 3}, random) * 0.5, normal({48, 24, 3, 3}, random) * 0.12};
        teacher.mix_ = normal({kChannels, int64_t(48) * 4}, random);
        const at::Tensor raw = teacher.raw(pictures);
        teacher.mean_ = raw.mean(0, true);
        teacher.deviation_ = raw.std(0, true, true);
        const at::Tensor content = teacher.content(pictures);
        VITRINE_TRY(teacher.axis_, axisFor(dispersion, content, normal({1, kChannels}, random)));
        VITRINE_TRY(const SummaryCone cone, fitSummaryCone(content + teacher.axis_));
        teacher.dispersion_ = cone.dispersion;
        teacher.prototypes_ = content.narrow(0, 0, kClasses);
        return teacher;
    }
    at::Tensor look(const at::Tensor& pictures) const { return content(pictures) + axis_; }  // (B, C)
    double dispersion() const { return dispersion_; }
    // (B) int64: which of the prototypes a picture's summary is nearest to.
    at::Tensor classes(const at::Tensor& pictures) const {
        return at::cdist(content(pictures), prototypes_).argmin(1);
    }

  private:
    at::Tensor raw(const at::Tensor& pictures) const {
        at::Tensor state = pictures * 2 - 1;
        for (const at::Tensor& weight : weights_)
            state = at::tanh(at::conv2d(state, weight, {}, 2, 1) * 2);
        return at::linear(at::adaptive_avg_pool2d(state, {2, 2}).flatten(1), mix_);
    }
    at::Tensor content(const at::Tensor& pictures) const { return (raw(pictures) - mean_) / deviation_; }

    std::vector<at::Tensor> weights_;
    at::Tensor mix_, mean_, deviation_, axis_, prototypes_;
    double dispersion_ = 1;
};

StudentOptions studentOptions() {
    StudentOptions options;
    options.width = 16;
    options.depth = 2;
    options.headCount = 2;
    options.patchSize = kPatch;
    options.positionGridSide = kSide / kPatch;
    options.croppedPositions = false;
    options.registers = 0;
    options.headHidden = kChannels;
    options.preferredSide = kSide;
    for (const Cone& cone : kCones)
        options.teachers.push_back({cone.name, kChannels, 1});  // features, which nobody teaches
    return options;
}

using Metrics = std::map<std::string, double>;
using Teachers = std::vector<ConeTeacher>;  // in the order of kCones

struct Arm {
    const char* name;
    bool angle;  // the balanced loss; else a cosine
};
constexpr Arm kArms[] = {{"balance: cosine", false}, {"balance: L_angle", true}};

at::Tensor lossOf(const Arm& arm, const at::Tensor& summary, const at::Tensor& target,
                  const ConeTeacher& teacher) {
    return arm.angle ? angleLoss(summary, target, teacher.dispersion())
                     : meanOver(cosineDistance(summary, target, -1));
}

// Of the trunk, which both teachers share, as one vector.
at::Tensor trunkGradient(const Optimizer& optimizer) {
    std::vector<at::Tensor> parts;
    for (const OptimizedParameter& parameter : optimizer.parameters())
        if (parameter.name.find("adaptors.") == std::string::npos && parameter.tensor.grad().defined())
            parts.push_back(parameter.tensor.grad().flatten());
    return at::cat(parts);
}

// Adds the gradients of all teachers; returns the norm of each one's share in the trunk.
std::array<double, kCones.size()> addGradients(const Arm& arm, const at::Tensor& pictures,
                                               const RadioModule& student, const Optimizer& optimizer,
                                               const Teachers& teachers) {
    const StudentOutput output = runStudent(student, pictures, {});
    std::array<double, kCones.size()> norms{};
    at::Tensor before = at::zeros({1});
    for (size_t i = 0; i < kCones.size(); ++i) {
        const bool last = i + 1 == kCones.size();
        lossOf(arm, output.heads.at(kCones[i].name).summary, teachers[i].look(pictures), teachers[i])
            .backward({}, !last);
        const at::Tensor sum = trunkGradient(optimizer);
        norms[i] = (sum - before).norm().item<double>();
        before = sum;
    }
    return norms;
}

// Weighted vote of the 20 nearest class tokens: share of pictures whose class is found.
Result<double> neighbourAccuracy(size_t teacher, const RadioModule& student, const Teachers& teachers,
                                 const at::Tensor& bank, const at::Tensor& test) {
    const auto tokens = [&](const at::Tensor& pictures) {
        return runStudent(student, pictures, {}).tokens.select(1, int64_t(teacher));
    };
    VITRINE_TRY(const Neighbors neighbours, nearestNeighbors(tokens(test), tokens(bank), 20));
    VITRINE_TRY(const at::Tensor votes, knnVote(neighbours, teachers[teacher].classes(bank), kClasses, 0.07));
    return votes.argmax(1).eq(teachers[teacher].classes(test)).to(at::kDouble).mean().item<double>();
}

Result<Metrics> evaluate(const RadioModule& student, const Teachers& teachers, const ClaimRequest& request) {
    const at::NoGradGuard noGrad;
    const at::Generator random = randomStream(uint64_t(request.seed), 0, "balance test");
    const at::Tensor bank = softScenes(scaledCount(kBankPictures, request), kSide, random);
    const at::Tensor test = softScenes(scaledCount(kTestPictures, request), kSide, random);
    const StudentOutput output = runStudent(student, test, {});
    Metrics metrics;
    for (size_t i = 0; i < kCones.size(); ++i) {
        const std::string name = kCones[i].name;
        VITRINE_TRY(metrics["kNN accuracy, " + name + " cone"],
                    neighbourAccuracy(i, student, teachers, bank, test));
        metrics["squared angle over dispersion, " + name + " cone"] =
            angleLoss(output.heads.at(name).summary, teachers[i].look(test), teachers[i].dispersion())
                .item<double>();
    }
    return metrics;
}

Result<Metrics> measureArm(const Arm& arm, const Teachers& teachers, const ClaimRequest& request) {
    const auto seed = uint64_t(request.seed);
    const std::shared_ptr<RadioModule> student = makeStudent(studentOptions(), seed);
    Optimizer optimizer(trainedParameters(*student), {.weightDecay = 0.01});
    const int64_t steps = scaledSteps(kSteps, request);
    std::array<double, kCones.size()> sums{};
    for (int64_t step = 0; step < steps; ++step) {
        VITRINE_TRY_VOID(request.job->checkStop());
        const at::Tensor pictures = softScenes(kBatch, kSide, randomStream(seed, step, "balance pictures"));
        optimizer.clearGradients();
        const auto norms = addGradients(arm, pictures, *student, optimizer, teachers);
        for (size_t i = 0; i < norms.size(); ++i)
            sums[i] += norms[i];
        optimizer.step(cosineRate(step, kWarmup, steps, 3e-3));
        request.job->advance();
    }
    VITRINE_TRY(Metrics metrics, evaluate(*student, teachers, request));
    metrics[kShare] = sums[1] / sums[0];
    metrics[kUnevenness] = std::max(sums[1] / sums[0], sums[0] / sums[1]);
    return metrics;
}

Result<ClaimMeasurement> measure(const ClaimRequest& request) {
    const at::Generator random = randomStream(uint64_t(request.seed), 0, "balance teachers");
    const at::Tensor pictures = softScenes(kFitPictures, kSide, random);
    Teachers teachers;
    for (const Cone& cone : kCones) {
        VITRINE_TRY(teachers.emplace_back(), ConeTeacher::draw(cone.dispersion, pictures, random));
    }
    request.job->beginStage("training one student per summary loss",
                            int64_t(std::size(kArms)) * scaledSteps(kSteps, request));
    ClaimMeasurement measurement;
    for (const Arm& arm : kArms) {
        VITRINE_TRY(measurement.arms[arm.name], measureArm(arm, teachers, request));
    }
    return measurement;
}

std::vector<ClaimCheck> judge(const ClaimTable& table) {
    const char *const cosine = kArms[0].name, *const angle = kArms[1].name;
    const char* const narrow = "kNN accuracy, narrow cone";
    return {
        atLeast("gradient of the wide cone over that of the narrow one, cosine", table.mean(cosine, kShare),
                2),
        atMost("larger over smaller gradient, L_angle", table.mean(angle, kUnevenness), 1.5),
        atLeast("kNN accuracy of the narrow cone, L_angle less cosine (above 0)",
                table.mean(angle, narrow) - table.mean(cosine, narrow), 1e-9),
    };
}

}  // namespace

ClaimExperiment balanceExperiment() {
    return {measure, judge};
}

}  // namespace vitrine
