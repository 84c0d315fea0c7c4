// What PLY and PCD have in common: points as rows of named, typed values of which only some matter here.
#pragma once

#include "core/plugins/point_cloud_reader.h"

#include <cstddef>
#include <string_view>

namespace vitrine::clouds {

enum class Scalar { I8, U8, I16, U16, I32, U32, I64, U64, F32, F64 };

size_t byteCount(Scalar type);
// One value at `bytes`, stored in the other byte order than this machine's if `swapped`.
double readScalar(const std::byte* bytes, Scalar type, bool swapped);

// What a value means for the cloud.
enum class Role { X, Y, Z, Red, Green, Blue, PackedRgb, Intensity, Other };
inline constexpr size_t kRoleCount = size_t(Role::Other) + 1;

// By the names that are in use: "x", "red", "diffuse_red", "r", "intensity", "scalar_Intensity", "rgb", ...
Role roleOf(std::string_view name);

// Every 65536 rows: progress, and Cancelled once a stop was requested.
Result<void> countRow(JobContext& job, uint64_t row);

// Collects a cloud point by point.
class CloudBuilder {
  public:
    // Declares a value that every point has. InvalidFile if two values have the same role.
    Result<void> declare(Role role, Scalar type, std::string_view where);
    // InvalidFile unless x, y and z were declared.
    Result<void> checkComplete(std::string_view where) const;
    void reserve(size_t pointCount);
    void set(Role role, double value) { values_[size_t(role)] = value; }
    // Appends the point that set() described, unless it is not finite.
    void endPoint();
    PointCloud take() { return std::move(cloud_); }

  private:
    bool has(Role role) const { return declared_[size_t(role)]; }
    uint8_t colorOf(Role role) const;

    PointCloud cloud_;
    std::array<double, kRoleCount> values_{};
    std::array<bool, kRoleCount> declared_{};
    std::array<Scalar, kRoleCount> types_{};
};

}  // namespace vitrine::clouds
