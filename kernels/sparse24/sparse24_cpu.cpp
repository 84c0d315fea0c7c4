#include "kernels/common/non_zero.h"
#include "kernels/common/shuffle.h"
#include "kernels/sparse24/sparse24.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <limits>
#include <utility>

namespace vitrine::kernels {
namespace {

constexpr int64_t kGrainElements = 1 << 15;
constexpr int64_t kChunk = 1024;  // columns at a time, so that converted values stay in the first-level cache

int64_t rowGrain(int64_t columns) {
    return std::max<int64_t>(1, kGrainElements / std::max<int64_t>(columns, 1));
}

template <typename T>
struct SearchBody {
    using Real = typename Accumulated<T>::type;
    using Integer = std::conditional_t<sizeof(Real) == 8, int64_t, int32_t>;

    // -1 for every lane that its neighbour `Turn` columns further (around the group of four) outranks. Keys
    // are integers, so that "greater, or equal and lower in index" is one comparison.
    template <int Bytes, int Turn, int... Lane>
    static VITRINE_INLINE simd::Vec<Integer, Bytes> outranked(simd::Vec<Integer, Bytes> key,
                                                              std::integer_sequence<int, Lane...>) {
        using I = simd::Vec<Integer, Bytes>;
        const I partner{((Lane & ~3) | ((Lane + Turn) & 3))...};
        const I partnerIsLower{((Lane & 3) + Turn >= 4 ? -1 : 0)...};
        return simd::shuffled(key, partner) > key + partnerIsLower;
    }

    // 1, 2, 4 or 8 in the lanes that stay, by their place in the group, as bytes.
    template <int Bytes, int... Lane>
    static VITRINE_INLINE simd::Vec<uint8_t, Bytes / int(sizeof(Real))> keptBits(
        simd::Vec<Real, Bytes> v, std::integer_sequence<int, Lane...> lanes) {
        using V = simd::Vec<Real, Bytes>;
        using I = simd::Vec<Integer, Bytes>;
        const V lowest = V{} - std::numeric_limits<Real>::infinity();
        v = (v == v ? v : lowest) + V{};  // -0 becomes 0
        I key;
        __builtin_memcpy(&key, &v, Bytes);
        key ^= (key >> (8 * sizeof(Real) - 1)) &
               std::numeric_limits<Integer>::max();  // orders as the numbers do
        const I above = outranked<Bytes, 1>(key, lanes) + outranked<Bytes, 2>(key, lanes) +
                        outranked<Bytes, 3>(key, lanes);
        const I bit{(1 << (Lane & 3))...};
        return __builtin_convertvector((above > -2) & bit, simd::Vec<uint8_t, Bytes / int(sizeof(Real))>);
    }

    template <int Bytes>
    static VITRINE_INLINE auto bitsAt(const Real* scores, const Real* scale, bool magnitude) {
        using V = simd::Vec<Real, Bytes>;
        V v = simd::load<V>(scores);
        if (magnitude)
            v = v < Real(0) ? -v : v;
        if (scale)
            v *= simd::load<V>(scale);
        return keptBits<Bytes>(v, std::make_integer_sequence<int, Bytes / int(sizeof(Real))>());
    }

    template <int Bytes>
    static VITRINE_INLINE void patternsOf(const Real* scores, const Real* scale, bool magnitude,
                                          uint8_t* patterns) {
        constexpr int kLanes = Bytes / int(sizeof(Real));
        const auto bytes = bitsAt<Bytes>(scores, scale, magnitude);
        std::array<uint32_t, kLanes / 4> groups;
        __builtin_memcpy(groups.data(), &bytes, kLanes);
        for (int group = 0; group < kLanes / 4; ++group)
            patterns[group] = uint8_t(patternOfBits24((groups[size_t(group)] * 0x01010101u) >> 24));
    }

