// The engine's part of `vitrine doctor`: LibTorch, devices, and every kernel against a plain LibTorch
// computation.
#pragma once

#include "core/engine/doctor.h"

namespace vitrine {

std::vector<DoctorCheck> engineSelfCheck();

}  // namespace vitrine
