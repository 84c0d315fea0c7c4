#include "core/compress/low_bit_matrix.h"

namespace vitrine {
namespace {

struct NamedFormat {
    const char* name;
    LowBitFormatSpec spec;
};

const std::vector<NamedFormat>& namedFormats() {
    static const std::vector<NamedFormat> formats = [] {
        std::vector<NamedFormat> list{{"fp8_e4m3", {LowBitFormat::E4M3, 8, 0, true}},
                                      {"fp8_e5m2", {LowBitFormat::E5M2, 8, 0, true}},
                                      {"nf4", {LowBitFormat::Nf4, 4, 64}},
                                      {"nvfp4", {LowBitFormat::Nvfp4, 4, 16}}};
        static constexpr const char* kAffine[] = {"int2", "int3", "int4", "int5", "int6", "int7", "int8"};
        static constexpr const char* kSymmetric[] = {"int2_symmetric", "int3_symmetric", "int4_symmetric",
                                                     "int5_symmetric", "int6_symmetric", "int7_symmetric",
                                                     "int8_symmetric"};
        for (int64_t bits = 2; bits <= 8; ++bits) {
            list.push_back({kAffine[bits - 2], {LowBitFormat::Affine, bits, 128}});
            list.push_back({kSymmetric[bits - 2], {LowBitFormat::Symmetric, bits, 128}});
        }
        return list;
    }();
    return formats;
}

int64_t groupsOf(const LowBitFormatSpec& spec, int64_t columns) {
    const int64_t width = spec.groupWidth(columns);
    return (columns + width - 1) / width;
}

Failure fault(const std::string& part, const std::string& expected) {
    return fail(ErrorCode::InvalidFile, "expected " + expected, part);
}

}  // namespace

std::string LowBitFormatSpec::name() const {
    for (const auto& one : namedFormats())
        if (one.spec.format == format && (!hasZeros() || one.spec.bits == bits))
            return one.name;
    return "unknown";
}

Result<LowBitFormatSpec> LowBitFormatSpec::fromName(const std::string& name) {
    for (const auto& one : namedFormats())
        if (name == one.name)
            return one.spec;
    return fail(ErrorCode::InvalidArgument, fmt::format("no format is named \"{}\"", name), {},
                "Known: int2 to int8, with _symmetric, fp8_e4m3, fp8_e5m2, nf4, nvfp4.");
}

Result<void> LowBitFormatSpec::validate() const {
    if (hasZeros() && (bits < 2 || bits > 8))
        return fail(ErrorCode::InvalidArgument, fmt::format("expected 2 to 8 bits, found {}", bits));
    if (group < 0)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("expected groups of 0 (a row) or more, found {}", group));
    if (perTensor && format != LowBitFormat::E4M3 && format != LowBitFormat::E5M2)
        return fail(ErrorCode::InvalidArgument, "one scale for the whole matrix goes with FP8 only");
    return {};
}

int64_t LowBitFormatSpec::codeBits() const {
    if (hasZeros())
        return bits;
    return format == LowBitFormat::E4M3 || format == LowBitFormat::E5M2 ? 8 : 4;
}

int64_t LowBitFormatSpec::groupWidth(int64_t columns) const {
    if (format == LowBitFormat::Nvfp4)
        return kernels::kNvfp4Block;
    return group == 0 ? std::max<int64_t>(columns, 1) : group;
}

at::Tensor LowBitMatrix::decode() const {
    kernels::LowBitCodes codes;
    codes.codes = kernels::unpackBits(packed, spec.codeBits(), columns, spec.highFirst());
    codes.scales = scales;
    codes.zeros = zeros;
    codes.tensorScale = tensorScale;
    return kernels::lowBitDecode(codes, spec.format, spec.format == LowBitFormat::Nvfp4 ? 0 : spec.group);
}

int64_t LowBitMatrix::byteCount() const {
    int64_t bytes = 0;
    for (const auto& [name, part] : parts())
        bytes += int64_t(part.nbytes());
    return bytes;
}

std::map<std::string, at::Tensor> LowBitMatrix::parts() const {
    std::map<std::string, at::Tensor> parts;
    switch (spec.format) {
        case LowBitFormat::E4M3:
            parts["codes"] = packed.view(at::kFloat8_e4m3fn);
            break;
        case LowBitFormat::E5M2:
            parts["codes"] = packed.view(at::kFloat8_e5m2);
            break;
        default:
            parts["packed"] = packed;
    }
    if (spec.format == LowBitFormat::Nvfp4) {
        parts["scales"] = scales.to(at::kFloat8_e4m3fn);
        parts["tensor_scale"] = at::tensor({float(tensorScale)});
    } else {
        parts["scales"] = spec.perTensor ? scales.flatten().slice(0, 0, 1).contiguous() : scales;
    }
    if (zeros.defined())
        parts["zeros"] = zeros.to(at::kByte);  // whole numbers of 0 to 255
    return parts;
}

