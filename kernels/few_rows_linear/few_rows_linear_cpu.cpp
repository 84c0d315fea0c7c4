#include "kernels/common/simd.h"
#include "kernels/few_rows_linear/few_rows_linear.h"

#include <ATen/Parallel.h>

#include <algorithm>

namespace vitrine::kernels {
namespace {

constexpr int64_t kOutputs = 4;  // rows of the weight at a time: each streams through the memory on its own

struct Body {
    // Dot products of x with `Count` rows of the weight that follow each other.
    template <int Bytes, int64_t Count>
    static VITRINE_INLINE void dots(const float* x, const float* weight, int64_t inputs, float* results) {
        using V = simd::Vec<float, Bytes>;
        constexpr int64_t kLanes = Bytes / int64_t(sizeof(float)), kStep = 2 * kLanes;
        V even[Count] = {}, odd[Count] = {};
        int64_t index = 0;
        for (; index + kStep <= inputs; index += kStep) {
            const V first = simd::load<V>(x + index), second = simd::load<V>(x + index + kLanes);
            for (int64_t row = 0; row < Count; ++row) {
                even[row] += first * simd::load<V>(weight + row * inputs + index);
                odd[row] += second * simd::load<V>(weight + row * inputs + index + kLanes);
            }
        }
        for (int64_t row = 0; row < Count; ++row) {
            const V both = even[row] + odd[row];
            float sum = 0;
            for (int64_t lane = 0; lane < kLanes; ++lane)
                sum += both[lane];
            for (int64_t rest = index; rest < inputs; ++rest)
                sum += x[rest] * weight[row * inputs + rest];
            results[row] = sum;
        }
    }

    template <int Bytes, int64_t Count>
    static VITRINE_INLINE void outputsFrom(const FewRowsLinearArguments& a, int64_t output) {
        for (int64_t row = 0; row < a.rows; ++row) {
            float results[Count];
            dots<Bytes, Count>(a.x + row * a.inputs, a.weight + output * a.inputs, a.inputs, results);
            for (int64_t index = 0; index < Count; ++index)
                a.y[row * a.outputs + output + index] =
                    results[index] + (a.bias ? a.bias[output + index] : 0.0f);
        }
    }

    template <int Bytes>
    static VITRINE_INLINE void run(const FewRowsLinearArguments* a, int64_t begin, int64_t end) {
        int64_t output = begin;
        for (; output + kOutputs <= end; output += kOutputs)
            outputsFrom<Bytes, kOutputs>(*a, output);
        for (; output < end; ++output)
            outputsFrom<Bytes, 1>(*a, output);
    }
};

constexpr int64_t kSmallestShare = 1 << 16;  // elements of the weight; less is not worth waking a thread

}  // namespace

void fewRowsLinearCpu(const FewRowsLinearArguments& arguments) {
    const int64_t grain =
        std::max<int64_t>(kOutputs, kSmallestShare / std::max<int64_t>(1, arguments.inputs));
    at::parallel_for(0, arguments.outputs, grain,
                     [&](int64_t begin, int64_t end) { simd::dispatch<Body>(&arguments, begin, end); });
}

}  // namespace vitrine::kernels
