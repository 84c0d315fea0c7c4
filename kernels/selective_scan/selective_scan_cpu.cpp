#include "kernels/selective_scan/selective_scan_tiles.h"

#include <ATen/Parallel.h>

namespace vitrine::kernels {
namespace {

using namespace scan;

constexpr int64_t kForwardSlice = 16;  // channels of one work item of the forward pass

// Runs the states through the gathered chunk; y before the gate goes to tile kOut. Keep: also stores, for
// every step and state, the factors of the decay and the decayed previous state.
template <int Bytes, bool Keep, typename T>
VITRINE_INLINE void scanChunk(const SelectiveScanInputs<T>& in, const Block& block, int64_t start,
                              int64_t steps, Scratch<T>& scratch) {
    using V = simd::Vec<T, Bytes>;
    constexpr int64_t kLanes = Bytes / sizeof(T);
    const int64_t states = in.sizes.states;
    const int64_t offset = groupOffset(in.sizes, block) + start * states;
    const V skip = in.skip ? loadSome<V>(in.skip + block.channel, block.count) : V{};
    for (int64_t t = 0; t < steps; ++t) {
        const T *b = in.b + offset + t * states, *c = in.c + offset + t * states;
        const V u = simd::load<V>(scratch.template at<Bytes>(kU, t));
        const V delta = simd::load<V>(scratch.template at<Bytes>(kDelta, t)), input = delta * u;
        V y = skip * u;
        for (int64_t n = 0; n < states; ++n) {
            V power, rest;
            simd::splitExp<T, Bytes>(delta * simd::load<V>(scratch.a.data() + n * kLanes), power, rest);
            T* state = scratch.state.data() + n * kLanes;
            const V scaled = simd::load<V>(state) * power;
            const V next = scaled + (rest * scaled + input * b[n]);
            simd::store(state, next);
            y += next * c[n];
            if constexpr (Keep) {
                const int64_t at = (t * states + n) * kLanes;
                simd::store(scratch.power.data() + at, power);
                simd::store(scratch.rest.data() + at, rest);
                simd::store(scratch.carried.data() + at, scaled + rest * scaled);
            }
        }
        simd::store(scratch.template at<Bytes>(kOut, t), y);
    }
}

template <typename T>
struct ForwardBody {
    template <int Bytes>
    static VITRINE_INLINE void block(const SelectiveScanArguments<T>& arguments, const Block& block,
                                     Scratch<T>& scratch) {
        using V = simd::Vec<T, Bytes>;
        const SelectiveScanInputs<T>& in = arguments.in;
        const SelectiveScanSizes& s = in.sizes;
        gatherRows<Bytes>(in.a + block.channel * s.states, s.states, block.count, scratch.a.data());
        gatherRows<Bytes>(channelRows(in.initialState, s, block), s.states, block.count,
                          scratch.state.data());
        for (int64_t start = 0; start < s.length; start += kScanChunk) {
            const int64_t steps = std::min(kScanChunk, s.length - start);
            gatherChunk<Bytes>(in, block, start, steps, scratch);
            scanChunk<Bytes, false>(in, block, start, steps, scratch);
            if (in.z.data)
                for (int64_t t = 0; t < steps; ++t) {
                    const V z = simd::load<V>(scratch.template at<Bytes>(kZ, t));
                    T* out = scratch.template at<Bytes>(kOut, t);
                    simd::store(out, simd::load<V>(out) * (z * simd::sigmoid<T, Bytes>(z)));
                }
            scatter<Bytes>(arguments.out, block, start, steps, scratch.template at<Bytes>(kOut, 0));
        }
        T* last = arguments.lastState + (block.batch * s.channels + block.channel) * s.states;
        scatterRows<Bytes>(last, s.states, block.count, scratch.state.data());
    }