    // Four vectors at a time, so that the patterns come out as a vector too.
    template <int Bytes>
    static VITRINE_INLINE void patternsOfFour(const Real* scores, const Real* scale, bool magnitude,
                                              uint8_t* patterns) {
        constexpr int64_t kLanes = Bytes / int64_t(sizeof(Real));
        using U = simd::Vec<uint32_t, 4 * int(kLanes)>;
        U bits;
#pragma GCC unroll 4
        for (int64_t part = 0; part < 4; ++part) {
            const auto bytes =
                bitsAt<Bytes>(scores + part * kLanes, scale ? scale + part * kLanes : nullptr, magnitude);
            __builtin_memcpy(reinterpret_cast<uint8_t*>(&bits) + part * kLanes, &bytes, size_t(kLanes));
        }
        bits = (bits * 0x01010101u) >> 24;
        const U table = bits < 8 ? U{} + 0x03100000u : U{} + 0x00050420u;  // the halves of patternOfBits24's
        const U found = (table >> ((bits & 7) * 4)) & 15;
        simd::store(patterns, __builtin_convertvector(found, simd::Vec<uint8_t, int(kLanes)>));
    }

    template <int Bytes>
    static VITRINE_INLINE void run(const Search24Arguments<T>* a, int64_t begin, int64_t end) {
        constexpr int kWide = std::max(Bytes, 4 * int(sizeof(Real))), kGroup = 4 * int(sizeof(Real));
        constexpr int64_t kLanes = kWide / int64_t(sizeof(Real));
        Real buffer[kChunk];
        for (int64_t row = begin; row < end; ++row)
            for (int64_t start = 0; start < a->columns; start += kChunk) {
                const int64_t count = std::min(kChunk, a->columns - start);
                const Real* scores = widened(a->scores + row * a->columns + start, count, buffer);
                const Real* scale = a->scale ? a->scale + start : nullptr;
                uint8_t* patterns = a->patterns + (row * a->columns + start) / 4;
                int64_t column = 0;
                for (; column + 4 * kLanes <= count; column += 4 * kLanes)
                    patternsOfFour<kWide>(scores + column, scale ? scale + column : nullptr, a->magnitude,
                                          patterns + column / 4);
                for (; column + kLanes <= count; column += kLanes)
                    patternsOf<kWide>(scores + column, scale ? scale + column : nullptr, a->magnitude,
                                      patterns + column / 4);
                for (; column < count; column += 4)
                    patternsOf<kGroup>(scores + column, scale ? scale + column : nullptr, a->magnitude,
                                       patterns + column / 4);
            }
    }
};

template <typename T>
struct ApplyBody {
    using Bits =
        std::conditional_t<sizeof(T) == 8, uint64_t, std::conditional_t<sizeof(T) == 4, uint32_t, uint16_t>>;
    template <int Bytes>
    static VITRINE_INLINE void run(const Apply24Arguments<T>* a, int64_t begin, int64_t end) {
        using Group = simd::Vec<Bits, 4 * int(sizeof(T))>;
        Group masks[kPatterns24];
        for (unsigned pattern = 0; pattern < kPatterns24; ++pattern)
            for (unsigned column = 0; column < 4; ++column)
                masks[pattern][column] = keptBits24(pattern) >> column & 1 ? Bits(~Bits(0)) : Bits(0);
        for (int64_t group = begin; group < end; ++group)
            simd::store(a->out + 4 * group,
                        simd::load<Group>(a->weight + 4 * group) & masks[a->patterns[group]]);
    }
};

template <typename T, typename Word>
struct PackBody {
    static constexpr int64_t kPerWord = 2 * int64_t(sizeof(Word));

