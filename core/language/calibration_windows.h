// Windows of training texts that statistics and rankings are taken from.
#pragma once

#include "core/language/language_trainer.h"

namespace vitrine {

// ids (B, length) of `windows` windows at random places of the training parts, from each text in turn,
// `batch` of them together (the last ones fewer). What is drawn depends on `seed` and the texts alone.
std::vector<at::Tensor> calibrationWindows(const std::vector<LanguageTrainingText>& texts, int64_t windows,
                                           int64_t length, int64_t batch, uint64_t seed, at::Device device);

}  // namespace vitrine