    // Work items begin..end of batch x groups x slices of kForwardSlice channels.
    template <int Bytes>
    static VITRINE_INLINE void run(const SelectiveScanArguments<T>* arguments, Scratch<T>* scratch,
                                   int64_t begin, int64_t end) {
        constexpr int64_t kLanes = Bytes / sizeof(T);
        const SelectiveScanSizes& s = arguments->in.sizes;
        const int64_t slices = (s.groupChannels() + kForwardSlice - 1) / kForwardSlice;
        for (int64_t item = begin; item < end; ++item) {
            const int64_t slice = item % slices, group = item / slices % s.groups,
                          batch = item / slices / s.groups;
            const int64_t last = std::min((slice + 1) * kForwardSlice, s.groupChannels());
            for (int64_t first = slice * kForwardSlice; first < last; first += kLanes)
                block<Bytes>(
                    *arguments,
                    {batch, group, group * s.groupChannels() + first, std::min(kLanes, last - first)},
                    *scratch);
        }
    }
};

template <typename T>
struct BackwardBody {
    using Arguments = SelectiveScanGradArguments<T>;

    static VITRINE_INLINE T* keptStates(const Arguments& a, const Block& block, int64_t chunk) {
        const SelectiveScanSizes& s = a.in.sizes;
        return a.keptStates + (block.batch * s.chunks() + chunk) * s.states * s.channels + block.channel;
    }

    // The forward pass once more, for the states at the start of every chunk.
    template <int Bytes>
    static VITRINE_INLINE void keepStates(const Arguments& a, const Block& block, Scratch<T>& scratch) {
        using V = simd::Vec<T, Bytes>;
        constexpr int64_t kLanes = Bytes / sizeof(T);
        const SelectiveScanSizes& s = a.in.sizes;
        gatherRows<Bytes>(channelRows(a.in.initialState, s, block), s.states, block.count,
                          scratch.state.data());
        for (int64_t chunk = 0; chunk < s.chunks(); ++chunk) {
            T* kept = keptStates(a, block, chunk);
            for (int64_t n = 0; n < s.states; ++n)
                storeSome(kept + n * s.channels, simd::load<V>(scratch.state.data() + n * kLanes),
                          block.count);
            if (chunk + 1 == s.chunks())
                break;
            gatherChunk<Bytes>(a.in, block, chunk * kScanChunk, kScanChunk, scratch);
            scanChunk<Bytes, false>(a.in, block, chunk * kScanChunk, kScanChunk, scratch);
        }
    }

    // What one step back through all states adds up.
    template <int Bytes>
    struct StepSums {
        simd::Vec<T, Bytes> input;  // d loss / d (delta u)
        simd::Vec<T, Bytes> delta;  // d loss / d delta, without the part through delta u
    };

    // scratch.gradState: d loss / d h_t from the steps after t; becomes that of h_(t-1). Lane-wise parts of
    // the gradients of C and B go to scratch.laneParts.
    template <int Bytes>
    static VITRINE_INLINE StepSums<Bytes> stepBack(const T* b, const T* c, int64_t states, int64_t t,
                                                   simd::Vec<T, Bytes> gradY, simd::Vec<T, Bytes> delta,
                                                   simd::Vec<T, Bytes> input, Scratch<T>& scratch) {
        using V = simd::Vec<T, Bytes>;
        constexpr int64_t kLanes = Bytes / sizeof(T);
        StepSums<Bytes> sums{};
        for (int64_t n = 0; n < states; ++n) {
            const int64_t at = (t * states + n) * kLanes;
            const V carried = simd::load<V>(scratch.carried.data() + at);
            T* gradStates = scratch.gradState.data() + n * kLanes;
            const V gradState = simd::load<V>(gradStates) + gradY * c[n];
            simd::store(scratch.laneParts.data() + n * kLanes, gradY * (carried + input * b[n]));
            simd::store(scratch.laneParts.data() + (states + n) * kLanes, gradState * input);
            sums.input += gradState * b[n];
            const V gradExponent = gradState * carried;
            sums.delta += gradExponent * simd::load<V>(scratch.a.data() + n * kLanes);
            T* gradA = scratch.gradA.data() + n * kLanes;
            simd::store(gradA, simd::load<V>(gradA) + gradExponent * delta);
            const V scaled = gradState * simd::load<V>(scratch.power.data() + at);
            simd::store(gradStates, scaled + simd::load<V>(scratch.rest.data() + at) * scaled);
        }
        return sums;
    }

