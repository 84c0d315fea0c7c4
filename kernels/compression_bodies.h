// The operators of compression_operators.h between torch and the plain kernels, written once for both
// devices. Backend (compression_cpu.cpp, compression_cuda.cpp) launches the plain kernels of its device by
// run(arguments...).
#pragma once

#include "kernels/compression_operators.h"
#include "kernels/gumbel_mask/gumbel_mask.h"
#include "kernels/operator_bodies.h"
#include "kernels/sparse24/sparse24.h"

namespace vitrine::kernels {

using OptionalInput = std::optional<at::Tensor>;

inline void checkColumnsOfFour(const char* op, const char* argument, const at::Tensor& tensor) {
    TORCH_CHECK(tensor.dim() >= 1 && tensor.size(-1) % 4 == 0, op, ": the last dimension of ", argument,
                " must be a multiple of 4, found shape ", shapeText(tensor));
}

inline void checkByte(const char* op, const char* argument, const at::Tensor& tensor) {
    TORCH_CHECK(tensor.scalar_type() == at::kByte, op, ": ", argument, " must be uint8, found ",
                tensor.scalar_type());
}

inline void checkGumbel(const at::Tensor& logits, const OptionalInput& weight, double tau) {
    const char* op = "gumbel_mask";
    checkReal(op, "logits", logits, false);
    TORCH_CHECK(logits.dim() >= 1 && (logits.size(-1) == 6 || logits.size(-1) == 4), op,
                ": the last dimension of logits must be 6 (2:4) or 4 (1:4), found shape ", shapeText(logits));
    TORCH_CHECK(tau > 0, op, ": tau must be positive, found ", tau);
    if (!weight || !weight->defined())
        return;
    checkSameDevice(op, "weight", *weight, logits);
    TORCH_CHECK(weight->scalar_type() == logits.scalar_type(), op, ": weight must be ", logits.scalar_type(),
                ", found ", weight->scalar_type());
    TORCH_CHECK(weight->numel() * logits.size(-1) == logits.numel() * 4, op,
                ": weight must have four numbers for each group of logits ", shapeText(logits), ", found ",
                shapeText(*weight));
}

template <typename Backend>
struct CompressionOperators {
    static at::Tensor search(const at::Tensor& scores, const OptionalInput& scale, bool magnitude) {
        const c10::OptionalDeviceGuard guard(at::device_of(scores));
        const char* op = "sparse24_search";
        checkReal(op, "scores", scores, true);
        checkColumnsOfFour(op, "scores", scores);
        const auto type = accumulationType(scores.scalar_type());
        at::Tensor factors;
        if (scale && scale->defined()) {
            checkDimensions(op, "scale", *scale, 1);
            checkSize(op, "scale", *scale, 0, scores.size(-1));
            checkSameDevice(op, "scale", *scale, scores);
            factors = scale->to(type).contiguous();
        }
        auto shape = scores.sizes().vec();
        shape.back() /= 4;
        auto patterns = at::empty(shape, scores.options().dtype(at::kByte));
        if (patterns.numel() == 0)
            return patterns;
        const auto input = scores.contiguous();
        withElement(scores.scalar_type(), [&]<typename T>(T) {
            using Real = typename Accumulated<T>::type;
            Backend::run(Search24Arguments<T>{
                elements<T>(input), factors.defined() ? elements<Real>(factors) : nullptr,
                writable<uint8_t>(patterns), input.numel() / input.size(-1), input.size(-1), magnitude});
        });
        return patterns;
    }