    template <int Bytes>
    static VITRINE_INLINE void run(const Pack24Arguments<T, Word>* a, int64_t* violations, int64_t begin,
                                   int64_t end) {
        using Unsigned = std::make_unsigned_t<Word>;
        const int64_t groups = a->columns / 4, words = words24(a->columns, kPerWord);
        constexpr int64_t kBlock = 256;
        uint8_t nonZero[kBlock];
        for (int64_t row = begin; row < end; ++row)
            for (int64_t start = 0; start < groups; start += kBlock) {
                const int64_t count = std::min(kBlock, groups - start);
                const T* weight = a->weight + row * a->columns + 4 * start;
                T* values = a->values + row * a->columns / 2 + 2 * start;
                for (int64_t group = 0; group < count; ++group) {
                    const T* w = weight + 4 * group;
                    nonZero[group] = uint8_t(unsigned(isNonZero(w[0])) | unsigned(isNonZero(w[1])) << 1 |
                                             unsigned(isNonZero(w[2])) << 2 | unsigned(isNonZero(w[3])) << 3);
                }
                Word* to = a->metadata + row * words + start / kPerWord;
                for (int64_t first = 0; first < count; first += kPerWord) {
                    Unsigned word = 0;
                    for (int64_t place = 0; place < kPerWord; ++place) {
                        const int64_t group = first + place;
                        const unsigned code = metadataOfBits24(group < count ? nonZero[group] : 0);
                        word = Unsigned(word | Unsigned(code) << (4 * place));
                        if (group >= count)
                            continue;
                        values[2 * group] = weight[4 * group + (code & 3)];
                        values[2 * group + 1] = weight[4 * group + (code >> 2)];
                        *violations += __builtin_popcount(nonZero[group]) > 2;
                    }
                    *to++ = Word(word);
                }
            }
    }
};

template <typename T, typename Word>
struct UnpackBody {
    static constexpr int64_t kPerWord = 2 * int64_t(sizeof(Word));

    template <int Bytes>
    static VITRINE_INLINE void run(const Unpack24Arguments<T, Word>* a, int64_t begin, int64_t end) {
        using Unsigned = std::make_unsigned_t<Word>;
        const int64_t groups = a->columns / 4, words = words24(a->columns, kPerWord);
        for (int64_t row = begin; row < end; ++row) {
            const T* values = a->values + row * a->columns / 2;
            T* weight = a->weight + row * a->columns;
            for (int64_t group = 0; group < groups; ++group) {
                const unsigned code = unsigned(Unsigned(a->metadata[row * words + group / kPerWord]) >>
                                               (4 * (group % kPerWord))) &
                                      15u;
                __builtin_memset(weight + 4 * group, 0, 4 * sizeof(T));
                weight[4 * group + (code & 3)] = values[2 * group];
                weight[4 * group + (code >> 2)] = values[2 * group + 1];
            }
        }
    }
};

}  // namespace

template <typename T>
void search24Cpu(const Search24Arguments<T>& a) {
    at::parallel_for(0, a.rows, rowGrain(a.columns),
                     [&](int64_t begin, int64_t end) { simd::dispatch<SearchBody<T>>(&a, begin, end); });
}

template <typename T>
void apply24Cpu(const Apply24Arguments<T>& a) {
    at::parallel_for(0, a.groups, kGrainElements / 4,
                     [&](int64_t begin, int64_t end) { simd::dispatch<ApplyBody<T>>(&a, begin, end); });
}

template <typename T, typename Word>
void pack24Cpu(const Pack24Arguments<T, Word>& a) {
    std::atomic<int64_t> violations = 0;
    at::parallel_for(0, a.rows, rowGrain(a.columns), [&](int64_t begin, int64_t end) {
        int64_t found = 0;
        simd::dispatch<PackBody<T, Word>>(&a, &found, begin, end);
        violations += found;
    });
    *a.violations += violations;
}

template <typename T, typename Word>
void unpack24Cpu(const Unpack24Arguments<T, Word>& a) {
    at::parallel_for(0, a.rows, rowGrain(a.columns), [&](int64_t begin, int64_t end) {
        simd::dispatch<UnpackBody<T, Word>>(&a, begin, end);
    });
}

#define VITRINE_INSTANTIATE(T)                                   \
    template void search24Cpu(const Search24Arguments<T>&);      \
    template void apply24Cpu(const Apply24Arguments<T>&);        \
    template void pack24Cpu(const Pack24Arguments<T, int16_t>&); \
    template void unpack24Cpu(const Unpack24Arguments<T, int16_t>&);
VITRINE_INSTANTIATE(float)
VITRINE_INSTANTIATE(double)
VITRINE_INSTANTIATE(Half)
VITRINE_INSTANTIATE(BFloat16)
#undef VITRINE_INSTANTIATE
template void pack24Cpu(const Pack24Arguments<int8_t, int32_t>&);
template void unpack24Cpu(const Unpack24Arguments<int8_t, int32_t>&);

}  // namespace vitrine::kernels