    template <int Bytes>
    static VITRINE_INLINE void chunkBack(const Arguments& a, const Block& block, int64_t start, int64_t steps,
                                         T* gradB, T* gradC, simd::Vec<T, Bytes>& gradSkip,
                                         simd::Vec<T, Bytes>& gradBias, Scratch<T>& scratch) {
        using V = simd::Vec<T, Bytes>;
        constexpr int64_t kLanes = Bytes / sizeof(T);
        const int64_t states = a.in.sizes.states, offset = groupOffset(a.in.sizes, block) + start * states;
        const int64_t padded = (2 * states + kLanes - 1) / kLanes * kLanes;
        const V skip = a.in.skip ? loadSome<V>(a.in.skip + block.channel, block.count) : V{};
        gather<Bytes>(a.gradOut, block, start, steps, scratch.template at<Bytes>(kGradOut, 0));
        for (int64_t t = steps - 1; t >= 0; --t) {
            const V u = simd::load<V>(scratch.template at<Bytes>(kU, t)),
                    delta = simd::load<V>(scratch.template at<Bytes>(kDelta, t));
            V gradY = simd::load<V>(scratch.template at<Bytes>(kGradOut, t));
            if (a.in.z.data) {
                const V z = simd::load<V>(scratch.template at<Bytes>(kZ, t)),
                        gate = simd::sigmoid<T, Bytes>(z);
                const V slope = gate * (T(1) + z * (T(1) - gate));
                simd::store(scratch.template at<Bytes>(kGradZ, t),
                            gradY * simd::load<V>(scratch.template at<Bytes>(kOut, t)) * slope);
                gradY *= z * gate;
            }
            const auto sums = stepBack<Bytes>(a.in.b + offset + t * states, a.in.c + offset + t * states,
                                              states, t, gradY, delta, delta * u, scratch);
            simd::store(scratch.template at<Bytes>(kGradU, t), gradY * skip + delta * sums.input);
            V gradDelta = sums.delta + u * sums.input;
            if (a.in.softplus)
                gradDelta *= simd::sigmoid<T, Bytes>(simd::load<V>(scratch.template at<Bytes>(kRawDelta, t)));
            simd::store(scratch.template at<Bytes>(kGradDelta, t), gradDelta);
            gradSkip += gradY * u;
            gradBias += gradDelta;
            simd::sumLanes<T, Bytes>(scratch.laneParts.data(), padded, scratch.sums.data());
            for (int64_t n = 0; n < states; ++n) {
                gradC[(start + t) * states + n] += scratch.sums[size_t(n)];
                gradB[(start + t) * states + n] += scratch.sums[size_t(states + n)];
            }
        }
        scatter<Bytes>(a.gradU, block, start, steps, scratch.template at<Bytes>(kGradU, 0));
        scatter<Bytes>(a.gradDelta, block, start, steps, scratch.template at<Bytes>(kGradDelta, 0));
        if (a.in.z.data)
            scatter<Bytes>(a.gradZ, block, start, steps, scratch.template at<Bytes>(kGradZ, 0));
    }

