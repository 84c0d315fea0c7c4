// A byte model learns one text. Half of its neurons go, and what is left learns the other text: from the
// teacher as it is, from the teacher after a few steps on that text, or from the text alone, on the same
// batches.
#include "core/claims/byte_model.h"
#include "core/claims/minitron_experiments.h"
#include "core/claims/structured_students.h"
#include "core/structured/slicer.h"

namespace vitrine {
namespace {

constexpr int64_t kCorrectionSteps = 50, kWindows = 64;
constexpr ByteModelTraining kTeacher{.steps = 500, .finalShare = 0.1, .learnt = 1};
constexpr ShortTraining kStudents{.steps = 75};
constexpr const char *kUncorrected = "new text, uncorrected teacher",
                     *kCorrected = "new text, corrected teacher", *kText = "new text, without a teacher";

class Experiment {
  public:
    Experiment(const LanguageGround& ground, const ClaimRequest& request)
        : ground_(ground.with({ground.texts.at(1).name})), request_(request) {}

    Result<ClaimMeasurement> run() {
        LanguageGround corrected = ground_;
        ClaimRequest apart = request_;  // other batches than the students'
        apart.seed += 1000;
        request_.job->beginStage("correcting the teacher", scaledSteps(kCorrectionSteps, request_));
        VITRINE_TRY(corrected.model, trainShortly(ground_, ground_.model->clone(), std::nullopt,
                                                  {.steps = kCorrectionSteps}, apart));
        VITRINE_TRY(auto before, half(ground_));
        VITRINE_TRY(auto text, half(ground_));
        VITRINE_TRY(auto after, half(corrected));
        request_.job->beginStage("teaching students a new text", 3 * scaledSteps(kStudents.steps, request_));
        VITRINE_TRY_VOID(teach(kUncorrected, ground_, std::move(before), DistillationOptions{}));
        VITRINE_TRY_VOID(teach(kCorrected, corrected, std::move(after), DistillationOptions{}));
        VITRINE_TRY_VOID(teach(kText, ground_, std::move(text), std::nullopt));
        return std::move(result_);
    }

  private:
    Result<double> lossOf(const LanguageModel& model) const {
        VITRINE_TRY(const HeldOutLoss loss, ground_.heldOutLoss(model, *request_.job));
        return loss.mean;
    }

    // The ground's model with half of its neurons, ranked on the new text.
    Result<std::unique_ptr<LanguageModel>> half(const LanguageGround& ground) const {
        const LanguageModel& model = *ground.model;
        JobContext quiet(request_.job->stopToken(), {});
        VITRINE_TRY(const StructureRanking ranking,
                    rankStructures(model, ground.calibration(kWindows, uint64_t(request_.seed)), {}, quiet));
        const int64_t neurons = model.config().layers.front().feedForward.intermediate / 2;
        VITRINE_TRY(const SlicePlan plan, planFor(model.config(), ranking, {.intermediate = neurons}, {}));
        return sliceModel(model, plan);
    }

    Result<void> teach(const char* arm, const LanguageGround& ground, std::unique_ptr<LanguageModel> student,
                       const std::optional<DistillationOptions>& how) {
        auto& metrics = result_.arms[arm];
        if (how) {
            VITRINE_TRY(metrics["teacher's loss"], lossOf(*ground.model));
        }
        VITRINE_TRY(metrics["loss as cut"], lossOf(*student));
        VITRINE_TRY(const auto learnt, trainShortly(ground, std::move(student), how, kStudents, request_));
        VITRINE_TRY(metrics["loss"], lossOf(*learnt));
        return {};
    }

    LanguageGround ground_;
    const ClaimRequest& request_;
    ClaimMeasurement result_;
};

Result<ClaimMeasurement> measure(const ClaimRequest& request) {
    VITRINE_TRY(const LanguageGround ground, trainByteModel(ownLanguageFiles().texts, request, kTeacher));
    return measureTeacherCorrection(ground, request);
}

std::vector<ClaimCheck> judge(const ClaimTable& table) {
    const double corrected = table.mean(kCorrected, "loss");
    return {atMost("nats per token on a new text, corrected teacher less uncorrected one",
                   corrected - table.mean(kUncorrected, "loss"), -0.1)};
}

}  // namespace

Result<ClaimMeasurement> measureTeacherCorrection(const LanguageGround& ground, const ClaimRequest& request) {
    VITRINE_TRY(ClaimMeasurement measured, Experiment(ground, request).run());
    measured.seed = request.seed;
    return measured;
}

ClaimExperiment teacherCorrectionExperiment() {
    return {measure, judge};
}

}  // namespace vitrine