    static at::Tensor apply(const at::Tensor& weight, const at::Tensor& patterns) {
        const c10::OptionalDeviceGuard guard(at::device_of(weight));
        const char* op = "sparse24_apply";
        checkReal(op, "weight", weight, true);
        checkColumnsOfFour(op, "weight", weight);
        checkByte(op, "patterns", patterns);
        checkSameDevice(op, "patterns", patterns, weight);
        TORCH_CHECK(patterns.numel() * 4 == weight.numel(), op,
                    ": patterns must have one number for each group of ", shapeText(weight), ", found ",
                    shapeText(patterns));
        const auto input = weight.contiguous(), chosen = patterns.contiguous();
        auto out = at::empty(weight.sizes(), weight.options());
        if (out.numel() > 0)
            withElement(weight.scalar_type(), [&]<typename T>(T) {
                Backend::run(Apply24Arguments<T>{elements<T>(input), elements<uint8_t>(chosen),
                                                 writable<T>(out), chosen.numel()});
            });
        return out;
    }

    static std::tuple<at::Tensor, at::Tensor, at::Tensor> pack(const at::Tensor& weight) {
        const c10::OptionalDeviceGuard guard(at::device_of(weight));
        const char* op = "sparse24_pack";
        checkDimensions(op, "weight", weight, 2);
        checkColumnsOfFour(op, "weight", weight);
        const bool bytes = weight.scalar_type() == at::kChar;
        if (!bytes)
            checkReal(op, "weight", weight, true);
        const auto input = weight.contiguous();
        const int64_t rows = weight.size(0), columns = weight.size(1);
        auto values = at::empty({rows, columns / 2}, weight.options());
        auto metadata = at::empty({rows, words24(columns, bytes ? 8 : 4)},
                                  weight.options().dtype(bytes ? at::kInt : at::kShort));
        auto violations = at::zeros({1}, weight.options().dtype(at::kLong));
        if (input.numel() == 0)
            return {values, metadata, violations};
        const auto run = [&]<typename T, typename Word>(T, Word) {
            Backend::run(Pack24Arguments<T, Word>{elements<T>(input), writable<T>(values),
                                                  writable<Word>(metadata), writable<int64_t>(violations),
                                                  rows, columns});
        };
        if (bytes)
            run(int8_t(), int32_t());
        else
            withElement(weight.scalar_type(), [&]<typename T>(T one) { run(one, int16_t()); });
        return {values, metadata, violations};
    }

    static void checkPacked(const char* op, const at::Tensor& values, const at::Tensor& metadata) {
        checkDimensions(op, "values", values, 2);
        checkDimensions(op, "metadata", metadata, 2);
        checkSameDevice(op, "metadata", metadata, values);
        TORCH_CHECK(values.size(1) % 2 == 0, op, ": values must have an even number of columns, found ",
                    shapeText(values));
        const bool bytes = values.scalar_type() == at::kChar;
        const auto word = bytes ? at::kInt : at::kShort;
        TORCH_CHECK(metadata.scalar_type() == word, op, ": metadata of ", values.scalar_type(),
                    " values must be ", word, ", found ", metadata.scalar_type());
        checkSize(op, "metadata", metadata, 0, values.size(0));
        checkSize(op, "metadata", metadata, 1, words24(2 * values.size(1), bytes ? 8 : 4));
    }

    static at::Tensor unpack(const at::Tensor& values, const at::Tensor& metadata) {
        const c10::OptionalDeviceGuard guard(at::device_of(values));
        const char* op = "sparse24_unpack";
        checkPacked(op, values, metadata);
        const bool bytes = values.scalar_type() == at::kChar;
        if (!bytes)
            checkReal(op, "values", values, true);
        const auto kept = values.contiguous(), words = metadata.contiguous();
        const int64_t rows = values.size(0), columns = 2 * values.size(1);
        auto weight = at::empty({rows, columns}, values.options());
        if (weight.numel() == 0)
            return weight;
        const auto run = [&]<typename T, typename Word>(T, Word) {
            Backend::run(Unpack24Arguments<T, Word>{elements<T>(kept), elements<Word>(words),
                                                    writable<T>(weight), rows, columns});
        };
        if (bytes)
            run(int8_t(), int32_t());
        else
            withElement(values.scalar_type(), [&]<typename T>(T one) { run(one, int16_t()); });
        return weight;
    }

