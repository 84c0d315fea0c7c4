// Numbers at any address, as files hold them (little-endian, as every supported machine).
#pragma once

#include <cstddef>
#include <cstring>

namespace vitrine {

template <typename S>
S load(const std::byte* at) {
    S value;
    std::memcpy(&value, at, sizeof(S));
    return value;
}

}  // namespace vitrine
