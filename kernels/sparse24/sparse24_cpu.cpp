#include "kernels/common/non_zero.h"
#include "kernels/common/shuffle.h"
#include "kernels/sparse24/sparse24.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <type_traits>
#include <utility>

namespace vitrine::kernels {
namespace {

constexpr int64_t kGrainElements = 1 << 15;

int64_t rowGrain(int64_t columns) {
    return std::max<int64_t>(1, kGrainElements / std::max<int64_t>(columns, 1));
}

// Values as vectors of the type that sums have.
template <int Bytes>
VITRINE_INLINE simd::Vec<float, Bytes> realsFrom(simd::Vec<uint16_t, Bytes / 2> stored, BFloat16) {
    const auto bits = __builtin_convertvector(stored, simd::Vec<uint32_t, Bytes>) << 16;
    simd::Vec<float, Bytes> values;
    __builtin_memcpy(&values, &bits, Bytes);
    return values;
}
template <int Bytes>
VITRINE_INLINE simd::Vec<float, Bytes> realsFrom(simd::Vec<uint16_t, Bytes / 2> stored, Half) {
    simd::Vec<float, Bytes> values = fromHalfBits<Bytes>(stored);
    if constexpr (Bytes < 32) {  // made by arithmetic, which loses the exponent of infinity and NaN
        using Wide = simd::Vec<uint32_t, Bytes>;
        const Wide wide = __builtin_convertvector(stored, Wide);
        Wide bits;
        __builtin_memcpy(&bits, &values, Bytes);
        bits |= (wide & 0x7c00) == 0x7c00 ? Wide{} + 0x7f800000u : Wide{};
        __builtin_memcpy(&values, &bits, Bytes);
    }
    return values;
}
template <int Bytes, typename T>
VITRINE_INLINE auto realsAt(const T* from) {
    if constexpr (sizeof(T) > 2)
        return simd::load<simd::Vec<T, Bytes>>(from);
    else
        return realsFrom<Bytes>(simd::load<simd::Vec<uint16_t, Bytes / 2>>(from), T());
}

template <typename T>
struct SearchBody {
    using Real = typename Accumulated<T>::type;
    using Integer = std::conditional_t<sizeof(Real) == 8, int64_t, int32_t>;

    // The columns of groups apart: four vectors of groups become four of first, second, third and fourth
    // columns. Lanes of 4 bytes move within 16 bytes only, which is one instruction whatever the width, and
    // leave the groups in another order (`storePatterns` puts that right); of 8 bytes within the whole
    // vector.
    template <int Lanes>
    static constexpr int kBlock = sizeof(Real) == 4 ? 4 : Lanes;

    template <int Bytes, int Odd, int... Lane>
    static VITRINE_INLINE simd::Vec<Real, Bytes> everySecond(simd::Vec<Real, Bytes> first,
                                                             simd::Vec<Real, Bytes> second,
                                                             std::integer_sequence<int, Lane...>) {
        constexpr int kLanes = sizeof...(Lane), kSize = kBlock<kLanes>;
        const simd::Vec<Integer, Bytes> index{(Lane % kSize < kSize / 2
                                                   ? Lane + Lane % kSize + Odd
                                                   : kLanes + Lane + Lane % kSize - kSize + Odd)...};
        return simd::shuffled(first, second, index);
    }
    // The patterns as bytes, in the order of the groups. Three shuffles of one instruction each: compilers
    // narrow lanes to a quarter one by one. First each 16 bytes' patterns to their start, then those next to
    // one another, then into order.
    template <int Bytes, int... Byte, int... Dword, int... Group>
    static VITRINE_INLINE void storePatterns(simd::Vec<Integer, Bytes> patterns, uint8_t* to,
                                             std::integer_sequence<int, Byte...>,
                                             std::integer_sequence<int, Dword...>,
                                             std::integer_sequence<int, Group...>) {
        constexpr int kSize = sizeof(Integer), kLanes = Bytes / kSize, kLanesOf16 = 16 / kSize;
        using Octets = simd::Vec<uint8_t, Bytes>;
        using Dwords = simd::Vec<uint32_t, Bytes>;
        using Found = simd::Vec<uint8_t, 16>;
        Octets octets;
        __builtin_memcpy(&octets, &patterns, Bytes);
        octets = simd::shuffled(octets, Octets{uint8_t((Byte & ~15) | (Byte * kSize & 15))...});
        Dwords dwords;
        __builtin_memcpy(&dwords, &octets, Bytes);
        dwords = simd::shuffled(dwords, Dwords{uint32_t(4 * Dword % (Bytes / 4))...});
        Found found;
        __builtin_memcpy(&found, &dwords, 16);
        constexpr int kBlocks = kLanes / kBlock<kLanes>;
        constexpr auto kByteOf = [](int group) {
            const int lane =
                kBlocks == 1 ? group % kLanes : (4 * (group % kBlocks) + group / kBlocks) % kLanes;
            return uint8_t(4 * (lane / kLanesOf16) + lane % kLanesOf16);
        };
        found = simd::shuffled(found, Found{kByteOf(Group)...});
        __builtin_memcpy(to, &found, kLanes);
    }

