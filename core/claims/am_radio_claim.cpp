// Teachers are trained first and frozen. The three students then see the same pictures in the same order, so
// that each teacher looks at a batch once for all of them.
#include "core/claims/am_radio_claim.h"

#include "core/claims/am_radio_lesson.h"
#include "core/claims/am_radio_metrics.h"
#include "core/distill/random_stream.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

using namespace am_radio;
using Metrics = std::map<std::string, double>;

constexpr int64_t kWidth = 64, kDepth = 3, kBatch = 32, kSteps = 1000;
constexpr double kRate = 3e-3;

constexpr const char* kNeighbours = "kNN accuracy on the dominant shape";
constexpr const char* kProbe = "mIoU of a linear probe";
constexpr const char* kBoundary = "boundary F1 by the frozen decoder";
constexpr const char* kRank = "mean rank over the three tasks";
constexpr const char* kKept = "share of the fidelity kept at 128 px";

struct Arm {
    const char* name;
    double featureWeight;  // gamma
    bool croppedPositions;
};
constexpr Arm kArms[] = {
    {"student", 1, true}, {"student, summary loss only", 0, true}, {"student, plain positions", 1, false}};

StudentOptions studentOptions(const Arm& arm, const Teachers& teachers) {
    StudentOptions options;
    options.width = kWidth;
    options.depth = kDepth;
    options.headCount = 4;
    options.patchSize = kPatch;
    options.positionGridSide = arm.croppedPositions ? 24 : kSide / kPatch;
    options.croppedPositions = arm.croppedPositions;
    options.registers = 0;
    options.preferredSide = kSide;
    options.teachers = headsFor(teachers.all());
    return options;
}

// A student in training.
struct Pupil {
    Arm arm;
    std::shared_ptr<RadioModule> module;
    Optimizer optimizer;

    Pupil(const Arm& itsArm, const Teachers& teachers, uint64_t seed)
        : arm(itsArm),
          module(makeStudent(studentOptions(itsArm, teachers), seed)),
          optimizer(trainedParameters(*module), {.weightDecay = 0.02}) {}

    void learn(const Lesson& lesson, const Teachers& teachers, const PositionDraws& draws, double rate) {
        StudentPass pass;
        if (arm.croppedPositions)
            pass.draws = &draws;
        const at::Tensor loss =
            lessonLoss(runStudent(*module, lesson.pictures, pass), lesson, teachers.all(), arm.featureWeight);
        optimizer.clearGradients();
        loss.backward();
        optimizer.clipGradients(1);
        optimizer.step(rate);
    }
};

Result<void> teach(std::vector<Pupil>& pupils, const Teachers& teachers, const ClaimRequest& request) {
    const auto seed = uint64_t(request.seed);
    const int64_t steps = scaledSteps(kSteps, request);
    request.job->beginStage("teaching three students", steps);
    for (int64_t step = 0; step < steps; ++step) {
        VITRINE_TRY_VOID(request.job->checkStop());
        const at::Generator random = randomStream(seed, step, "am-radio pictures");
        const Lesson lesson = drawLesson(kBatch, teachers.all(), random);
        const PositionDraws draws = drawPositions(kBatch, random);
        for (Pupil& pupil : pupils)
            pupil.learn(lesson, teachers, draws, cosineRate(step, steps / 15, steps, kRate));
        request.job->advance();
    }
    return {};
}

Answers answersOf(const SceneTeacher& teacher, const Examination& examination) {
    const auto look = [&](const at::Tensor& pictures) {
        const TeacherLook seen = teacher.look(pictures);
        return std::vector<at::Tensor>{seen.summary.defined() ? seen.summary : seen.features.mean({2, 3}),
                                       seen.features};
    };
    const std::vector<at::Tensor> fitted = inPieces(examination.fitted.pictures, look),
                                  tested = inPieces(examination.tested.pictures, look);
    return {fitted[0], tested[0], fitted[1], tested[1]};
}

Answers answersOf(const RadioModule& student, const Examination& examination) {
    const auto look = [&](const at::Tensor& pictures) {
        const StudentOutput output = runStudent(student, pictures, {});
        return std::vector<at::Tensor>{student.summaryOf(output.tokens), output.features};
    };
    const std::vector<at::Tensor> fitted = inPieces(examination.fitted.pictures, look),
                                  tested = inPieces(examination.tested.pictures, look);
    return {fitted[0], tested[0], fitted[1], tested[1]};
}

at::Tensor headFeatures(const RadioModule& student, const at::Tensor& pictures, const std::string& teacher) {
    return inPieces(pictures, [&](const at::Tensor& piece) {
        StudentPass pass;
        pass.teachers = {teacher};
        return std::vector<at::Tensor>{runStudent(student, piece, pass).heads.at(teacher).features};
    })[0];
}

