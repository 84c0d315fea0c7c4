// A student of 32 pixels and a teacher that takes 64 pixels only. Either the teacher sees each picture alone,
// large, and its map is resized to the student's grid; or it sees four of the student's pictures side by
// side, and its map is cut. The teacher adds artefacts that are fixed to its field: a smooth pattern of
// positions and a border. In a mosaic a picture lies in any quarter of the field, and the artefacts average
// out.
#include "core/claims/fixed_pattern.h"
#include "core/claims/fixed_size_teacher.h"
#include "core/claims/radio_v25_experiments.h"
#include "core/claims/small_student.h"
#include "core/data/soft_scenes.h"
#include "core/distill/crops.h"
#include "core/distill/random_stream.h"
#include "core/nn/functional.h"

#include <cmath>

namespace vitrine {
namespace {

constexpr int64_t kPatch = FixedSizeTeacher::kPatch, kChannels = FixedSizeTeacher::kChannels;
constexpr int64_t kTeacherSide = 64, kStudentSide = 32;
constexpr int64_t kTeacherGrid = kTeacherSide / kPatch, kStudentGrid = kStudentSide / kPatch;
constexpr double kArtefacts = 0.6;  // deviation of the planted pattern over its places; content has 1
constexpr int64_t kPositionField =
    3;  // side of the learned positions that were resized to the teacher's grid
constexpr int64_t kSteps = 700, kBatch = 32, kTestPictures = 512;

// A map of unit variance over its places.
at::Tensor unitVariance(const at::Tensor& map) {
    const at::Tensor centred = withoutMeanOverPlaces(map);
    return centred / centred.square().mean().sqrt();
}

// Half of the energy in the outermost ring of cells, half in a smooth field of positions.
at::Tensor plantedArtefacts(const at::Generator& random) {
    const auto normal = [&](int64_t cells) {
        return at::randn({1, kChannels, cells, cells}, random, at::TensorOptions());
    };
    at::Tensor ring = at::ones({1, 1, kTeacherGrid, kTeacherGrid});
    ring.narrow(2, 1, kTeacherGrid - 2).narrow(3, 1, kTeacherGrid - 2).zero_();
    const at::Tensor positions =
        nn::resizeMap(normal(kPositionField), kTeacherGrid, kTeacherGrid, "bilinear");
    return (unitVariance(ring * normal(1)) + unitVariance(positions)) * (kArtefacts / std::sqrt(2.0));
}

class Lesson {
  public:
    explicit Lesson(const at::Generator& random)
        : teacher_(kTeacherSide, kTeacherSide, random),
          artefacts_(plantedArtefacts(random)),
          test_(softScenes(kTestPictures, kTeacherSide, random)) {}

    const at::Tensor& artefacts() const { return artefacts_; }
    const at::Tensor& test() const { return test_; }
    // What pictures (B, 3, 64, 64) are taught as: (B, C, 4, 4).
    at::Tensor targets(const at::Tensor& pictures, bool mosaics, bool clean) const {
        const auto look = [&](const at::Tensor& field) {
            return clean ? teacher_.look(field) : teacher_.look(field) + artefacts_;
        };
        if (!mosaics)
            return onGrid(look(pictures), kStudentGrid);
        const Mosaic mosaic = mosaicFor(kTeacherSide, kPatch, kStudentSide);
        const at::Tensor canvases =
            composeMosaic(resizedPictures(pictures, kStudentSide), mosaic, kTeacherSide);
        return cutMosaic(look(canvases), mosaic, pictures.size(0));
    }

  private:
    FixedSizeTeacher teacher_;
    at::Tensor artefacts_, test_;
};

StudentOptions studentOptions() {
    StudentOptions options = smallStudentOptions(kStudentGrid, kStudentSide, {{"teacher", 0, kChannels}});
    options.croppedPositions = false;
    options.headHidden = 48;
    return options;
}

using Metrics = std::map<std::string, double>;

at::Tensor predictions(const RadioModule& student, const at::Tensor& pictures) {
    return runStudent(student, resizedPictures(pictures, kStudentSide), {}).heads.at("teacher").features;
}

Metrics evaluate(const RadioModule& student, bool mosaics, const Lesson& lesson) {
    const at::NoGradGuard noGrad;
    // The clean teacher as this student meets it: a map of small pictures, or a resized one of large
    // pictures.
    const at::Tensor clean = lesson.targets(lesson.test(), mosaics, true);
    const at::Tensor difference = predictions(student, lesson.test()) - clean;
    return {{"share of the artefacts learned", shareOfFixedPattern(difference, lesson.artefacts())},
            {"error to the clean teacher",
             (difference.square().mean() / clean.var({0, 2, 3}, false).mean()).item<double>()}};
}

Result<Metrics> measureArm(bool mosaics, const Lesson& lesson, const ClaimRequest& request) {
    const auto lossOf = [&](const RadioModule& student, int64_t step) {
        const at::Tensor pictures =
            softScenes(kBatch, kTeacherSide, randomStream(uint64_t(request.seed), step, "mosaic pictures"));
        return (predictions(student, pictures) - lesson.targets(pictures, mosaics, false)).square().mean();
    };
    VITRINE_TRY(const auto student, taughtStudent(studentOptions(), kSteps, request, lossOf));
    return evaluate(*student, mosaics, lesson);
}

Result<ClaimMeasurement> measure(const ClaimRequest& request) {
    const Lesson lesson(randomStream(uint64_t(request.seed), 0, "mosaic teacher"));
    request.job->beginStage("training one student per kind of target", 2 * scaledSteps(kSteps, request));
    ClaimMeasurement measurement;
    for (const bool mosaics : {false, true}) {
        VITRINE_TRY(measurement.arms[mosaics ? "mosaic: cut targets" : "mosaic: resized targets"],
                    measureArm(mosaics, lesson, request));
    }
    return measurement;
}

std::vector<ClaimCheck> judge(const ClaimTable& table) {
    const auto ratio = [&](const char* metric) {
        return table.mean("mosaic: cut targets", metric) / table.mean("mosaic: resized targets", metric);
    };
    return {
        atMost("share of the artefacts learned, mosaics over resized targets",
               ratio("share of the artefacts learned"), 1),
        atMost("error to the clean teacher, mosaics over resized targets",
               ratio("error to the clean teacher"), 1),
    };
}

}  // namespace

ClaimExperiment mosaicExperiment() {
    return {measure, judge};
}

}  // namespace vitrine