    static at::Tensor linear(const at::Tensor& x, const at::Tensor& values, const at::Tensor& metadata,
                             const OptionalInput& bias) {
        const c10::OptionalDeviceGuard guard(at::device_of(x));
        const char* op = "sparse24_linear";
        checkReal(op, "x", x, true);
        checkReal(op, "values", values, true);
        checkPacked(op, values, metadata);
        checkSameDevice(op, "values", values, x);
        const int64_t rows = values.size(0), columns = 2 * values.size(1);
        TORCH_CHECK(x.dim() >= 1 && x.size(-1) == columns, op, ": the last dimension of x must be ", columns,
                    ", found shape ", shapeText(x));
        const auto type = accumulationType(values.scalar_type());
        const auto input = x.to(type).contiguous(), kept = values.contiguous(), words = metadata.contiguous();
        at::Tensor offset;
        if (bias && bias->defined()) {
            checkDimensions(op, "bias", *bias, 1);
            checkSize(op, "bias", *bias, 0, rows);
            checkSameDevice(op, "bias", *bias, x);
            offset = bias->to(type).contiguous();
        }
        auto shape = x.sizes().vec();
        shape.back() = rows;
        auto out = at::empty(shape, input.options());
        if (out.numel() > 0)
            withElement(values.scalar_type(), [&]<typename T>(T) {
                using Real = typename Accumulated<T>::type;
                Backend::run(Product24Arguments<T>{elements<Real>(input), elements<T>(kept),
                                                   elements<int16_t>(words),
                                                   offset.defined() ? elements<Real>(offset) : nullptr,
                                                   writable<Real>(out), out.numel() / rows, rows, columns});
            });
        return out.to(x.scalar_type());
    }

    static at::Tensor gumbel(const at::Tensor& logits, const OptionalInput& weight, int64_t seed,
                             double kappa, double tau, bool hard) {
        const c10::OptionalDeviceGuard guard(at::device_of(logits));
        checkGumbel(logits, weight, tau);
        const auto input = logits.contiguous();
        const auto factors = weight && weight->defined() ? weight->contiguous() : at::Tensor();
        auto shape = logits.sizes().vec();
        shape.back() = 4;
        auto out = factors.defined() ? at::empty_like(factors) : at::empty(shape, logits.options());
        if (out.numel() > 0)
            withFull(logits.scalar_type(), [&]<typename T>(T) {
                Backend::run(GumbelMaskArguments<T>{elements<T>(input),
                                                    factors.defined() ? elements<T>(factors) : nullptr,
                                                    writable<T>(out), out.numel() / 4, uint64_t(seed),
                                                    T(kappa), T(tau), hard},
                             logits.size(-1));
            });
        return out;
    }

    static at::Tensor gumbelBackward(const at::Tensor& grad, const at::Tensor& logits,
                                     const OptionalInput& weight, int64_t seed, double kappa, double tau) {
        const c10::OptionalDeviceGuard guard(at::device_of(logits));
        checkGumbel(logits, weight, tau);
        TORCH_CHECK(grad.scalar_type() == logits.scalar_type() &&
                        grad.numel() * logits.size(-1) == logits.numel() * 4,
                    "gumbel_mask_backward: the gradient must have four ", logits.scalar_type(),
                    " numbers for each group, found ", shapeText(grad));
        const auto input = logits.contiguous(), above = grad.contiguous();
        const auto factors = weight && weight->defined() ? weight->contiguous() : at::Tensor();
        auto out = at::empty(logits.sizes(), logits.options());
        if (out.numel() > 0)
            withFull(logits.scalar_type(), [&]<typename T>(T) {
                Backend::run(GumbelMaskGradArguments<T>{elements<T>(above), elements<T>(input),
                                                        factors.defined() ? elements<T>(factors) : nullptr,
                                                        writable<T>(out), out.numel() / logits.size(-1),
                                                        uint64_t(seed), T(kappa), T(tau)},
                             logits.size(-1));
            });
        return out;
    }

