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
#include <span>

namespace vitrine {
namespace {

constexpr int64_t kSide = 32, kPatch = 8, kChannels = 32;
constexpr int64_t kSteps = 600, kBatch = 64, kWarmup = 20;
constexpr int64_t kFitPictures = 2048, kBankPictures = 2048, kTestPictures = 2048;
constexpr int64_t kClasses = 16;  // that a teacher sorts pictures into
// Neighbours depend on what a student starts from, more than on the loss: so there are several.
constexpr int64_t kStudents = 3;

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
    options.width = 6;  // a bottleneck: less than either teacher's directions
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
                                               const Teachers& teachers,
                                               std::span<const at::Tensor> targets) {
    const StudentOutput output = runStudent(student, pictures, {});
    std::array<double, kCones.size()> norms{};
    at::Tensor before = at::zeros({1});
    for (size_t i = 0; i < kCones.size(); ++i) {
        const bool last = i + 1 == kCones.size();
        lossOf(arm, output.heads.at(kCones[i].name).summary, targets[i], teachers[i]).backward({}, !last);
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

// A student in training, and how hard each teacher has pulled at its trunk so far.
struct Pupil {
    const Arm& arm;
    std::shared_ptr<RadioModule> module;
    Optimizer optimizer;
    std::array<double, kCones.size()> pulls{};

    Pupil(const Arm& itsArm, uint64_t seed)
        : arm(itsArm),
          module(makeStudent(studentOptions(), seed)),
          optimizer(trainedParameters(*module), {.weightDecay = 0.01}) {}

    void learn(const at::Tensor& pictures, const Teachers& teachers, std::span<const at::Tensor> targets,
               double rate) {
        optimizer.clearGradients();
        const auto norms = addGradients(arm, pictures, *module, optimizer, teachers, targets);
        for (size_t i = 0; i < norms.size(); ++i)
            pulls[i] += norms[i];
        optimizer.step(rate);
    }
};

// All see the same pictures in the same order, so that each teacher looks at a batch once.
Result<void> teach(std::vector<Pupil>& pupils, const Teachers& teachers, const ClaimRequest& request) {
    const int64_t steps = scaledSteps(kSteps, request);
    request.job->beginStage("training three students per summary loss", steps);
    for (int64_t step = 0; step < steps; ++step) {
        VITRINE_TRY_VOID(request.job->checkStop());
        const at::Tensor pictures =
            softScenes(kBatch, kSide, randomStream(uint64_t(request.seed), step, "balance pictures"));
        std::vector<at::Tensor> targets;
        for (const ConeTeacher& teacher : teachers)
            targets.push_back(teacher.look(pictures));
        for (Pupil& pupil : pupils)
            pupil.learn(pictures, teachers, targets, cosineRate(step, kWarmup, steps, 3e-3));
        request.job->advance();
    }
    return {};
}

// Pictures on which the students are compared: neighbours are looked for in `bank`.
struct Examination {
    at::Tensor bank, test;
};

Examination drawExamination(const ClaimRequest& request) {
    const at::Generator random = randomStream(uint64_t(request.seed), 0, "balance test");
    Examination examination;
    examination.bank = softScenes(scaledCount(kBankPictures, request), kSide, random);
    examination.test = softScenes(scaledCount(kTestPictures, request), kSide, random);
    return examination;
}

Result<Metrics> examine(const Pupil& pupil, const Teachers& teachers, const Examination& examination) {
    const at::NoGradGuard noGrad;
    const StudentOutput output = runStudent(*pupil.module, examination.test, {});
    Metrics metrics;
    for (size_t i = 0; i < kCones.size(); ++i) {
        const std::string name = kCones[i].name;
        VITRINE_TRY(metrics["kNN accuracy, " + name + " cone"],
                    neighbourAccuracy(i, *pupil.module, teachers, examination.bank, examination.test));
        metrics["squared angle over dispersion, " + name + " cone"] =
            angleLoss(output.heads.at(name).summary, teachers[i].look(examination.test),
                      teachers[i].dispersion())
                .item<double>();
    }
    metrics[kShare] = pupil.pulls[1] / pupil.pulls[0];
    metrics[kUnevenness] = std::max(metrics[kShare], 1 / metrics[kShare]);
    return metrics;
}

Result<ClaimMeasurement> measure(const ClaimRequest& request) {
    const at::Generator random = randomStream(uint64_t(request.seed), 0, "balance teachers");
    const at::Tensor pictures = softScenes(kFitPictures, kSide, random);
    Teachers teachers;
    for (const Cone& cone : kCones) {
        VITRINE_TRY(teachers.emplace_back(), ConeTeacher::draw(cone.dispersion, pictures, random));
    }
    std::vector<Pupil> pupils;
    for (const Arm& arm : kArms)
        for (int64_t student = 0; student < kStudents; ++student)
            pupils.emplace_back(arm, randomHash(uint64_t(request.seed), student, "balance students"));
    VITRINE_TRY_VOID(teach(pupils, teachers, request));

    const Examination examination = drawExamination(request);
    ClaimMeasurement measurement;
    for (const Pupil& pupil : pupils) {
        VITRINE_TRY_VOID(request.job->checkStop());
        VITRINE_TRY(const Metrics metrics, examine(pupil, teachers, examination));
        for (const auto& [name, value] : metrics)
            measurement.arms[pupil.arm.name][name] += value / double(kStudents);
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
