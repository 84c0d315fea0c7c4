#include "core/distill/random_stream.h"

#include <ATen/CPUGeneratorImpl.h>

namespace vitrine {
namespace {

// The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
uint64_t mixed(uint64_t z) {
    z += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

}  // namespace

uint64_t randomHash(uint64_t seed, int64_t step, std::string_view purpose) {
    uint64_t state = mixed(mixed(seed) ^ uint64_t(step));
    for (const char c : purpose)
        state = mixed(state ^ uint64_t(uint8_t(c)));
    return state;
}

at::Generator randomStream(uint64_t seed, int64_t step, std::string_view purpose) {
    return at::detail::createCPUGenerator(randomHash(seed, step, purpose));
}

}  // namespace vitrine
