// Where teachers compute, as far as the bits of what they say depend on it: a part of the keys of the cache
// of teachers.
#pragma once

#include "core/models/model.h"

#include <string>

namespace vitrine {

// "cpu AVX2, 8 threads, LibTorch 2.7.1", "cuda NVIDIA H100 80GB HBM3, LibTorch 2.7.1". GPUs of different
// models choose other algorithms and add up in another order; those of one model agree.
std::string teacherPlace(at::Device device);
// The same for a GPU that the driver calls `name`; empty: the driver does not say.
std::string teacherPlaceOnGpu(const std::string& name);

}  // namespace vitrine
