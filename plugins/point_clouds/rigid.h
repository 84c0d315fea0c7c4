// Small matrices, row-major.
#pragma once

#include <array>
#include <cmath>

namespace vitrine::clouds {

using Vector3 = std::array<double, 3>;
using Matrix3 = std::array<double, 9>;

inline Vector3 multiply(const Matrix3& m, const Vector3& v) {
    return {m[0] * v[0] + m[1] * v[1] + m[2] * v[2], m[3] * v[0] + m[4] * v[1] + m[5] * v[2],
            m[6] * v[0] + m[7] * v[1] + m[8] * v[2]};
}

inline Matrix3 transposed(const Matrix3& m) {
    return {m[0], m[3], m[6], m[1], m[4], m[7], m[2], m[5], m[8]};
}

inline Matrix3 multiply(const Matrix3& a, const Matrix3& b) {
    Matrix3 product{};
    for (size_t row = 0; row < 3; ++row)
        for (size_t column = 0; column < 3; ++column)
            for (size_t k = 0; k < 3; ++k)
                product[row * 3 + column] += a[row * 3 + k] * b[k * 3 + column];
    return product;
}

// Files round their numbers: m m^T may differ from 1 by `tolerance`.
inline bool isRotation(const Matrix3& m, double tolerance) {
    const Matrix3 product = multiply(m, transposed(m));
    for (size_t i = 0; i < 9; ++i)
        if (!(std::abs(product[i] - (i % 4 == 0 ? 1 : 0)) <= tolerance))
            return false;
    const double determinant = m[0] * (m[4] * m[8] - m[5] * m[7]) - m[1] * (m[3] * m[8] - m[5] * m[6]) +
                               m[2] * (m[3] * m[7] - m[4] * m[6]);
    return determinant > 0;
}

// target_from_source: rotation, then translation.
struct Rigid {
    Matrix3 rotation{1, 0, 0, 0, 1, 0, 0, 0, 1};
    Vector3 translation{};

    Vector3 apply(const Vector3& point) const {
        const Vector3 turned = multiply(rotation, point);
        return {turned[0] + translation[0], turned[1] + translation[1], turned[2] + translation[2]};
    }
    Rigid inverse() const {
        const Matrix3 back = transposed(rotation);
        const Vector3 moved = multiply(back, translation);
        return {back, {-moved[0], -moved[1], -moved[2]}};
    }
};

}  // namespace vitrine::clouds
