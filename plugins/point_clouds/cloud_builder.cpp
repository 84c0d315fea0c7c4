#include "plugins/point_clouds/cloud_builder.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <map>

namespace vitrine::clouds {
namespace {

template <typename T>
double readAs(const std::byte* bytes, bool swapped) {
    std::array<std::byte, sizeof(T)> copy;
    std::memcpy(copy.data(), bytes, sizeof(T));
    if (swapped)
        std::reverse(copy.begin(), copy.end());
    return double(std::bit_cast<T>(copy));
}

}  // namespace

size_t byteCount(Scalar type) {
    switch (type) {
        case Scalar::I8:
        case Scalar::U8:
            return 1;
        case Scalar::I16:
        case Scalar::U16:
            return 2;
        case Scalar::I32:
        case Scalar::U32:
        case Scalar::F32:
            return 4;
        default:
            return 8;
    }
}

double readScalar(const std::byte* bytes, Scalar type, bool swapped) {
    switch (type) {
        case Scalar::I8:
            return readAs<int8_t>(bytes, swapped);
        case Scalar::U8:
            return readAs<uint8_t>(bytes, swapped);
        case Scalar::I16:
            return readAs<int16_t>(bytes, swapped);
        case Scalar::U16:
            return readAs<uint16_t>(bytes, swapped);
        case Scalar::I32:
            return readAs<int32_t>(bytes, swapped);
        case Scalar::U32:
            return readAs<uint32_t>(bytes, swapped);
        case Scalar::I64:
            return readAs<int64_t>(bytes, swapped);
        case Scalar::U64:
            return readAs<uint64_t>(bytes, swapped);
        case Scalar::F32:
            return readAs<float>(bytes, swapped);
        default:
            return readAs<double>(bytes, swapped);
    }
}

Role roleOf(std::string_view name) {
    static const std::map<std::string_view, Role> roles = {
        {"x", Role::X},
        {"y", Role::Y},
        {"z", Role::Z},
        {"red", Role::Red},
        {"green", Role::Green},
        {"blue", Role::Blue},
        {"diffuse_red", Role::Red},
        {"diffuse_green", Role::Green},
        {"diffuse_blue", Role::Blue},
        {"r", Role::Red},
        {"g", Role::Green},
        {"b", Role::Blue},
        {"rgb", Role::PackedRgb},
        {"rgba", Role::PackedRgb},
        {"intensity", Role::Intensity},
        {"reflectance", Role::Intensity},
        {"scalar_intensity", Role::Intensity},
        {"scalar_Intensity", Role::Intensity},
    };
    const auto found = roles.find(name);
    return found == roles.end() ? Role::Other : found->second;
}

Result<void> countRow(JobContext& job, uint64_t row) {
    constexpr uint64_t kStep = uint64_t(1) << 16;
    if (row % kStep != kStep - 1)
        return {};
    job.advance(int64_t(kStep));
    return job.checkStop();
}

Result<void> CloudBuilder::declare(Role role, Scalar type, std::string_view where) {
    if (role == Role::Other)
        return {};
    if (has(role))
        return fail(ErrorCode::InvalidFile, "two values of a point have the same meaning",
                    std::string(where));
    declared_[size_t(role)] = true;
    types_[size_t(role)] = type;
    return {};
}

Result<void> CloudBuilder::checkComplete(std::string_view where) const {
    if (!has(Role::X) || !has(Role::Y) || !has(Role::Z))
        return fail(ErrorCode::InvalidFile, "the points have no x, y and z", std::string(where));
    return {};
}

void CloudBuilder::reserve(size_t pointCount) {
    cloud_.positions.reserve(pointCount * 3);
    if (has(Role::PackedRgb) || has(Role::Red))
        cloud_.colors.reserve(pointCount * 3);
    if (has(Role::Intensity))
        cloud_.intensities.reserve(pointCount);
}

uint8_t CloudBuilder::colorOf(Role role) const {
    double value = values_[size_t(role)];
    const Scalar type = types_[size_t(role)];
    if (type == Scalar::F32 || type == Scalar::F64)
        value *= 255;  // floating-point colours are in [0,1]
    else if (type == Scalar::U16)
        value /= 257;
    return std::isfinite(value) ? uint8_t(std::lround(std::clamp(value, 0.0, 255.0))) : 0;
}

void CloudBuilder::endPoint() {
    const std::array<float, 3> position{float(values_[size_t(Role::X)]), float(values_[size_t(Role::Y)]),
                                        float(values_[size_t(Role::Z)])};
    for (const float coordinate : position)
        if (!std::isfinite(coordinate))
            return;
    cloud_.positions.insert(cloud_.positions.end(), position.begin(), position.end());
    if (has(Role::Red) && has(Role::Green) && has(Role::Blue)) {
        for (const Role role : {Role::Red, Role::Green, Role::Blue})
            cloud_.colors.push_back(colorOf(role));
    } else if (has(Role::PackedRgb)) {
        // 0x00RRGGBB, as an integer or as the float that has these bits.
        const double value = values_[size_t(Role::PackedRgb)];
        const uint32_t bits = types_[size_t(Role::PackedRgb)] == Scalar::F32
                                  ? std::bit_cast<uint32_t>(float(value))
                                  : uint32_t(int64_t(std::clamp(value, -2147483648.0, 4294967295.0)));
        for (const int shift : {16, 8, 0})
            cloud_.colors.push_back(uint8_t(bits >> shift));
    }
    if (has(Role::Intensity))
        cloud_.intensities.push_back(float(values_[size_t(Role::Intensity)]));
}

}  // namespace vitrine::clouds
