// Students whose maps shrink from level to level, trained from scratch with batch normalisation: E-RADIO
// (AM-RADIO, Ranzinger et al. 2024) and MambaVision (Hatamizadeh and Kautz 2024). For distill/student*.cpp.
#pragma once

#include "core/distill/student.h"
#include "core/models/mambavision/mamba_vision_config.h"
#include "core/models/radio/eradio_config.h"

namespace vitrine {

// As recipes call a trunk: "vit", "convolutional", "eradio", "mambavision".
const char* studentTrunkKey(StudentTrunk trunk);

// Pixels that one cell of the features of such a student stands for: 16 and 32.
int64_t levelStudentPatch(StudentTrunk trunk);
// What of `options` such a student cannot be built from: StudentOptions::validate for these trunks.
Result<void> checkLevelStudent(const StudentOptions& options);

// E-RADIO with the published proportions: 2, 4, 8 and 16 heads, a neck as wide as the last level, features
// and summary from the neck. Windows are options.window, or what suits options.preferredSide.
EradioConfig eradioStudent(const StudentOptions& options);
// MambaVision; stem, heads and layer scales are those of the published models of that width. Features are the
// last, normalised map, the summary is its mean. One window is a whole map of options.preferredSide, or
// options.window tokens on the third level and half of them on the fourth.
mambavision::MambaVisionConfig mambaVisionStudent(const StudentOptions& options);

// With initial weights as the published code has them: truncated normal linear layers (std 0.02),
// convolutions uniform within 1 / sqrt(inputs of one output), unit norms, running statistics 0 and 1.
std::shared_ptr<torch::nn::Module> makeLevelStudent(const StudentOptions& options, uint64_t seed);

}  // namespace vitrine
