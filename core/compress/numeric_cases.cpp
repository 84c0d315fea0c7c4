#include "core/compress/numeric_cases.h"

#include "core/compress/low_bit_matrix.h"
#include "core/io/numeric_meta.h"

namespace vitrine {
namespace {

using Tensors = std::map<std::string, at::Tensor>;

struct Call {
    const Json& call;
    const Tensors& inputs;

    Result<at::Tensor> input(const std::string& argument, int64_t dimensions) const {
        std::string name = argument;
        if (const auto named = call.find("inputs"); named != call.end() && named->is_object())
            if (const auto entry = named->find(argument); entry != named->end() && entry->is_string())
                name = entry->get<std::string>();
        const auto found = inputs.find(name);
        if (found == inputs.end())
            return fail(ErrorCode::NotFound, "the case lacks this input", name);
        if (found->second.dim() != dimensions || !found->second.is_floating_point())
            return fail(ErrorCode::ShapeMismatch,
                        fmt::format("expected floating numbers of {} dimensions", dimensions), name);
        return found->second.to(at::kFloat);
    }
};

// Codes of given numbers are those of a matrix whose scales are 1.
at::Tensor plainCodes(const at::Tensor& values) {
    const auto row = values.reshape({1, -1});
    kernels::LowBitCodes given;
    given.scales = at::ones({1}, at::kFloat);
    return kernels::lowBitEncode(row, LowBitFormat::Nvfp4, 4, 0, given).codes.reshape(values.sizes());
}

Result<Tensors> runNvfp4(const Call& one) {
    VITRINE_TRY(const auto grid, one.input("grid", 1));
    VITRINE_TRY(const auto matrix, one.input("matrix", 2));
    kernels::LowBitCodes all;
    all.codes = at::arange(16, at::kByte).reshape({1, 16});
    all.scales = at::ones({1}, at::kFloat);
    VITRINE_TRY(const auto quantized, quantize(matrix, *LowBitFormatSpec::fromName("nvfp4")));
    return Tensors{{"grid_codes", plainCodes(grid)},
                   {"decode", kernels::lowBitDecode(all, LowBitFormat::Nvfp4, 0).flatten()},
                   {"global_scale", at::tensor({float(quantized.tensorScale)})},
                   {"block_scale_codes", quantized.parts().at("scales").view(at::kByte)},
                   {"codes", kernels::unpackBits(quantized.packed, 4, quantized.columns)},
                   {"packed", quantized.packed},
                   {"dequant", quantized.decode()}};
}

using Runner = Result<Tensors> (*)(const Call&);

Runner runnerOf(const Json& call) {
    if (!call.is_object() || !call.contains("id") || !call["id"].is_string())
        return nullptr;
    const auto id = call["id"].get<std::string>();
    return id == "nvfp4" ? &runNvfp4 : nullptr;
}

}  // namespace

bool isCompressionCase(const Json& meta) {
    return isNumericCaseOf(meta, [](const Json& call) { return runnerOf(call) != nullptr; });
}

Result<Tensors> runCompressionCase(const Json&, const Json& call, const Tensors& inputs) {
    const auto runner = runnerOf(call);
    if (!runner)
        return fail(ErrorCode::UnknownFamily, "this numeric computation is not known", "calls",
                    "Known: nvfp4.");
    return runner(Call{call, inputs});
}

}  // namespace vitrine
