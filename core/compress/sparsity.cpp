#include "core/compress/sparsity.h"

#include "kernels/compression_operators.h"
#include "kernels/operators.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace vitrine {
namespace {

Result<void> checkWeight(const at::Tensor& weight, const SparsityPattern& pattern) {
    if (!weight.defined() || weight.dim() != 2 || !weight.is_floating_point())
        return fail(ErrorCode::ShapeMismatch, "expected floating weights (outputs, inputs)");
    return pattern.checkFits(weight.sizes());
}

// 0/1 bytes of patterns (o, k / 4).
at::Tensor maskOfPatterns(const at::Tensor& patterns) {
    const auto ones =
        at::ones({patterns.size(0), 4 * patterns.size(1)}, patterns.options().dtype(at::kFloat));
    return kernels::sparse24Apply(ones, patterns).to(at::kByte);
}

template <typename Number>
bool parseWhole(std::string_view text, Number& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::string SparsityPattern::text() const {
    return kind == Kind::NOfM ? fmt::format("{}:{}", n, m) : fmt::format("{:g}%", 100 * pruned);
}

Result<SparsityPattern> SparsityPattern::fromText(const std::string& text) {
    SparsityPattern pattern;
    if (const auto colon = text.find(':'); colon != std::string::npos) {
        int64_t n = 0, m = 0;
        if (parseWhole(std::string_view(text).substr(0, colon), n) &&
            parseWhole(std::string_view(text).substr(colon + 1), m)) {
            pattern = nOfM(n, m);
            VITRINE_TRY_VOID(pattern.validate());
            return pattern;
        }
    } else if (!text.empty() && text.back() == '%') {
        double percent = 0;
        if (parseWhole(std::string_view(text).substr(0, text.size() - 1), percent)) {
            pattern = unstructured(percent / 100);
            VITRINE_TRY_VOID(pattern.validate());
            return pattern;
        }
    }
    return fail(ErrorCode::InvalidArgument,
                fmt::format("expected a sparsity such as 2:4 or 50%, found \"{}\"", text));
}

Result<void> SparsityPattern::validate() const {
    if (kind == Kind::NOfM && !(m >= 2 && m <= 32 && n >= 1 && n <= m))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("expected n of m with 1 <= n <= m and 2 <= m <= 32, found {}:{}", n, m));
    if (kind == Kind::Unstructured && !(pruned >= 0 && pruned < 1))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("expected a pruned part of 0% up to below 100%, found {:g}%", 100 * pruned));
    return {};
}

Result<void> SparsityPattern::checkFits(at::IntArrayRef shape) const {
    VITRINE_TRY_VOID(validate());
    if (kind == Kind::NOfM && shape.back() % m != 0)
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("{} inputs are no whole groups of {}", shape.back(), m), {},
                    "Choose an unstructured pattern, or leave this layer out.");
    return {};
}

at::Tensor rowMask(const at::Tensor& scores, int64_t prunedPerRow) {
    const auto given = scores.to(at::kCPU, at::kFloat).contiguous();
    const int64_t rows = given.size(0), columns = given.size(1);
    auto mask = at::ones({rows, columns}, at::kByte);
    if (prunedPerRow <= 0 || columns == 0)
        return mask.to(scores.device());
    const float* from = given.const_data_ptr<float>();
    uint8_t* to = mask.data_ptr<uint8_t>();
    at::parallel_for(0, rows, std::max<int64_t>(1, (1 << 15) / columns), [&](int64_t begin, int64_t end) {
        std::vector<float> keys(static_cast<size_t>(columns)), sorted;
        for (int64_t row = begin; row < end; ++row) {
            const float* values = from + row * columns;
            for (int64_t i = 0; i < columns; ++i)
                keys[size_t(i)] =
                    values[i] == values[i] ? values[i] : -std::numeric_limits<float>::infinity();
            sorted = keys;
            std::nth_element(sorted.begin(), sorted.begin() + (prunedPerRow - 1), sorted.end());
            const float limit = sorted[size_t(prunedPerRow - 1)];
            // All below the limit go, and as many equal ones, from the left, as make up the number.
            int64_t below = 0;
            for (int64_t i = 0; i < columns; ++i) {
                const bool less = keys[size_t(i)] < limit;
                below += less;
                to[row * columns + i] = less ? 0 : 1;
            }
            for (int64_t i = 0, left = prunedPerRow - below; left > 0; ++i)
                if (keys[size_t(i)] == limit) {
                    to[row * columns + i] = 0;
                    --left;
                }
        }
    });
    return mask.to(scores.device());
}

Result<at::Tensor> maskFromScores(const at::Tensor& scores, const SparsityPattern& pattern) {
    VITRINE_TRY_VOID(checkWeight(scores, pattern));
    if (pattern.is24())
        return maskOfPatterns(kernels::sparse24Search(scores, {}, false));
    if (pattern.kind == SparsityPattern::Kind::NOfM)
        return kernels::nmMask(scores, pattern.n, pattern.m);
    return rowMask(scores, int64_t(double(scores.size(1)) * pattern.pruned));
}

Result<at::Tensor> magnitudeMask(const at::Tensor& weight, const SparsityPattern& pattern) {
    VITRINE_TRY_VOID(checkWeight(weight, pattern));
    if (pattern.is24())
        return maskOfPatterns(kernels::sparse24Search(weight));
    return maskFromScores(weight.abs(), pattern);
}

Result<at::Tensor> wandaMask(const at::Tensor& weight, const at::Tensor& inputNorm,
                             const SparsityPattern& pattern) {
    VITRINE_TRY_VOID(checkWeight(weight, pattern));
    if (!inputNorm.defined() || inputNorm.dim() != 1 || inputNorm.size(0) != weight.size(1))
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("expected a norm for each of {} inputs", weight.size(1)));
    const auto norm = inputNorm.to(weight.device(), at::kFloat);
    if (pattern.is24())
        return maskOfPatterns(kernels::sparse24Search(weight, norm));
    return maskFromScores(weight.to(at::kFloat).abs() * norm, pattern);
}

Result<at::Tensor> randomMask(at::IntArrayRef shape, const SparsityPattern& pattern, uint64_t seed) {
    auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
    return maskFromScores(at::rand(shape, generator), pattern);
}

}  // namespace vitrine
