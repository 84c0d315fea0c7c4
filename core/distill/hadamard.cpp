#include "core/distill/hadamard.h"

#include "core/base/check.h"
#include "kernels/operators.h"

#include <ATen/ops/linalg_qr.h>

#include <bit>
#include <cmath>
#include <random>
#include <vector>

namespace vitrine {
namespace {

bool isPrime(int64_t number) {
    if (number < 2)
        return false;
    for (int64_t divisor = 2; divisor * divisor <= number; ++divisor)
        if (number % divisor == 0)
            return false;
    return true;
}

bool hasPaleyOne(int64_t order) {
    return (order - 1) % 4 == 3 && isPrime(order - 1);
}

// q = 1 mod 4 is needed: for q = 3 mod 4 the bordered matrix is not symmetric and the product not orthogonal.
bool hasPaleyTwo(int64_t order) {
    return order % 2 == 0 && (order / 2 - 1) % 4 == 1 && isPrime(order / 2 - 1);
}

// The quadratic character of 0 .. q-1: 0 at 0, +1 at squares, -1 elsewhere.
std::vector<int8_t> quadraticCharacter(int64_t prime) {
    std::vector<int8_t> character(size_t(prime), -1);
    character[0] = 0;
    for (int64_t root = 1; root < prime; ++root)
        character[size_t(root * root % prime)] = 1;
    return character;
}

// [[0, 1ᵀ], [below, Q]] with Q_ij = character(i - j mod q).
at::Tensor borderedCharacters(int64_t prime, int8_t below) {
    const auto character = quadraticCharacter(prime);
    auto matrix = at::zeros({prime + 1, prime + 1}, at::kChar);
    auto entry = matrix.accessor<int8_t, 2>();
    for (int64_t row = 0; row < prime; ++row) {
        entry[0][row + 1] = 1;
        entry[row + 1][0] = below;
        for (int64_t column = 0; column < prime; ++column)
            entry[row + 1][column + 1] = character[size_t((row - column + prime) % prime)];
    }
    return matrix;
}

at::Tensor paleyOne(int64_t order) {
    return borderedCharacters(order - 1, -1) + at::eye(order, at::kChar);
}

at::Tensor paleyTwo(int64_t order) {
    const auto bordered = borderedCharacters(order / 2 - 1, 1);
    const auto unit = at::tensor({1, 1, 1, -1}, at::kChar).reshape({2, 2});
    const auto zero = at::tensor({1, -1, -1, -1}, at::kChar).reshape({2, 2});
    return at::kron(bordered, unit) + at::kron(bordered.eq(0).to(at::kChar), zero);
}

at::Tensor sylvester(int64_t order) {
    auto matrix = at::ones({1, 1}, at::kChar);
    const auto two = at::tensor({1, 1, 1, -1}, at::kChar).reshape({2, 2});
    while (matrix.size(0) < order)
        matrix = at::kron(two, matrix);
    return matrix;
}

at::Tensor coreSigns(const HadamardPlan& plan) {
    return plan.family == HadamardFamily::PaleyOne ? paleyOne(plan.coreOrder) : paleyTwo(plan.coreOrder);
}

at::Tensor randomOrthogonal(int64_t order, uint64_t seed) {
    std::mt19937_64 generator(seed);
    auto signs = at::empty({order, order}, at::kDouble);
    for (double& sign : std::span(signs.data_ptr<double>(), size_t(order * order)))
        sign = generator() >> 63 ? 1 : -1;
    const auto [q, r] = at::linalg_qr(signs);
    return q * at::where(r.diagonal() < 0, -1.0, 1.0);
}

const char* familyName(HadamardFamily family) {
    switch (family) {
        case HadamardFamily::PaleyOne:
            return "Paley I";
        case HadamardFamily::PaleyTwo:
            return "Paley II";
        case HadamardFamily::RandomOrthogonal:
            return "random orthogonal";
        case HadamardFamily::Sylvester:
            break;
    }
    return "Sylvester";
}

}  // namespace

std::string HadamardPlan::text() const {
    if (coreOrder == 1)
        return fmt::format("Sylvester({})", order);
    const std::string core = fmt::format("{}({})", familyName(family), coreOrder);
    return sylvesterOrder == 1 ? core : fmt::format("Sylvester({}) x {}", sylvesterOrder, core);
}

HadamardPlan hadamardPlan(int64_t order) {
    VITRINE_CHECK(order >= 1, "the order of a Hadamard matrix is at least 1");
    if (std::has_single_bit(uint64_t(order)))
        return {order, order, 1, HadamardFamily::Sylvester};
    // The odd part itself is never the core: both constructions have even orders.
    for (int64_t factor = (order & -order) / 2; factor >= 1; factor /= 2) {
        if (hasPaleyOne(order / factor))
            return {order, factor, order / factor, HadamardFamily::PaleyOne};
        if (hasPaleyTwo(order / factor))
            return {order, factor, order / factor, HadamardFamily::PaleyTwo};
    }
    return {order, 1, order, HadamardFamily::RandomOrthogonal};
}

bool hadamardOrderExists(int64_t order) {
    return order >= 1 && hadamardPlan(order).exact();
}

Result<at::Tensor> hadamardSigns(int64_t order) {
    if (!hadamardOrderExists(order))
        return fail(
            ErrorCode::Unsupported,
            fmt::format("no Hadamard matrix of order {} can be built (Sylvester and Paley constructions)",
                        order),
            "Hadamard matrix", "Such orders are 1, 2 and most multiples of 4");
    const HadamardPlan plan = hadamardPlan(order);
    const auto outer = sylvester(plan.sylvesterOrder);
    return plan.coreOrder == 1 ? outer : at::kron(outer, coreSigns(plan));
}

Result<HadamardRotation> HadamardRotation::make(int64_t order, uint64_t seed) {
    if (order < 1)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("expected an order of at least 1, found {}", order), "Hadamard matrix");
    HadamardRotation rotation;
    rotation.plan_ = hadamardPlan(order);
    if (!rotation.plan_.exact())
        rotation.core_ = randomOrthogonal(order, seed);
    else if (rotation.plan_.coreOrder > 1)
        rotation.core_ =
            coreSigns(rotation.plan_).to(at::kDouble) / std::sqrt(double(rotation.plan_.coreOrder));
    return rotation;
}

at::Tensor HadamardRotation::apply(const at::Tensor& x, const at::Tensor& core) const {
    VITRINE_CHECK(x.dim() >= 1 && x.size(-1) == plan_.order,
                  "the last dimension must be the order of the rotation");
    const auto type = x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
    auto result = x.to(type);
    // A vector is an (S, m) matrix X; (Sylvester kron core) X = Sylvester X coreᵀ.
    if (core.defined())
        result =
            result.reshape({-1, plan_.coreOrder}).matmul(core.to(result.options()).t()).reshape(x.sizes());
    if (plan_.sylvesterOrder > 1)
        result = kernels::hadamardTransform(result, plan_.sylvesterOrder,
                                            1 / std::sqrt(double(plan_.sylvesterOrder)));
    return result;
}

at::Tensor HadamardRotation::rotate(const at::Tensor& x) const {
    return apply(x, core_);
}

at::Tensor HadamardRotation::rotateBack(const at::Tensor& x) const {
    return apply(x, core_.defined() ? core_.t() : core_);  // Sylvester's factor is symmetric
}

at::Tensor HadamardRotation::matrix() const {
    // Row i of the result is what becomes of the unit vector i: Hᵀ.
    return rotate(at::eye(plan_.order, at::kDouble)).t().contiguous();
}

}  // namespace vitrine
