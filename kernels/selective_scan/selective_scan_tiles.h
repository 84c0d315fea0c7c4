// Tiles of the CPU selective scan: one vector holds as many neighbouring channels as it has lanes, and the
// inputs of a chunk of time are laid out as (time, channel), whatever the strides of the tensors.
#pragma once

#include "kernels/common/simd_math.h"
#include "kernels/selective_scan/selective_scan.h"

#include <algorithm>
#include <array>
#include <vector>

namespace vitrine::kernels::scan {

// The channels of one vector: `count` of them from `channel` on, all in `group`.
struct Block {
    int64_t batch, group, channel, count;
};

// `count` elements into a vector, zeros behind them.
template <typename V, typename T>
VITRINE_INLINE V loadSome(const T* from, int64_t count) {
    if (size_t(count) * sizeof(T) == sizeof(V))
        return simd::load<V>(from);
    V v{};
    __builtin_memcpy(&v, from, size_t(count) * sizeof(T));
    return v;
}
template <typename V, typename T>
VITRINE_INLINE void storeSome(T* to, V v, int64_t count) {
    if (size_t(count) * sizeof(T) == sizeof(V))
        return simd::store(to, v);
    __builtin_memcpy(to, &v, size_t(count) * sizeof(T));
}

// tile (steps, lanes); lanes beyond block.count become zero.
template <int Bytes, typename T>
VITRINE_INLINE void gather(const Sequence<const T>& from, const Block& block, int64_t start, int64_t steps,
                           T* tile) {
    using V = simd::Vec<T, Bytes>;
    constexpr int64_t kLanes = Bytes / sizeof(T);
    const T* source = from.data + block.batch * from.batchStride + block.channel * from.channelStride +
                      start * from.timeStride;
    if (from.channelStride == 1) {
        for (int64_t t = 0; t < steps; ++t)
            simd::store(tile + t * kLanes, loadSome<V>(source + t * from.timeStride, block.count));
        return;
    }
    if (block.count < kLanes)
        std::memset(tile, 0, size_t(steps) * Bytes);
    for (int64_t lane = 0; lane < block.count; ++lane)
        for (int64_t t = 0; t < steps; ++t)
            tile[t * kLanes + lane] = source[lane * from.channelStride + t * from.timeStride];
}

template <int Bytes, typename T>
VITRINE_INLINE void scatter(const Sequence<T>& to, const Block& block, int64_t start, int64_t steps,
                            const T* tile) {
    using V = simd::Vec<T, Bytes>;
    constexpr int64_t kLanes = Bytes / sizeof(T);
    T* target =
        to.data + block.batch * to.batchStride + block.channel * to.channelStride + start * to.timeStride;
    if (to.channelStride == 1) {
        for (int64_t t = 0; t < steps; ++t)
            storeSome(target + t * to.timeStride, simd::load<V>(tile + t * kLanes), block.count);
        return;
    }
    for (int64_t lane = 0; lane < block.count; ++lane)
        for (int64_t t = 0; t < steps; ++t)
            target[lane * to.channelStride + t * to.timeStride] = tile[t * kLanes + lane];
}

// (channels, states) <-> (states, lanes)
template <int Bytes, typename T>
VITRINE_INLINE void gatherRows(const T* rows, int64_t states, int64_t count, T* columns) {
    constexpr int64_t kLanes = Bytes / sizeof(T);
    std::memset(columns, 0, size_t(states) * Bytes);
    if (rows)
        for (int64_t lane = 0; lane < count; ++lane)
            for (int64_t n = 0; n < states; ++n)
                columns[n * kLanes + lane] = rows[lane * states + n];
}
template <int Bytes, typename T>
VITRINE_INLINE void scatterRows(T* rows, int64_t states, int64_t count, const T* columns) {
    constexpr int64_t kLanes = Bytes / sizeof(T);
    for (int64_t lane = 0; lane < count; ++lane)
        for (int64_t n = 0; n < states; ++n)
            rows[lane * states + n] = columns[n * kLanes + lane];
}

template <typename T>
VITRINE_INLINE const T* channelRows(const T* rows, const SelectiveScanSizes& s, const Block& block) {
    return rows ? rows + (block.batch * s.channels + block.channel) * s.states : nullptr;
}

enum Tile { kU, kRawDelta, kDelta, kZ, kOut, kGradOut, kGradU, kGradDelta, kGradZ, kTileCount };

// Working memory of one thread.
template <typename T>
struct Scratch {
    static constexpr int64_t kMostLanes = 64 / sizeof(T);

    Scratch(int64_t states, bool backward)
        : a(size_t(states * kMostLanes)),
          state(a.size()),
          gradState(a.size()),
          gradA(a.size()),
          laneParts(size_t(2 * states + kMostLanes) * kMostLanes),
          sums(size_t(2 * states + kMostLanes)) {
        for (auto& tile : tiles)
            tile.resize(size_t(kScanChunk * kMostLanes));
        if (backward)
            for (auto* part : {&carried, &power, &rest})
                part->resize(size_t(kScanChunk * states * kMostLanes));
    }

    // Step t of a tile.
    template <int Bytes>
    VITRINE_INLINE T* at(Tile tile, int64_t t) {
        return tiles[tile].data() + t * int64_t(Bytes / sizeof(T));
    }

    std::array<std::vector<T>, kTileCount> tiles;  // (time, lane)
    std::vector<T> a, state, gradState, gradA;     // (state, lane)
    std::vector<T> carried, power, rest;           // (time, state, lane): see scanChunk
    std::vector<T> laneParts, sums;                // gradients of C and B at one step, per lane and summed
};

// Where B and C of the block's batch entry and group begin.
VITRINE_INLINE int64_t groupOffset(const SelectiveScanSizes& s, const Block& block) {
    return (block.batch * s.groups + block.group) * s.length * s.states;
}

// Inputs of one chunk into the tiles, delta with bias (kRawDelta) and as step sizes (kDelta).
template <int Bytes, typename T>
VITRINE_INLINE void gatherChunk(const SelectiveScanInputs<T>& in, const Block& block, int64_t start,
                                int64_t steps, Scratch<T>& scratch) {
    using V = simd::Vec<T, Bytes>;
    gather<Bytes>(in.u, block, start, steps, scratch.template at<Bytes>(kU, 0));
    gather<Bytes>(in.delta, block, start, steps, scratch.template at<Bytes>(kRawDelta, 0));
    if (in.z.data)
        gather<Bytes>(in.z, block, start, steps, scratch.template at<Bytes>(kZ, 0));
    const V bias = in.deltaBias ? loadSome<V>(in.deltaBias + block.channel, block.count) : V{};
    for (int64_t t = 0; t < steps; ++t) {
        T* raw = scratch.template at<Bytes>(kRawDelta, t);
        const V value = simd::load<V>(raw) + bias;
        simd::store(raw, value);
        simd::store(scratch.template at<Bytes>(kDelta, t),
                    in.softplus ? simd::softplus<T, Bytes>(value) : value);
    }
}

}  // namespace vitrine::kernels::scan