    static bool hasZeros(LowBitFormat format) {
        return format == LowBitFormat::Affine || format == LowBitFormat::Symmetric;
    }

    static int64_t checkFormat(const char* op, int64_t format, int64_t group, int64_t columns) {
        TORCH_CHECK(format >= 0 && format < kLowBitFormats, op, ": format must be 0 to ", kLowBitFormats - 1,
                    ", found ", format);
        TORCH_CHECK(group >= 0, op, ": group must not be negative, found ", group);
        if (LowBitFormat(format) == LowBitFormat::Nvfp4)
            return kNvfp4Block;
        return group == 0 ? std::max<int64_t>(columns, 1) : group;
    }

    // scales of shape (rows, groups), or of one number, which is given to all.
    static at::Tensor spread(const char* op, const char* argument, const at::Tensor& tensor,
                             at::IntArrayRef shape) {
        TORCH_CHECK(tensor.numel() == 1 || tensor.sizes() == shape, op, ": ", argument, " must have shape ",
                    c10::str(shape), " or one number, found ", shapeText(tensor));
        return (tensor.numel() == 1 ? tensor.reshape({1, 1}).expand(shape) : tensor)
            .to(at::kFloat)
            .contiguous();
    }

    static std::tuple<at::Tensor, at::Tensor, at::Tensor> encode(const at::Tensor& values, int64_t format,
                                                                 int64_t bits, int64_t group,
                                                                 const OptionalInput& givenScales,
                                                                 const OptionalInput& givenZeros,
                                                                 double tensorScale) {
        const c10::OptionalDeviceGuard guard(at::device_of(values));
        const char* op = "low_bit_encode";
        checkDimensions(op, "values", values, 2);
        checkReal(op, "values", values, true);
        const int64_t width = checkFormat(op, format, group, values.size(1));
        const auto kind = LowBitFormat(format);
        TORCH_CHECK(!hasZeros(kind) || (bits >= 2 && bits <= 8), op, ": bits must be 2 to 8, found ", bits);
        TORCH_CHECK(tensorScale > 0, op, ": tensor_scale must be positive, found ", tensorScale);
        const auto input =
            (values.scalar_type() == at::kDouble ? values.to(at::kFloat) : values).contiguous();
        const int64_t rows = values.size(0), columns = values.size(1), groups = (columns + width - 1) / width;
        const bool scaled = !(givenScales && givenScales->defined());
        const auto real = values.options().dtype(at::kFloat);
        auto codes = at::empty({rows, columns}, values.options().dtype(at::kByte));
        auto scales = scaled ? at::empty({rows, groups}, real)
                             : spread(op, "scales", *givenScales, {rows, groups}).clone();
        auto zeros = at::empty({hasZeros(kind) ? rows : 0, hasZeros(kind) ? groups : 0}, real);
        if (!scaled && hasZeros(kind)) {
            TORCH_CHECK(givenZeros && givenZeros->defined(), op,
                        ": scales are given, so zeros must be given too");
            zeros = spread(op, "zeros", *givenZeros, {rows, groups}).clone();
        }
        if (codes.numel() > 0)
            withElement(input.scalar_type(), [&]<typename T>(T) {
                if constexpr (!std::is_same_v<T, double>)
                    Backend::run(LowBitArguments<T>{
                        elements<T>(input), writable<uint8_t>(codes), writable<float>(scales),
                        hasZeros(kind) ? writable<float>(zeros) : nullptr, rows, columns, width, kind,
                        int(bits), scaled, float(tensorScale)});
            });
        return {codes, scales, zeros};
    }

