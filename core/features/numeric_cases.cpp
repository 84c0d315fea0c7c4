#include "core/features/numeric_cases.h"

#include "core/features/checks.h"
#include "core/features/learned_jbu.h"
#include "core/features/numeric_scan.h"
#include "core/io/fp8.h"
#include "core/io/numeric_meta.h"
#include "kernels/operators.h"

#include <functional>

namespace vitrine {
namespace {

using Tensors = std::map<std::string, at::Tensor>;

struct Case {
    const Json& call;
    const Tensors& inputs;
    const Tensors& weights;

    // The input that the call names `argument`, else the input of that very name.
    Result<at::Tensor> input(const std::string& argument) const {
        std::string name = argument;
        if (const auto named = call.find("inputs"); named != call.end() && named->is_object())
            if (const auto entry = named->find(argument); entry != named->end() && entry->is_string())
                name = entry->get<std::string>();
        const auto found = inputs.find(name);
        if (found == inputs.end())
            return fail(ErrorCode::NotFound, "the case lacks this input", name);
        return found->second;
    }
};

Result<Tensors> runStack(const Case& one) {
    VITRINE_TRY(const auto jbu, LearnedJbu::fromTensors(one.weights));
    VITRINE_TRY(const auto source, one.input("source"));
    VITRINE_TRY(const auto guidance, one.input("guidance"));
    VITRINE_TRY_VOID(checkFeatures(source, 4, "source"));
    VITRINE_TRY_VOID(checkFeatures(guidance, 4, "guidance"));
    std::vector<at::Tensor> results;
    for (int64_t b = 0; b < source.size(0); ++b) {
        VITRINE_TRY(auto out, jbu.upsample(source[b], guidance[std::min(b, guidance.size(0) - 1)]));
        results.push_back(std::move(out));
    }
    return Tensors{{"stack.out", at::stack(results)}};
}

Result<Tensors> runStage(const Case& one) {
    VITRINE_TRY(const auto jbu, LearnedJbu::fromTensors(one.weights));
    VITRINE_TRY(const auto source, one.input("source"));
    VITRINE_TRY(const auto guidance, one.input("guidance"));
    VITRINE_TRY_VOID(checkFeatures(source, 4, "source"));
    VITRINE_TRY_VOID(checkFeatures(guidance, 4, "guidance"));
    const auto& level = jbu.level(0);
    return Tensors{{"stage.out", level.upsample(source, guidance)},
                   {"stage.range_kernel", level.rangeKernel(guidance)},
                   {"stage.spatial_kernel", level.spatialKernel()}};
}

Result<Tensors> runAdaptiveConv(const Case& one) {
    VITRINE_TRY(const auto given, one.input("input"));
    VITRINE_TRY(const auto givenFilters, one.input("filters"));
    const at::AutoGradMode withGradients(true);
    auto input = given.detach().clone().requires_grad_(),
         filters = givenFilters.detach().clone().requires_grad_();
    const auto out = kernels::adaptiveConv(input, filters);
    Tensors results{{"adaptive_conv.out", out.detach()}};
    if (const auto grad = one.inputs.find("adaptive_conv.grad_out"); grad != one.inputs.end()) {
        out.backward(grad->second);
        results["adaptive_conv.grad.input"] = input.grad();
        results["adaptive_conv.grad.filters"] = filters.grad();
    }
    return results;
}

Result<Tensors> runSparse(const Case& one) {
    VITRINE_TRY(const auto weight, one.input("weight"));
    VITRINE_TRY_VOID(checkFeatures(weight, 2, "weight"));
    const auto size = weight.abs();
    const auto mask = kernels::nmMask(size, 2, 4);
    const auto kept = mask.to(at::kBool);
    const int64_t rows = weight.size(0), columns = weight.size(1);
    const auto position = at::arange(columns, at::kLong).remainder(4).to(at::kByte).expand({rows, columns});
    Tensors results{{"magnitude_mask", mask},
                    {"magnitude_mask_4_8", kernels::nmMask(size, 4, 8)},
                    {"magnitude_mask_1_4", kernels::nmMask(size, 1, 4)},
                    {"kept_values", weight.masked_select(kept).reshape({rows, columns / 2})},
                    {"kept_index", position.masked_select(kept).reshape({rows, columns / 2})}};
    VITRINE_TRY(const auto norm, one.input("input_norm"));
    if (norm.dim() != 1 || norm.size(0) != columns)
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("expected [{}], found {}", columns, sizesText(norm)), "input_norm");
    results["activation_mask"] = kernels::nmMask(size * norm, 2, 4);
    return results;
}

at::Tensor bytesTensor(const std::vector<uint8_t>& bytes, at::IntArrayRef shape) {
    return at::tensor(at::ArrayRef<uint8_t>(bytes), at::kByte).reshape(shape);
}
at::Tensor floatsTensor(const std::vector<float>& values, at::IntArrayRef shape) {
    return at::tensor(at::ArrayRef<float>(values), at::kFloat).reshape(shape);
}

void addFp8Casts(Tensors& results, const std::string& name, Fp8Format format, std::span<const float> values) {
    std::vector<float> decoded;
    decoded.reserve(256);
    for (int code = 0; code < 256; ++code)
        decoded.push_back(fp8Decode(format, uint8_t(code)));
    results[name + ".decode"] = floatsTensor(decoded, {256});
    for (const bool saturate : {false, true}) {
        std::vector<uint8_t> codes;
        for (const float value : values)
            codes.push_back(fp8Encode(format, value, saturate));
        results[name + (saturate ? ".encode_saturating" : ".encode")] =
            bytesTensor(codes, {int64_t(codes.size())});
    }
}

void addFp8Matrices(Tensors& results, const std::string& name, Fp8Format format,
                    std::span<const float> values, int64_t rows, int64_t columns) {
    for (const auto& [scaling, scalingName] :
         {std::pair{Fp8Scaling::Tensor, ".tensor"}, std::pair{Fp8Scaling::Row, ".row"},
          std::pair{Fp8Scaling::Block32, ".block32"}}) {
        const auto matrix = fp8Quantize(format, scaling, values, size_t(rows), size_t(columns));
        const int64_t scales = int64_t(matrix.scales.size());
        results[name + scalingName + "_codes"] = bytesTensor(matrix.codes, {rows, columns});
        results[name + scalingName + "_scale"] =
            scaling == Fp8Scaling::Tensor
                ? floatsTensor(matrix.scales, {1})
                : floatsTensor(matrix.scales, {rows, scales / std::max<int64_t>(rows, 1)});
        if (scaling == Fp8Scaling::Tensor)
            results[name + ".tensor_dequant"] = floatsTensor(fp8Dequantize(matrix), {rows, columns});
    }
}

Result<Tensors> runFp8(const Case& one) {
    VITRINE_TRY(auto values, one.input("values"));
    VITRINE_TRY(auto matrix, one.input("matrix"));
    VITRINE_TRY_VOID(checkFeatures(matrix, 2, "matrix"));
    VITRINE_TRY_VOID(checkFeatures(values, 1, "values"));
    values = values.to(at::kFloat).contiguous();
    matrix = matrix.to(at::kFloat).contiguous();
    const std::span<const float> list(values.const_data_ptr<float>(), size_t(values.numel()));
    const std::span<const float> cells(matrix.const_data_ptr<float>(), size_t(matrix.numel()));
    const int64_t rows = matrix.size(0), columns = matrix.size(1);
    Tensors results;
    for (const auto& [name, format] :
         {std::pair{"e4m3", Fp8Format::E4M3}, std::pair{"e5m2", Fp8Format::E5M2}}) {
        addFp8Casts(results, name, format, list);
        addFp8Matrices(results, name, format, cells, rows, columns);
    }
    const auto micro = mxfp8Quantize(cells, size_t(rows), size_t(columns));
    results["mxfp8.codes"] = bytesTensor(micro.codes, {rows, columns});
    results["mxfp8.scale_exponent"] =
        bytesTensor(micro.exponents, {rows, int64_t(micro.exponents.size()) / rows});
    return results;
}

using Runner = Result<Tensors> (*)(const Case&);

Result<Tensors> runScan(const Case& one) {
    return runScanCall(one.call, one.inputs);
}

Runner runnerOf(const Json& call) {
    static const std::map<std::string, Runner> runners{{"stack", &runStack},
                                                       {"stage", &runStage},
                                                       {"adaptive_conv", &runAdaptiveConv},
                                                       {"sparse24", &runSparse},
                                                       {"fp8", &runFp8}};
    if (!call.is_object() || !call.contains("id") || !call["id"].is_string())
        return nullptr;
    if (isScanCall(call))
        return &runScan;
    const auto runner = runners.find(call["id"].get<std::string>());
    return runner == runners.end() ? nullptr : runner->second;
}

}  // namespace

bool isNumericCase(const Json& meta) {
    return isNumericCaseOf(meta, [](const Json& call) { return runnerOf(call) != nullptr; });
}

Result<Tensors> runNumericCase(const Json& meta, const Json& call, const Tensors& inputs,
                               const Tensors& weights) {
    const auto runner = runnerOf(call);
    if (!runner)
        return fail(ErrorCode::UnknownFamily,
                    fmt::format("numeric computation {} is not known", call.is_object() && call.contains("id")
                                                                           ? call["id"].dump()
                                                                           : std::string("without an id")),
                    "calls", "Known: stack, stage, adaptive_conv, sparse24, fp8, selective scans.");
    return runner(Case{call, inputs, weights});
}

}  // namespace vitrine
