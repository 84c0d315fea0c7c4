// Random draws of a training run that depend on (seed, step, purpose) alone. Nothing has to be saved to
// resume exactly, and one process draws what another would.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string_view>

namespace vitrine {

// A CPU generator whose stream is a hash of its arguments.
at::Generator randomStream(uint64_t seed, int64_t step, std::string_view purpose);
// Hash itself, for choices that need one number only.
uint64_t randomHash(uint64_t seed, int64_t step, std::string_view purpose);

}  // namespace vitrine