    static at::Tensor decode(const at::Tensor& codes, const at::Tensor& scales, const OptionalInput& zeros,
                             int64_t format, int64_t group, double tensorScale) {
        const c10::OptionalDeviceGuard guard(at::device_of(codes));
        const char* op = "low_bit_decode";
        checkDimensions(op, "codes", codes, 2);
        checkByte(op, "codes", codes);
        const int64_t width = checkFormat(op, format, group, codes.size(1));
        const auto kind = LowBitFormat(format);
        const int64_t rows = codes.size(0), columns = codes.size(1), groups = (columns + width - 1) / width;
        const auto factors = spread(op, "scales", scales, {rows, groups}), input = codes.contiguous();
        checkSameDevice(op, "scales", scales, codes);
        at::Tensor offsets;
        if (hasZeros(kind)) {
            TORCH_CHECK(zeros && zeros->defined(), op, ": zeros are missing");
            checkSameDevice(op, "zeros", *zeros, codes);
            offsets = spread(op, "zeros", *zeros, {rows, groups});
        }
        auto values = at::empty({rows, columns}, codes.options().dtype(at::kFloat));
        if (values.numel() > 0)
            Backend::run(LowBitDecodeArguments{elements<uint8_t>(input), elements<float>(factors),
                                               offsets.defined() ? elements<float>(offsets) : nullptr,
                                               writable<float>(values), rows, columns, width, kind,
                                               float(tensorScale)});
        return values;
    }

    static void checkBits(const char* op, int64_t bits, bool highFirst) {
        TORCH_CHECK(bits >= 1 && bits <= 8, op, ": bits must be 1 to 8, found ", bits);
        TORCH_CHECK(!highFirst || bits == 4, op, ": high_first is for 4 bits only, found ", bits);
    }

    static at::Tensor packBits(const at::Tensor& codes, int64_t bits, bool highFirst) {
        const c10::OptionalDeviceGuard guard(at::device_of(codes));
        const char* op = "pack_bits";
        checkDimensions(op, "codes", codes, 2);
        checkByte(op, "codes", codes);
        checkBits(op, bits, highFirst);
        const auto input = codes.contiguous();
        auto packed = at::empty({codes.size(0), packedBytes(codes.size(1), bits)}, codes.options());
        if (packed.numel() > 0)
            Backend::run(PackBitsArguments{elements<uint8_t>(input), writable<uint8_t>(packed), codes.size(0),
                                           codes.size(1), int(bits), highFirst});
        return packed;
    }

    static at::Tensor unpackBits(const at::Tensor& packed, int64_t bits, int64_t columns, bool highFirst) {
        const c10::OptionalDeviceGuard guard(at::device_of(packed));
        const char* op = "unpack_bits";
        checkDimensions(op, "packed", packed, 2);
        checkByte(op, "packed", packed);
        checkBits(op, bits, highFirst);
        TORCH_CHECK(columns >= 0, op, ": columns must not be negative, found ", columns);
        checkSize(op, "packed", packed, 1, packedBytes(columns, bits));
        const auto input = packed.contiguous();
        auto codes = at::empty({packed.size(0), columns}, packed.options());
        if (codes.numel() > 0)
            Backend::run(UnpackBitsArguments{elements<uint8_t>(input), writable<uint8_t>(codes),
                                             packed.size(0), columns, int(bits), highFirst});
        return codes;
    }

    static void registerIn(torch::Library& library) {
        library.impl("sparse24_search", &CompressionOperators::search);
        library.impl("sparse24_apply", &CompressionOperators::apply);
        library.impl("sparse24_pack", &CompressionOperators::pack);
        library.impl("sparse24_unpack", &CompressionOperators::unpack);
        library.impl("sparse24_linear", &CompressionOperators::linear);
        library.impl("gumbel_mask", &CompressionOperators::gumbel);
        library.impl("gumbel_mask_backward", &CompressionOperators::gumbelBackward);
        library.impl("low_bit_encode", &CompressionOperators::encode);
        library.impl("low_bit_decode", &CompressionOperators::decode);
        library.impl("pack_bits", &CompressionOperators::packBits);
        library.impl("unpack_bits", &CompressionOperators::unpackBits);
    }
};

}  // namespace vitrine::kernels