    // What is ranked; NaN becomes the lowest number.
    template <int Bytes, bool Scaled>
    static VITRINE_INLINE simd::Vec<Real, Bytes> ranked(const T* scores, const Real* scale, int64_t offset,
                                                        Integer valueBits) {
        using V = simd::Vec<Real, Bytes>;
        using I = simd::Vec<Integer, Bytes>;
        V v = realsAt<Bytes>(scores + offset);
        I bits;
        __builtin_memcpy(&bits, &v, Bytes);
        bits &= valueBits;
        __builtin_memcpy(&v, &bits, Bytes);
        if constexpr (Scaled)
            v *= simd::load<V>(scale + offset);
        const V lowest = V{} - std::numeric_limits<Real>::infinity();
        return v > lowest ? v : lowest;
    }

    // Of as many groups as a vector has lanes. The two that stay are columns 0 and 1 if the lower of them is
    // above both others, 2 and 3 in the opposite case, else the higher of either pair; of equal ones the
    // lower column is the higher in rank, hence < and >=.
    template <int Bytes, bool Scaled>
    static VITRINE_INLINE void patternsAt(const T* scores, const Real* scale, Integer valueBits,
                                          uint8_t* patterns) {
        using V = simd::Vec<Real, Bytes>;
        using I = simd::Vec<Integer, Bytes>;
        constexpr int kLanes = Bytes / int(sizeof(Real));
        constexpr std::make_integer_sequence<int, kLanes> kSequence{};
        const V v0 = ranked<Bytes, Scaled>(scores, scale, 0, valueBits),
                v1 = ranked<Bytes, Scaled>(scores, scale, kLanes, valueBits),
                v2 = ranked<Bytes, Scaled>(scores, scale, 2 * kLanes, valueBits),
                v3 = ranked<Bytes, Scaled>(scores, scale, 3 * kLanes, valueBits);
        const V even0 = everySecond<Bytes, 0>(v0, v1, kSequence),
                odd0 = everySecond<Bytes, 1>(v0, v1, kSequence),
                even1 = everySecond<Bytes, 0>(v2, v3, kSequence),
                odd1 = everySecond<Bytes, 1>(v2, v3, kSequence);
        const V c0 = everySecond<Bytes, 0>(even0, even1, kSequence),
                c1 = everySecond<Bytes, 0>(odd0, odd1, kSequence),
                c2 = everySecond<Bytes, 1>(even0, even1, kSequence),
                c3 = everySecond<Bytes, 1>(odd0, odd1, kSequence);
        const V low01 = c1 < c0 ? c1 : c0, high01 = c1 > c0 ? c1 : c0;
        const V low23 = c3 < c2 ? c3 : c2, high23 = c3 > c2 ? c3 : c2;
        // One of either pair: 0 and 2, 0 and 3, 1 and 2, 1 and 3 are the patterns 1 to 4.
        const I none{}, one = none + 1, two = none + 2, five = none + 5;
        I pattern = (c1 > c0 ? two : none) + (c3 > c2 ? two : one);
        pattern = low01 >= high23 ? none : pattern;
        pattern = low23 > high01 ? five : pattern;
        storePatterns<Bytes>(pattern, patterns, std::make_integer_sequence<int, Bytes>(),
                             std::make_integer_sequence<int, Bytes / 4>(),
                             std::make_integer_sequence<int, 16>());
    }

    // Groups [0, count) behind one another. What does not fill the vectors goes through a copy.
    template <int Bytes, bool Scaled>
    static VITRINE_INLINE void segment(const T* scores, const Real* scale, Integer valueBits,
                                       uint8_t* patterns, int64_t count) {
        constexpr int64_t kGroups = Bytes / int64_t(sizeof(Real));
        int64_t group = 0;
        for (; group + kGroups <= count; group += kGroups)
            patternsAt<Bytes, Scaled>(scores + 4 * group, Scaled ? scale + 4 * group : nullptr, valueBits,
                                      patterns + group);
        if (group == count)
            return;
        const size_t left = size_t(count - group);
        T someScores[4 * kGroups] = {};
        Real someScales[4 * kGroups] = {};
        uint8_t found[kGroups];
        __builtin_memcpy(someScores, scores + 4 * group, 4 * left * sizeof(T));
        if constexpr (Scaled)
            __builtin_memcpy(someScales, scale + 4 * group, 4 * left * sizeof(Real));
        patternsAt<Bytes, Scaled>(someScores, someScales, valueBits, found);
        __builtin_memcpy(patterns + group, found, left);
    }

    // Groups [begin, end) of all rows behind one another; only a scale begins anew with every row.
    template <int Bytes>
    static VITRINE_INLINE void run(const Search24Arguments<T>* a, int64_t begin, int64_t end) {
        constexpr int kWide = std::max(Bytes, 4 * int(sizeof(Real)));
        const Integer valueBits = a->magnitude ? std::numeric_limits<Integer>::max() : Integer(-1);
        if (!a->scale)
            return segment<kWide, false>(a->scores + 4 * begin, nullptr, valueBits, a->patterns + begin,
                                         end - begin);
        const int64_t perRow = a->columns / 4;
        for (int64_t group = begin; group < end;) {
            const int64_t place = group % perRow, count = std::min(end - group, perRow - place);
            segment<kWide, true>(a->scores + 4 * group, a->scale + 4 * place, valueBits, a->patterns + group,
                                 count);
            group += count;
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
    at::parallel_for(0, a.rows * (a.columns / 4), kGrainElements / 4,
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