Json LowBitMatrix::manifest() const {
    return Json{{"format", spec.name()},
                {"bits", spec.codeBits()},
                {"group", spec.group},
                {"per_tensor", spec.perTensor},
                {"shape", Json::array({rows, columns})}};
}

Result<LowBitMatrix> LowBitMatrix::fromParts(const Json& manifest,
                                             const std::map<std::string, at::Tensor>& parts) {
    LowBitMatrix matrix;
    VITRINE_TRY(const auto name, jsonValue<std::string>(manifest, "format", "manifest"));
    VITRINE_TRY(matrix.spec, LowBitFormatSpec::fromName(name));
    VITRINE_TRY(matrix.spec.group, jsonValue<int64_t>(manifest, "group", "manifest"));
    VITRINE_TRY(matrix.spec.perTensor, jsonValueOr<bool>(manifest, "per_tensor", false, "manifest"));
    VITRINE_TRY_VOID(matrix.spec.validate());
    VITRINE_TRY(const auto shape, jsonValue<std::vector<int64_t>>(manifest, "shape", "manifest"));
    if (shape.size() != 2 || shape[0] < 0 || shape[1] < 0)
        return fault("manifest/shape", "two sizes");
    matrix.rows = shape[0];
    matrix.columns = shape[1];
    const auto part = [&](const std::string& key) {
        const auto found = parts.find(key);
        return found == parts.end() ? at::Tensor() : found->second;
    };
    auto packed = part("packed");
    if (const auto codes = part("codes"); codes.defined() && codes.element_size() == 1)
        packed = codes.view(at::kByte);
    const int64_t width = kernels::packedBytes(matrix.columns, matrix.spec.codeBits());
    if (!packed.defined() || packed.scalar_type() != at::kByte ||
        packed.sizes() != at::IntArrayRef({matrix.rows, width}))
        return fault("packed", fmt::format("bytes [{}, {}]", matrix.rows, width));
    matrix.packed = packed;
    const int64_t groups = groupsOf(matrix.spec, matrix.columns);
    const std::vector<int64_t> scaleShape =
        matrix.spec.perTensor ? std::vector<int64_t>{1} : std::vector<int64_t>{matrix.rows, groups};
    const auto scales = part("scales");
    if (!scales.defined() || !scales.is_floating_point() || scales.sizes() != at::IntArrayRef(scaleShape))
        return fault("scales", fmt::format("[{}]", fmt::join(scaleShape, ", ")));
    matrix.scales = scales.to(at::kFloat);
    if (matrix.spec.perTensor)
        matrix.scales = matrix.scales.expand({matrix.rows, groups}).contiguous();
    if (matrix.spec.format == LowBitFormat::Nvfp4) {
        const auto scale = part("tensor_scale");
        if (!scale.defined() || scale.numel() != 1 || !(scale.item<double>() > 0))
            return fault("tensor_scale", "one positive number");
        matrix.tensorScale = scale.item<double>();
    }
    if (matrix.spec.hasZeros()) {
        const auto zeros = part("zeros");
        if (!zeros.defined() || zeros.sizes() != at::IntArrayRef({matrix.rows, groups}))
            return fault("zeros", fmt::format("[{}, {}]", matrix.rows, groups));
        matrix.zeros = zeros.to(at::kFloat);
    }
    return matrix;
}

LowBitMatrix quantizeWithScales(const at::Tensor& weight, const LowBitFormatSpec& spec,
                                const kernels::LowBitCodes& given) {
    LowBitMatrix matrix;
    matrix.spec = spec;
    matrix.rows = weight.size(0);
    matrix.columns = weight.size(1);
    const auto codes = kernels::lowBitEncode(weight, spec.format, spec.codeBits(), spec.group, given);
    matrix.packed = kernels::packBits(codes.codes, spec.codeBits(), spec.highFirst());
    matrix.scales = codes.scales;
    matrix.zeros = codes.zeros;
    matrix.tensorScale = codes.tensorScale;
    return matrix;
}

Result<LowBitMatrix> quantize(const at::Tensor& weight, const LowBitFormatSpec& spec) {
    const at::NoGradGuard plain;
    VITRINE_TRY_VOID(spec.validate());
    if (!weight.defined() || weight.dim() != 2 || !weight.is_floating_point())
        return fail(ErrorCode::ShapeMismatch, "expected floating weights (outputs, inputs)");
    if (!weight.isfinite().all().item<bool>())
        return fail(ErrorCode::InvalidArgument, "the weights hold NaN or infinity");
    kernels::LowBitCodes given;
    if (spec.perTensor) {
        const double largest = weight.numel() > 0 ? weight.abs().max().item<double>() : 0;
        const float most = spec.format == LowBitFormat::E4M3 ? 448.f : 57344.f;
        given.scales = at::full({1}, largest > 0 ? float(largest) / most : 1.f);
    }
    return quantizeWithScales(weight.detach(), spec, given);
}

}  // namespace vitrine
