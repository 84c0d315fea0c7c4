// What a student can be and what it can learn from, as far as its recipe alone tells. No LibTorch here: the
// window checks a recipe with them while it is typed, and a distillation before it starts.
//
// `trunk`: "vit", "convolutional", "eradio" or "mambavision". A refusal has no place yet: who asks knows it.
#pragma once

#include "core/base/json_schema.h"

namespace vitrine {

// As a message calls it: "an E-RADIO".
const char* studentTrunkCalled(const std::string& trunk);
// Whether it has levels whose maps shrink, and learns with batch normalisation.
bool trunkHasLevels(const std::string& trunk);
// Pixels a side that its pictures must be a multiple of. `patchSize`: of a ViT or a convolutional trunk.
int64_t trunkSizeMultiple(const std::string& trunk, int64_t patchSize);

Result<void> checkVariant(const std::string& trunk, const std::string& variant);
Result<void> checkSide(const std::string& trunk, int64_t patchSize, int64_t side);
Result<void> checkBatch(const std::string& trunk, int64_t batch);
// `window`: ViTDet windows in patches; 0: global attention.
Result<void> checkWindow(const std::string& trunk, int64_t patchSize, int64_t window, int64_t side);
Result<void> checkStart(const std::string& trunk, const std::string& startFrom);
// Cells of a convolutional trunk.
Result<void> checkCell(int64_t patchSize);
Result<void> checkHeads(int64_t width, int64_t heads);
// Channels of the first level.
Result<void> checkLevelWidth(const std::string& trunk, int64_t width);

// All that these refuse of the settings of a recipe of kind "distill" that its schema accepts, with the paths
// of the recipe ("$.settings.student.variant").
std::vector<SchemaProblem> studentProblems(const Json& settings);

}  // namespace vitrine
