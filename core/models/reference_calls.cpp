#include "core/models/reference_calls.h"

#include "core/io/safetensors.h"

#include <fmt/ranges.h>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

Result<TensorMap> readOptionalTensors(const fs::path& file) {
    if (!fs::exists(file))
        return TensorMap{};
    VITRINE_TRY(const auto source, openSafetensors(file));
    return readAllTensors(*source);
}

Result<ModelCall> callFrom(const Json& json, const ReferenceData& inputs, const at::Device& device) {
    ModelCall call;
    VITRINE_TRY(call.id, jsonValue<std::string>(json, "id", "meta.json"));
    VITRINE_TRY(call.what, jsonValueOr<std::string>(json, "what", "", "meta.json"));
    VITRINE_TRY(call.arguments, jsonValueOr<Json>(json, "arguments", Json::object(), "meta.json"));
    VITRINE_TRY(const Json names, jsonValueOr<Json>(json, "inputs", Json::object(), "meta.json"));
    for (const auto& [argument, name] : names.items()) {
        const std::string tensorName = name;
        // A call may go on from what another call is expected to give.
        const at::Tensor* found = inputs.find(tensorName);
        if (!found)
            return fail(ErrorCode::NotFound,
                        fmt::format("the input tensor \"{}\" is in no file of the folder", tensorName),
                        "call " + call.id);
        call.inputs[argument] = found->to(device);
    }
    VITRINE_TRY(call.outputs, jsonValue<std::vector<std::string>>(json, "outputs", "meta.json"));
    const std::string prefix = call.id + ".";
    for (std::string& name : call.outputs)
        if (name.starts_with(prefix))
            name = name.substr(prefix.size());
    call.meta = inputs.meta;
    return call;
}

// Compares what a call gave with the expected tensors, in the order of meta.json.
void compareOutputs(std::vector<VerifyRow>& rows, const ModelCall& call,
                    const std::vector<std::string>& fullNames, const TensorMap& actual,
                    const ReferenceData& inputs, double toleranceFactor) {
    for (size_t i = 0; i < fullNames.size(); ++i) {
        const auto expected = inputs.expected.find(fullNames[i]);
        const auto found = actual.find(call.outputs[i]);
        if (expected == inputs.expected.end() || found == actual.end()) {
            addFailedRows(rows, call.id, {fullNames[i]},
                          expected == inputs.expected.end() ? "no such tensor in expected.safetensors"
                                                            : "the model did not give this output");
            continue;
        }
        rows.push_back(compareTensor(call.id, fullNames[i], found->second, expected->second,
                                     inputs.tolerance(fullNames[i]) * toleranceFactor));
    }
}

}  // namespace

Result<ReferenceData> ReferenceData::read(const fs::path& folder) {
    ReferenceData data;
    auto meta = readJsonFile(folder / "meta.json");
    if (!meta && meta.error().code == ErrorCode::NotFound)
        return fail(ErrorCode::NotFound, "there is no meta.json with expected outputs", folder.string(),
                    "A folder to verify holds meta.json, inputs.safetensors and expected.safetensors");
    if (!meta)
        return fail(meta.error());
    data.meta = std::move(*meta);
    VITRINE_TRY(data.inputs, readOptionalTensors(folder / "inputs.safetensors"));
    VITRINE_TRY(data.expected, readOptionalTensors(folder / "expected.safetensors"));
    return data;
}

const at::Tensor* ReferenceData::find(const std::string& name) const {
    for (const TensorMap* map : {&inputs, &expected})
        if (const auto it = map->find(name); it != map->end())
            return &it->second;
    return nullptr;
}

double ReferenceData::tolerance(const std::string& name) const {
    const Json& tensors = meta.contains("tensors") ? meta["tensors"] : meta;
    return tensors.contains(name) ? tensors[name].value("tol_abs", 0.0) : 0.0;
}

void addFailedRows(std::vector<VerifyRow>& rows, const std::string& id,
                   const std::vector<std::string>& outputs, const std::string& note) {
    for (const std::string& name : outputs) {
        VerifyRow row;
        row.call = id;
        row.tensor = name;
        row.note = note;
        rows.push_back(std::move(row));
    }
}

VerifyRow compareTensor(const std::string& call, const std::string& name, const at::Tensor& actual,
                        const at::Tensor& expected, double tolerance) {
    VerifyRow row;
    row.call = call;
    row.tensor = name;
    row.shape = fmt::format("[{}]", fmt::join(expected.sizes(), ", "));
    row.tolerance = tolerance;
    if (actual.sizes() != expected.sizes()) {
        row.note = fmt::format("shape [{}], expected {}", fmt::join(actual.sizes(), ", "), row.shape);
        return row;
    }
    const bool exact = !expected.is_floating_point() || tolerance == 0;
    if (exact && !expected.is_floating_point()) {
        // Integer kinds of different width hold the same ids and masks.
        const at::Tensor differing = actual.cpu().to(at::kLong).ne(expected.to(at::kLong));
        row.maxError = double(differing.sum().item<int64_t>());
        row.passed = row.maxError == 0;
        if (!row.passed)
            row.note = fmt::format("{:.0f} of {} elements differ", row.maxError, expected.numel());
        return row;
    }
    const at::Tensor a = actual.detach().cpu().to(at::kDouble), e = expected.to(at::kDouble);
    const at::Tensor special = at::logical_or(e.isnan(), e.isinf());
    const bool specialsAgree =
        at::equal(a.isnan(), e.isnan()) &&
        at::equal(at::where(a.isinf(), a, at::zeros_like(a)), at::where(e.isinf(), e, at::zeros_like(e)));
    const at::Tensor error = at::where(special, at::zeros_like(a), (a - e).abs());
    row.maxError = error.numel() ? error.max().item<double>() : 0.0;
    const double deviation =
        e.numel() > 1 ? e.masked_select(special.logical_not()).std(false).item<double>() : 0.0;
    row.errorPerStd = deviation > 0 ? row.maxError / deviation : row.maxError;
    row.passed = specialsAgree && row.maxError <= tolerance;
    if (!specialsAgree)
        row.note = "NaN or infinite values differ";
    return row;
}

void compareCall(std::vector<VerifyRow>& rows, const Model& model, const Json& json,
                 const ReferenceData& data, const at::Device& device) {
    const std::string id = json.value("id", "");
    const auto outputs = json.value("outputs", std::vector<std::string>{});
    // References were computed on a CPU; another device's sums round differently.
    const double toleranceFactor = device.is_cpu() ? 1.0 : 4.0;
    try {
        at::NoGradGuard noGrad;
        const auto call = callFrom(json, data, device);
        const auto actual = call ? model.runCall(*call) : Result<TensorMap>(fail(call.error()));
        if (actual)
            compareOutputs(rows, *call, outputs, *actual, data, toleranceFactor);
        else
            addFailedRows(rows, id, outputs, actual.error().text());
    } catch (...) {
        addFailedRows(rows, id, outputs, errorFromCurrentException("call " + id).text());
    }
}

bool isPreprocessingCall(const Json& call) {
    return call.value("id", "").starts_with("pre") && call.contains("inputs") &&
           call["inputs"].contains("image");
}

}  // namespace vitrine
