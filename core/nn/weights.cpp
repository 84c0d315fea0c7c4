#include "core/nn/weights.h"

#include "core/base/nearest.h"
#include "core/io/safetensors.h"

#include <fmt/ranges.h>

namespace vitrine {
namespace {

std::string shapeText(at::IntArrayRef shape) {
    return fmt::format("[{}]", fmt::join(shape, ", "));
}

bool isIgnored(const std::string& name, const std::vector<std::string>& prefixes) {
    for (const std::string& prefix : prefixes)
        if (name.compare(0, prefix.size(), prefix) == 0)
            return true;
    return false;
}

Failure missingTensors(const std::vector<std::string>& missing, const TensorSource& source) {
    std::vector<std::string> stored;
    for (const TensorInfo& info : source.tensors())
        stored.push_back(info.name);
    std::string list;
    for (size_t i = 0; i < std::min<size_t>(5, missing.size()); ++i)
        list += fmt::format("{}\"{}\"", i ? ", " : "", missing[i]);
    if (missing.size() > 5)
        list += fmt::format(" and {} more", missing.size() - 5);
    const auto nearest = nearestName(missing.front(), stored);
    return fail(
        ErrorCode::NotFound,
        fmt::format("{} tensor{} that the configuration calls for {} not in the checkpoint: {}",
                    missing.size(), missing.size() == 1 ? "" : "s", missing.size() == 1 ? "is" : "are", list),
        {},
        nearest ? fmt::format("The nearest stored name is \"{}\"", *nearest)
                : "Does config.json belong to these weights?");
}

}  // namespace

std::optional<at::ScalarType> torchType(DType dtype) {
    switch (dtype) {
        case DType::Bool:
            return at::kBool;
        case DType::U8:
            return at::kByte;
        case DType::I8:
            return at::kChar;
        case DType::F8E4M3:
            return at::kFloat8_e4m3fn;
        case DType::F8E5M2:
            return at::kFloat8_e5m2;
        case DType::I16:
            return at::kShort;
        case DType::U16:
            return at::kUInt16;
        case DType::F16:
            return at::kHalf;
        case DType::BF16:
            return at::kBFloat16;
        case DType::I32:
            return at::kInt;
        case DType::U32:
            return at::kUInt32;
        case DType::F32:
            return at::kFloat;
        case DType::I64:
            return at::kLong;
        case DType::U64:
            return at::kUInt64;
        case DType::F64:
            return at::kDouble;
        case DType::C64:
            return at::kComplexFloat;
        default:
            return std::nullopt;
    }
}

DType dtypeOfTorch(at::ScalarType type) {
    switch (type) {
        case at::kBool:
            return DType::Bool;
        case at::kByte:
            return DType::U8;
        case at::kChar:
            return DType::I8;
        case at::kFloat8_e4m3fn:
            return DType::F8E4M3;
        case at::kFloat8_e5m2:
            return DType::F8E5M2;
        case at::kShort:
            return DType::I16;
        case at::kUInt16:
            return DType::U16;
        case at::kHalf:
            return DType::F16;
        case at::kBFloat16:
            return DType::BF16;
        case at::kInt:
            return DType::I32;
        case at::kUInt32:
            return DType::U32;
        case at::kLong:
            return DType::I64;
        case at::kUInt64:
            return DType::U64;
        case at::kDouble:
            return DType::F64;
        case at::kComplexFloat:
            return DType::C64;
        default:
            return DType::F32;
    }
}

Result<at::Tensor> tensorFromBytes(const TensorBytes& stored) {
    const auto type = torchType(stored.info.dtype);
    if (!type)
        return fail(ErrorCode::Unsupported,
                    fmt::format("elements of type {} cannot be computed with", dtypeName(stored.info.dtype)),
                    stored.info.name, "Convert the tensor to F32, F16 or BF16 first");
    if (stored.bytes.empty())
        return at::empty(stored.info.shape, *type);
    // A tensor may start at any byte of the file; LibTorch's kernels want elements aligned to their size.
    const auto address = reinterpret_cast<uintptr_t>(stored.bytes.data());
    void* data = const_cast<std::byte*>(stored.bytes.data());
    const at::Tensor view = at::from_blob(
        data, stored.info.shape, [owner = stored.owner](void*) {}, *type);
    return address % at::elementSize(*type) == 0 ? view : view.clone();
}

Result<at::Tensor> readTensor(const TensorSource& source, const std::string& name,
                              const LoadOptions& options) {
    VITRINE_TRY(const TensorBytes bytes, source.read(name));
    VITRINE_TRY(const at::Tensor stored, tensorFromBytes(bytes));
    return stored.to(options.device, stored.is_floating_point() ? options.dtype : stored.scalar_type());
}

Result<std::map<std::string, at::Tensor>> readAllTensors(const TensorSource& source) {
    std::map<std::string, at::Tensor> tensors;
    for (const TensorInfo& info : source.tensors()) {
        VITRINE_TRY(const TensorBytes bytes, source.read(info.name));
        VITRINE_TRY(tensors[info.name], tensorFromBytes(bytes));
    }
    return tensors;
}

Result<void> writeTensors(const std::filesystem::path& file, const std::map<std::string, at::Tensor>& tensors,
                          const std::map<std::string, std::string>& metadata,
                          std::optional<at::ScalarType> type) {
    const auto typeOf = [&](const at::Tensor& tensor) {
        return type && tensor.is_floating_point() ? *type : tensor.scalar_type();
    };
    std::vector<at::Tensor> list;
    std::vector<TensorToWrite> entries;
    for (const auto& [name, tensor] : tensors) {
        list.push_back(tensor);
        entries.push_back({name, dtypeOfTorch(typeOf(tensor)), tensor.sizes().vec(), {}});
    }
    at::Tensor written;  // holds the bytes whose turn it is
    const auto bytesOf = [&](size_t index) {
        written = list[index].detach().to(at::kCPU, typeOf(list[index])).contiguous();
        return std::span(static_cast<const std::byte*>(written.const_data_ptr()), written.nbytes());
    };
    return writeSafetensors(file, entries, bytesOf, metadata);
}

Result<LoadReport> loadWeights(torch::nn::Module& module, const TensorSource& source,
                               const LoadOptions& options, const LoadRules& rules) {
    std::set<std::string> taken;
    std::vector<std::string> missing;
    const auto fill = [&](const std::string& name, at::Tensor& target) -> Result<void> {
        const std::string storedName = rules.storedName ? rules.storedName(name) : name;
        if (storedName.empty())
            return {};
        at::Tensor value;
        if (source.find(storedName)) {
            VITRINE_TRY(value, readTensor(source, storedName, options));
            taken.insert(storedName);
        } else if (rules.derive) {
            VITRINE_TRY(value, rules.derive(name, source));
            if (value.defined())
                value =
                    value.to(options.device, value.is_floating_point() ? options.dtype : value.scalar_type());
        }
        if (!value.defined()) {
            missing.push_back(storedName);
            return {};
        }
        if (value.sizes() != target.sizes())
            return fail(ErrorCode::ShapeMismatch,
                        fmt::format("the configuration calls for shape {}, the checkpoint has {}",
                                    shapeText(target.sizes()), shapeText(value.sizes())),
                        storedName, "Does config.json belong to these weights?");
        target.set_data(value);
        return {};
    };
    at::NoGradGuard noGrad;
    for (auto& entry : module.named_parameters())
        VITRINE_TRY_VOID(fill(entry.key(), entry.value()));
    for (auto& entry : module.named_buffers())
        VITRINE_TRY_VOID(fill(entry.key(), entry.value()));
    if (!missing.empty())
        return missingTensors(missing, source);

    // Frozen: a pass must not keep its activations. Who trains the module asks for gradients.
    for (at::Tensor& parameter : module.parameters())
        parameter.set_requires_grad(false);

    LoadReport report;
    for (const TensorInfo& info : source.tensors())
        if (!taken.contains(info.name) && !isIgnored(info.name, rules.ignoredPrefixes))
            report.leftovers.push_back(info.name);
    if (rules.refuseLeftovers && !report.leftovers.empty())
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("{} stored tensors belong to no part of the model, the first is \"{}\"",
                                report.leftovers.size(), report.leftovers.front()));
    return report;
}

}  // namespace vitrine
