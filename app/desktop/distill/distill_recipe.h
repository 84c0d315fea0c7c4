// Recipes of distillations in the window: the published ones as starting points, teachers and pictures put
// into them, sizes of the student.
#pragma once

#include "core/base/json_schema.h"

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
    QString name;   // "ViT small"
    Json settings;  // of the student
};
// ViTs, E-RADIOs and MambaVisions: those that have a name, and smaller ones that learn on a laptop.
const std::vector<StudentSize>& studentSizes();
// "ViT small: 3.01 M, 192 channels, 6 blocks, 3 heads": parameters of its trunk with the other settings of
// the recipe's student (patch, position field) and its teachers.
QString studentSizeText(const StudentSize& size, const Json& recipe);
// "E-RADIO, 10.3 M parameters" of the recipe as it is, or empty where that cannot be told.
QString studentText(const Json& recipe);
// What a distillation would refuse of a recipe that keeps to its schema.
std::vector<SchemaProblem> distillRecipeProblems(const Json& recipe);

QStringList teacherModels(const Json& recipe);
QStringList pictureFolders(const Json& recipe);
// Adds the model as a teacher, or takes it out. New ones get the settings of the last teacher and a name of
// their own; partitions of one teacher each gain or lose theirs.
void chooseTeacher(Json& recipe, const QString& model, bool chosen);
// What does not count for such a student (reasonNotUsed) is put back to its default.
void chooseStudent(Json& recipe, const StudentSize& size);
void choosePictures(Json& recipe, const QString& folder, bool chosen);
// `preset` with the teachers, pictures, student and name of the run of `recipe`, where it has any.
Json withPreset(const Json& preset, const Json& recipe);

// Model folders at this path or one or two folders below it.
QStringList modelsBelow(const QString& path);

}  // namespace vitrine
