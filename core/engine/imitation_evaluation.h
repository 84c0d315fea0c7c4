// A student's adaptor heads against their teachers, picture by picture: the student at each of several
// resolutions, each teacher at its own. The curve of the error is the mode-switch plot (RADIOv2.5): a student
// that was taught each teacher at one resolution only turns into another model at the others.
#pragma once

#include "core/engine/evaluation_tasks.h"
#include "core/eval/imitation.h"

namespace vitrine {

struct ImitatedTeacher {
    std::string name;     // of the student's adaptor
    std::string model;    // folder or weight file
    std::string adaptor;  // head of a RADIO teacher; empty: its backbone
    int64_t layer = -1;   // map after this block; -1: the final features
    int64_t side = 0;     // model pixels that it looks at; 0: what it prefers
};
// As the setting "teachers" holds them: name, model, adaptor, layer, side.
ImitatedTeacher imitatedTeacherFrom(const Json& json);

// What a teacher says of each picture. Pictures that it could not see have undefined maps.
struct TeacherMaps {
    std::string name;
    std::vector<at::Tensor> features;   // (C, h, w) float32 on the CPU
    std::vector<at::Tensor> summaries;  // (S); undefined where it has none, or a layer is compared
    int64_t side = 0;
    std::vector<SkippedPicture> skipped;
};
// Pictures are shown whole, squeezed to squares. InvalidArgument for an unknown layer or adaptor.
Result<TeacherMaps> mapsOfTeacher(const StoredModel& model, const ImitatedTeacher& teacher,
                                  const std::vector<std::string>& pictures,
                                  const EvaluationSettings& settings, JobContext& job);

struct Imitation {
    std::string teacher;
    ImitationScores scores;
    // Name, and the picture beside the teacher's and the student's features in the colours of a basis fitted
    // to the teacher's: equal colours are equal features, at every resolution.
    std::vector<std::pair<std::string, Image>> pictures;
};
struct Imitations {
    std::vector<Imitation> teachers;
    std::vector<SkippedPicture> skipped;
};
// `pictureCount`: of the pictures to draw, from the first on. InvalidArgument for a student without one of
// the adaptors, ShapeMismatch for an adaptor of another width than its teacher.
Result<Imitations> imitate(const StoredModel& student, const std::vector<TeacherMaps>& teachers,
                           const std::vector<std::string>& pictures, const EvaluationSettings& settings,
                           int64_t pictureCount, JobContext& job);

}  // namespace vitrine