// Fidelity to each teacher at both sizes, and the share of their geometric mean that the large one keeps.
// Teachers look at the student's own size.
void addFidelities(Metrics& metrics, const RadioModule& student, const Teachers& teachers,
                   const Examination& examination) {
    const at::NoGradGuard noGrad;
    std::map<int64_t, double> logarithm;
    const at::Tensor small = examination.tested.pictures.narrow(0, 0, examination.large.size(0));
    for (const at::Tensor& pictures : {small, examination.large})
        for (const SceneTeacher* teacher : teachers.all()) {
            const int64_t side = pictures.size(3);
            const double value = fidelity(headFeatures(student, pictures, teacher->teacherName()),
                                          teacher->look(pictures).features);
            metrics[fmt::format("fidelity to {} at {:3} px", teacher->teacherName(), side)] = value;
            logarithm[side] += std::log(value) / double(teachers.all().size());
        }
    metrics[kKept] = std::exp(logarithm[kLargeSide] - logarithm[kSide]);
}

Result<Metrics> examine(const Answers& answers, const at::Tensor& boundaryLogits,
                        const Examination& examination, const ClaimRequest& request) {
    Metrics metrics;
    VITRINE_TRY(metrics[kNeighbours], neighbourAccuracy(answers, examination));
    VITRINE_TRY(metrics[kProbe], probeScore(answers, examination, request));
    metrics[kBoundary] = boundaryScore(boundaryLogits, examination.tested.objects);
    return metrics;
}

// 1 for the best of the full student and the teachers; equals share the mean of their places.
void addRanks(std::map<std::string, Metrics>& arms) {
    const std::array<std::string, 4> names{"student", "teacher shape", "teacher dense", "teacher boundary"};
    for (const std::string& name : names) {
        double sum = 0;
        for (const char* task : {kNeighbours, kProbe, kBoundary})
            for (const std::string& other : names) {
                const double mine = arms[name][task], others = arms[other][task];
                sum += other == name ? 1 : others > mine ? 1 : others == mine ? 0.5 : 0;
            }
        arms[name][kRank] = sum / 3;
    }
}

Result<ClaimMeasurement> measure(const ClaimRequest& request) {
    VITRINE_TRY(const Teachers teachers, trainTeachers(request));
    std::vector<Pupil> pupils;
    for (const Arm& arm : kArms)
        pupils.emplace_back(arm, teachers, uint64_t(request.seed));
    VITRINE_TRY_VOID(teach(pupils, teachers, request));

    const at::NoGradGuard noGrad;
    const Examination examination = drawExamination(request);
    request.job->beginStage("measuring students and teachers",
                            int64_t(pupils.size() + teachers.all().size()));
    ClaimMeasurement measurement;
    const Answers boundary = answersOf(*teachers.boundary, examination);
    for (const SceneTeacher* teacher : teachers.all()) {
        VITRINE_TRY_VOID(request.job->checkStop());
        const bool own = teacher == teachers.boundary.get();
        const Answers answers = own ? boundary : answersOf(*teacher, examination);
        const at::Tensor features =
            own ? boundary.testedFeatures
                : mappedFeatures(answers.fittedFeatures, boundary.fittedFeatures, answers.testedFeatures);
        VITRINE_TRY(measurement.arms[fmt::format("teacher {}", teacher->teacherName())],
                    examine(answers, teachers.boundaryLogits(features), examination, request));
        request.job->advance();
    }
    for (const Pupil& pupil : pupils) {
        VITRINE_TRY_VOID(request.job->checkStop());
        const at::Tensor features = headFeatures(*pupil.module, examination.tested.pictures, "boundary");
        VITRINE_TRY(Metrics metrics, examine(answersOf(*pupil.module, examination),
                                             teachers.boundaryLogits(features), examination, request));
        addFidelities(metrics, *pupil.module, teachers, examination);
        measurement.arms[pupil.arm.name] = std::move(metrics);
        request.job->advance();
    }
    addRanks(measurement.arms);
    return measurement;
}

std::vector<ClaimCheck> judge(const ClaimTable& table) {
    const char* const student = "student";
    const char* const summaryOnly = "student, summary loss only";
    const auto bestTeacher = std::min({table.mean("teacher shape", kRank), table.mean("teacher dense", kRank),
                                       table.mean("teacher boundary", kRank)});
    return {
        atMost("mean rank of the student less that of the best ranked teacher (below 0)",
               table.mean(student, kRank) - bestTeacher, -1e-9),
        atMost("mIoU without feature losses over mIoU with them",
               table.mean(summaryOnly, kProbe) / table.mean(student, kProbe), 0.9),
        atMost("change of the kNN accuracy without feature losses",
               std::abs(table.mean(summaryOnly, kNeighbours) - table.mean(student, kNeighbours)), 0.05),
        atLeast("share of the fidelity kept at 128 px, cropped positions", table.mean(student, kKept), 0.8),
        atMost("share of the fidelity kept at 128 px, plain positions",
               table.mean("student, plain positions", kKept), 0.7),
        atLeast("boundary F1 of the frozen decoder on student features over its own",
                table.mean(student, kBoundary) / table.mean("teacher boundary", kBoundary), 0.9),
    };
}

}  // namespace

ClaimExperiment amRadioClaim() {
    return {measure, judge};
}

}  // namespace vitrine
