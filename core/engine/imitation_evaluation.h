// A student's adaptor heads against their teachers, picture by picture: the student at each of several
// resolutions, each teacher at its own or, as in a distillation, at the student's. The curve of the error is
// the mode-switch plot (RADIOv2.5): a student that was taught each teacher at one resolution only turns into
// another model at the others.
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
// Which picture a teacher looks at.
enum class TeacherView {
    Own,     // with all its detail, at `side` or what the teacher prefers, whatever the student sees
    Student  // what the student sees, enlarged or reduced to `side`, or to the nearest that the teacher takes
             // (a partition of a distillation without shifts: Distiller::Parts::showing, lookAt)
};
const char* teacherViewName(TeacherView view);  // "own", "student": as the setting "teacher_resolution" says

// As the setting "teachers" holds them: name, model, adaptor, layer, side.
ImitatedTeacher imitatedTeacherFrom(const Json& json);

// What a teacher says of each picture. Pictures that it could not see have undefined maps.
struct TeacherMaps {
    std::string name;
    std::vector<at::Tensor> features;   // (C, h, w) float32 on the CPU
    std::vector<at::Tensor> summaries;  // (S); undefined where it has none, or a layer is compared
    int64_t side = 0;                   // that it looked at
    TeacherView view = TeacherView::Own;
    std::vector<SkippedPicture> skipped;
};
// `studentSide`: pixels that the student sees; 0: the teacher's own view. Pictures are shown whole, squeezed
// to squares. InvalidArgument for an unknown layer or adaptor.
Result<TeacherMaps> mapsOfTeacher(const StoredModel& model, const ImitatedTeacher& teacher,
                                  const std::vector<std::string>& pictures,
                                  const EvaluationSettings& settings, int64_t studentSide, JobContext& job);
// Pixels a side of what `model` sees of a picture that is squeezed to a square at this resolution; 0: what it
// prefers.
int64_t squareSide(const StoredModel& model, int64_t resolution);

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
