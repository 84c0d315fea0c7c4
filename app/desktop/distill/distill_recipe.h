// Recipes of distillations in the window: the published ones as starting points, teachers and pictures put
// into them, sizes of the student.
#pragma once

#include "core/base/json.h"

#include <QString>
#include <QStringList>
#include <vector>

namespace vitrine {

// Schema of a whole recipe of kind "distill".
Json distillRecipeSchema();

struct DistillPreset {
    QString name;   // "am_radio"
    QString title;  // "AM-RADIO: several teachers, one student"
    Json recipe;
};
// The recipes of kind "distill" among the program's resources.
std::vector<DistillPreset> distillPresets();

struct StudentSize {
    QString name;  // "small"
    Json settings;
    QString text() const;  // "small: 192 channels, 6 blocks, 3 heads"
};
const std::vector<StudentSize>& studentSizes();

QStringList teacherModels(const Json& recipe);
QStringList pictureFolders(const Json& recipe);
// Adds the model as a teacher, or takes it out. New ones get the settings of the last teacher and a name of
// their own; partitions of one teacher each gain or lose theirs.
void chooseTeacher(Json& recipe, const QString& model, bool chosen);
void chooseStudent(Json& recipe, const StudentSize& size);
void choosePictures(Json& recipe, const QString& folder, bool chosen);
// `preset` with the teachers, pictures, student and name of the run of `recipe`, where it has any.
Json withPreset(const Json& preset, const Json& recipe);

// Model folders at this path or one or two folders below it.
QStringList modelsBelow(const QString& path);

}  // namespace vitrine