    template <int Bytes>
    static VITRINE_INLINE void block(const Arguments& a, const Block& block, T* gradB, T* gradC,
                                     Scratch<T>& scratch) {
        using V = simd::Vec<T, Bytes>;
        constexpr int64_t kLanes = Bytes / sizeof(T);
        const SelectiveScanSizes& s = a.in.sizes;
        gatherRows<Bytes>(a.in.a + block.channel * s.states, s.states, block.count, scratch.a.data());
        keepStates<Bytes>(a, block, scratch);
        gatherRows<Bytes>(channelRows(a.gradLastState, s, block), s.states, block.count,
                          scratch.gradState.data());
        std::fill(scratch.gradA.begin(), scratch.gradA.end(), T(0));
        V gradSkip{}, gradBias{};
        for (int64_t chunk = s.chunks() - 1; chunk >= 0; --chunk) {
            const int64_t start = chunk * kScanChunk, steps = std::min(kScanChunk, s.length - start);
            const T* kept = keptStates(a, block, chunk);
            for (int64_t n = 0; n < s.states; ++n)
                simd::store(scratch.state.data() + n * kLanes,
                            loadSome<V>(kept + n * s.channels, block.count));
            gatherChunk<Bytes>(a.in, block, start, steps, scratch);
            scanChunk<Bytes, true>(a.in, block, start, steps, scratch);
            chunkBack<Bytes>(a, block, start, steps, gradB, gradC, gradSkip, gradBias, scratch);
        }
        const int64_t row = block.batch * s.channels + block.channel;
        scatterRows<Bytes>(a.gradA + row * s.states, s.states, block.count, scratch.gradA.data());
        scatterRows<Bytes>(a.gradInitialState + row * s.states, s.states, block.count,
                           scratch.gradState.data());
        storeSome(a.gradSkip + row, gradSkip, block.count);
        storeSome(a.gradDeltaBias + row, gradBias, block.count);
    }

    // Work items begin..end of batch x groups x slices of kScanSlice channels.
    template <int Bytes>
    static VITRINE_INLINE void run(const Arguments* a, Scratch<T>* scratch, int64_t begin, int64_t end) {
        constexpr int64_t kLanes = Bytes / sizeof(T);
        const SelectiveScanSizes& s = a->in.sizes;
        for (int64_t item = begin; item < end; ++item) {
            const int64_t slice = item % s.slices(), group = item / s.slices() % s.groups,
                          batch = item / s.slices() / s.groups;
            const int64_t size = s.length * s.states,
                          last = std::min((slice + 1) * kScanSlice, s.groupChannels());
            T *gradB = a->gradB + item * size, *gradC = a->gradC + item * size;
            std::fill(gradB, gradB + size, T(0));
            std::fill(gradC, gradC + size, T(0));
            for (int64_t first = slice * kScanSlice; first < last; first += kLanes)
                block<Bytes>(
                    *a, {batch, group, group * s.groupChannels() + first, std::min(kLanes, last - first)},
                    gradB, gradC, *scratch);
        }
    }
};

}  // namespace

template <typename T>
void selectiveScanCpu(const SelectiveScanArguments<T>& arguments) {
    const SelectiveScanSizes& s = arguments.in.sizes;
    const int64_t items = s.batch * s.groups * ((s.groupChannels() + kForwardSlice - 1) / kForwardSlice);
    at::parallel_for(0, items, 1, [&](int64_t begin, int64_t end) {
        Scratch<T> scratch(s.states, false);
        simd::dispatch<ForwardBody<T>>(&arguments, &scratch, begin, end);
    });
}

template <typename T>
void selectiveScanGradCpu(const SelectiveScanGradArguments<T>& arguments) {
    const SelectiveScanSizes& s = arguments.in.sizes;
    at::parallel_for(0, s.batch * s.groups * s.slices(), 1, [&](int64_t begin, int64_t end) {
        Scratch<T> scratch(s.states, true);
        simd::dispatch<BackwardBody<T>>(&arguments, &scratch, begin, end);
    });
}

template void selectiveScanCpu(const SelectiveScanArguments<float>&);
template void selectiveScanCpu(const SelectiveScanArguments<double>&);
template void selectiveScanGradCpu(const SelectiveScanGradArguments<float>&);
template void selectiveScanGradCpu(const SelectiveScanGradArguments<double>&);

}  // namespace vitrine::kernels
