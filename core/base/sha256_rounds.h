// The 64 rounds of SHA-256 (FIPS 180-4, section 6.2.2) that add one block of 64 bytes to the state.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace vitrine {

using Sha256State = std::array<uint32_t, 8>;
using Sha256Rounds = void (*)(Sha256State& state, const std::byte* block);

void sha256PlainRounds(Sha256State& state, const std::byte* block);
// By the processor's own instructions for it, several times as fast; null where it has none.
Sha256Rounds sha256InstructionRounds();

}  // namespace vitrine
