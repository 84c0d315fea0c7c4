#include "core/models/language/rotary_tables.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

// Llama 3.1: slow turns are slowed further by the factor, fast ones stay, those between are blended.
at::Tensor llama3Scaled(const at::Tensor& frequencies, const RopeSettings& rope) {
    const at::Tensor length = (2.0 * M_PI) / frequencies;
    const auto context = double(rope.originalContext);
    const double longest = context / rope.lowFrequencyFactor, shortest = context / rope.highFrequencyFactor;
    const at::Tensor smooth =
        (context / length - rope.lowFrequencyFactor) / (rope.highFrequencyFactor - rope.lowFrequencyFactor);
    const at::Tensor slow = frequencies / rope.factor;
    const at::Tensor blended = (1.0 - smooth) * slow + smooth * frequencies;
    return at::where(length.gt(longest), slow, at::where(length.lt(shortest), frequencies, blended));
}

// One token's heads, all in float32.
void rotateRow(float* row, int64_t heads, int64_t headWidth, const float* cosine, const float* sine,
               int64_t half) {
    for (int64_t head = 0; head < heads; ++head, row += headWidth)
        for (int64_t i = 0; i < half; ++i) {
            const float first = row[i], second = row[i + half];
            row[i] = first * cosine[i] - second * sine[i];
            row[i + half] = second * cosine[i] + first * sine[i];
        }
}

void rotateInPlace(const at::Tensor& x, const at::Tensor& cosine, const at::Tensor& sine) {
    const int64_t batch = x.size(0), length = x.size(1), heads = x.size(2), half = cosine.size(3);
    float* values = x.data_ptr<float>();
    const float* c = cosine.const_data_ptr<float>();
    const float* s = sine.const_data_ptr<float>();
    const int64_t batchStep = cosine.size(0) == 1 ? 0 : cosine.stride(0), rowStep = cosine.stride(1);
    const auto rows = [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
            const int64_t at = row / length * batchStep + row % length * rowStep;
            rotateRow(values + row / length * x.stride(0) + row % length * x.stride(1), heads, x.stride(2),
                      c + at, s + at, half);
        }
    };
    if (batch * length == 1)
        rows(0, 1);
    else
        at::parallel_for(0, batch * length, std::max<int64_t>(1, 16384 / (heads * half)), rows);
}

at::Tensor rotatedCopy(const at::Tensor& x, const at::Tensor& cosine, const at::Tensor& sine) {
    at::Tensor copy = x.clone(at::MemoryFormat::Contiguous);
    rotateInPlace(copy, cosine, sine);
    return copy;
}

// The gradient turns back by the same angles.
class Rotation : public torch::autograd::Function<Rotation> {
  public:
    static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                              const at::Tensor& cosine, const at::Tensor& sine) {
        context->save_for_backward({cosine, sine});
        return rotatedCopy(x, cosine, sine);
    }
    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   const torch::autograd::variable_list& gradients) {
        const auto saved = context->get_saved_variables();
        return {rotatedCopy(gradients[0], saved[0], -saved[1]), at::Tensor(), at::Tensor()};
    }
};

}  // namespace

RotaryTables::RotaryTables(const RopeSettings& settings, int64_t headWidth) {
    if (headWidth == 0)
        return;
    const auto rotated = int64_t(double(headWidth) * settings.partial);
    const at::Tensor exponents = at::arange(0, rotated, 2, at::kLong).to(at::kFloat) / double(rotated);
    frequencies_ = 1.0 / at::pow(at::Scalar(settings.base), exponents);
    if (settings.scaling == RopeSettings::Scaling::Linear)
        frequencies_ = frequencies_ / settings.factor;
    if (settings.scaling == RopeSettings::Scaling::Llama3)
        frequencies_ = llama3Scaled(frequencies_, settings);
}

RotaryTables::Tables RotaryTables::upTo(int64_t length, at::ScalarType type, at::Device device) {
    const std::lock_guard lock(mutex_);
    Tables& tables = tables_[{type, device.type(), device.index()}];
    if (!tables.first.defined() || tables.first.size(0) < length) {
        const int64_t room =
            std::max<int64_t>({length, 128, tables.first.defined() ? 2 * tables.first.size(0) : int64_t(0)});
        const at::Tensor angles =
            at::arange(room, at::kLong).to(at::kFloat).unsqueeze(1) * frequencies_.unsqueeze(0);
        tables = {angles.cos().to(device, type), angles.sin().to(device, type)};
    }
    return tables;
}

std::pair<at::Tensor, at::Tensor> RotaryTables::range(int64_t start, int64_t length, at::ScalarType type,
                                                      at::Device device) {
    const Tables tables = upTo(start + length, type, device);
    const auto part = [&](const at::Tensor& table) {
        return table.narrow(0, start, length).view({1, length, 1, table.size(1)});
    };
    return {part(tables.first), part(tables.second)};
}

std::pair<at::Tensor, at::Tensor> RotaryTables::gather(const at::Tensor& positions, at::ScalarType type) {
    const Tables tables = upTo(positions.max().item<int64_t>() + 1, type, positions.device());
    const auto part = [&](const at::Tensor& table) {
        return at::embedding(table, positions.to(at::kLong)).unsqueeze(2);
    };
    return {part(tables.first), part(tables.second)};
}

at::Tensor rotate(const at::Tensor& x, const at::Tensor& cosine, const at::Tensor& sine, bool inPlace) {
    const int64_t half = cosine.size(3), headWidth = x.size(3);
    if (x.is_cpu() && x.scalar_type() == at::kFloat && cosine.scalar_type() == at::kFloat) {
        if (!inPlace || x.stride(3) != 1)
            return Rotation::apply(x, cosine, sine);
        rotateInPlace(x, cosine, sine);
        return x;
    }
    const at::Tensor first = x.narrow(3, 0, half), second = x.narrow(3, half, half);
    std::vector<at::Tensor> parts{first * cosine - second * sine, second * cosine + first * sine};
    if (2 * half < headWidth)
        parts.push_back(x.narrow(3, 2 * half, headWidth - 2 * half));
    return at::cat(parts, 3);
}

}  // namespace vitrine
