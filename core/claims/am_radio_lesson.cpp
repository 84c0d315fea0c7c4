#include "core/claims/am_radio_lesson.h"

#include "core/data/shape_scenes.h"
#include "core/distill/losses.h"

namespace vitrine::am_radio {

std::vector<StudentTeacher> headsFor(SceneTeachers teachers) {
    std::vector<StudentTeacher> heads;
    for (const SceneTeacher* teacher : teachers)
        heads.push_back(
            {teacher->teacherName(), teacher->hasSummary() ? teacher->width() : 0, teacher->width()});
    return heads;
}

Lesson drawLesson(int64_t count, SceneTeachers teachers, const at::Generator& random) {
    const at::NoGradGuard noGrad;
    const ShapeScenes scenes = drawShapeScenes(count, random);
    const SceneView view = drawSceneViews(count, kSmallestView, random);
    Lesson lesson{renderShapeScenes(scenes, kSide, &view).pictures, {}};
    for (const SceneTeacher* teacher : teachers)
        lesson.looks.push_back(teacher->look(lesson.pictures));
    return lesson;
}

at::Tensor lessonLoss(const StudentOutput& output, const Lesson& lesson, SceneTeachers teachers,
                      double featureWeight) {
    at::Tensor loss = at::zeros({});
    for (size_t i = 0; i < teachers.size(); ++i) {
        const HeadOutput& head = output.heads.at(teachers[i]->teacherName());
        const TeacherLook& look = lesson.looks[i];
        if (look.summary.defined())
            loss = loss + meanOver(cosineDistance(head.summary, look.summary, -1));
        if (featureWeight > 0)
            loss = loss + featureWeight * meanOver(matchDistance(head.features, look.features, 1));
    }
    return loss;
}

}  // namespace vitrine::am_radio
