#include "core/claims/encoder_ground.h"

#include "core/claims/am_radio_lesson.h"
#include "core/claims/am_radio_metrics.h"
#include "core/claims/small_student.h"
#include "core/compress/feature_difference.h"
#include "core/distill/random_stream.h"
#include "core/io/table_source.h"

#include <array>

namespace vitrine {
namespace {

using am_radio::kPatch, am_radio::kSide;

constexpr int64_t kTeacherSteps = 250, kSteps = 600, kBatch = 16, kLessons = 64;
constexpr int64_t kClasses = 1 + kSceneShapeCount;
constexpr int64_t kCalibrated = 128, kCalibrationBatch = 32, kFitted = 128, kTested = 192;

StudentOptions encoderOptions(am_radio::SceneTeachers teachers) {
    StudentOptions options = smallStudentOptions(kSide / kPatch, kSide, am_radio::headsFor(teachers));
    options.width = EncoderGround::kWidth;
    options.depth = EncoderGround::kDepth;
    options.headCount = EncoderGround::kHeads;
    options.mlpRatio = EncoderGround::kMlpRatio;
    return options;
}

// Tensors at hand where a checkpoint is asked for.
Result<std::shared_ptr<const TensorSource>> sourceOf(const std::map<std::string, at::Tensor>& tensors) {
    std::vector<TableEntry> entries;
    for (const auto& [name, given] : tensors) {
        const auto tensor = std::make_shared<at::Tensor>(given.contiguous());
        const auto bytes = size_t(tensor->nbytes());
        const TensorInfo info{name, dtypeOfTorch(tensor->scalar_type()), tensor->sizes().vec(), bytes, {}};
        entries.push_back(
            {info, {static_cast<const std::byte*>(tensor->const_data_ptr()), bytes}, tensor, {}});
    }
    return makeTableSource(std::move(entries), {}, "the encoder");
}

Result<at::Tensor> featuresOf(const RadioModel& encoder, const at::Tensor& pictures) {
    std::vector<at::Tensor> pieces;
    for (const at::Tensor& piece : pictures.split(64)) {
        VITRINE_TRY(const EncoderOutput output, encoder.encode(piece, {}));
        pieces.push_back(output.features);
    }
    return at::cat(pieces);
}

}  // namespace

Result<std::unique_ptr<RadioModel>> EncoderGround::open(const Json& config,
                                                        const std::map<std::string, at::Tensor>& tensors) {
    VITRINE_TRY(const auto source, sourceOf(tensors));
    VITRINE_TRY(const auto module, loadRadioModule(config, *source, "", {}));
    return std::make_unique<RadioModel>(module, "encoder");
}

Result<void> EncoderGround::teach(const ClaimRequest& request) {
    VITRINE_TRY(const auto teacher, am_radio::trainDenseTeacher(request, kTeacherSteps));
    const std::array<const am_radio::SceneTeacher*, 1> teachers{teacher.get()};
    const StudentOptions options = encoderOptions(teachers);
    // Seen again and again: drawing one, and asking the teacher, costs as much as a step of the student.
    std::vector<am_radio::Lesson> lessons;
    for (int64_t lesson = 0; lesson < scaledCount(kLessons, request); ++lesson)
        lessons.push_back(am_radio::drawLesson(
            kBatch, teachers, randomStream(uint64_t(request.seed), lesson, "encoder pictures")));
    request.job->beginStage("teaching the encoder", scaledSteps(kSteps, request));
    const auto loss = [&](const RadioModule& student, int64_t step) {
        const am_radio::Lesson& lesson = lessons[size_t(step) % lessons.size()];
        return am_radio::lessonLoss(runStudent(student, lesson.pictures, {}), lesson, teachers, 1);
    };
    VITRINE_TRY(const auto encoder, taughtStudent(options, kSteps, request, loss, 1));
    config_ = studentConfigJson(options);
    for (const auto& entry : encoder->named_parameters())
        tensors_[entry.key()] = entry.value().detach();
    for (const auto& entry : encoder->named_buffers())
        tensors_[entry.key()] = entry.value();
    return {};
}

Result<EncoderGround> EncoderGround::train(const ClaimRequest& request) {
    EncoderGround ground;
    VITRINE_TRY_VOID(ground.teach(request));
    const at::NoGradGuard plain;
    const at::Generator random = randomStream(uint64_t(request.seed), 0, "encoder examination");
    const auto draw = [&](int64_t whole) {
        return renderShapeScenes(drawShapeScenes(scaledCount(whole, request), random), kSide);
    };
    ground.calibration_ = draw(kCalibrated).pictures.split(kCalibrationBatch);
    const ScenePictures fitted = draw(kFitted);
    ground.tested_ = draw(kTested);
    VITRINE_TRY(const auto encoder, ground.open());
    VITRINE_TRY(ground.denseFeatures_, featuresOf(*encoder, ground.tested_.pictures));
    VITRINE_TRY(const at::Tensor features, featuresOf(*encoder, fitted.pictures));
    VITRINE_TRY(ground.probe_, am_radio::fitSceneProbe(features, fitted.shapes, kClasses, request));
    return ground;
}

Result<std::map<std::string, double>> EncoderGround::examine(const RadioModel& encoder,
                                                             const ClaimRequest& request) const {
    VITRINE_TRY_VOID(request.job->checkStop());
    const at::NoGradGuard plain;
    std::map<std::string, double> metrics;
    VITRINE_TRY(const at::Tensor features, featuresOf(encoder, tested_.pictures));
    metrics[kFeatureError] = relativeSquare(features, denseFeatures_);
    VITRINE_TRY(metrics[kProbe], am_radio::sceneProbeScore(*probe_, features, tested_.shapes, kClasses));
    return metrics;
}

}  // namespace vitrine
