// What a student of the scene teachers learns from: views of fresh scenes and what each teacher says of them.
#pragma once

#include "core/claims/am_radio_teachers.h"
#include "core/distill/student.h"

#include <span>

namespace vitrine::am_radio {

using SceneTeachers = std::span<const SceneTeacher* const>;

// The heads that a student of these teachers has.
std::vector<StudentTeacher> headsFor(SceneTeachers teachers);

struct Lesson {
    at::Tensor pictures;             // (B, 3, kSide, kSide)
    std::vector<TeacherLook> looks;  // of each teacher
};
Lesson drawLesson(int64_t count, SceneTeachers teachers, const at::Generator& random);

// Cosine distance of the summaries plus `featureWeight` (gamma) times AM-RADIO's matching loss of the
// features, summed over the teachers.
at::Tensor lessonLoss(const StudentOutput& output, const Lesson& lesson, SceneTeachers teachers,
                      double featureWeight);

}  // namespace vitrine::am_radio
