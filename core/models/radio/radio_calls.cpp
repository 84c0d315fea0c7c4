// The computations of reference folders (meta.json, "calls").
#include "core/models/radio/radio_json.h"
#include "core/models/radio/radio_model.h"
#include "core/nn/functional.h"

#include <charconv>
#include <set>

namespace vitrine {
namespace {

using radio::optionalField;

Failure unknownOutput(const ModelCall& call, const std::string& name) {
    return fail(ErrorCode::Unsupported, fmt::format("the model does not compute \"{}\"", name), call.id);
}

Result<at::Tensor> inputOf(const ModelCall& call, const std::string& name) {
    const auto it = call.inputs.find(name);
    if (it == call.inputs.end())
        return fail(ErrorCode::Unsupported, fmt::format("the call has no input \"{}\"", name), call.id);
    return it->second;
}

std::optional<int64_t> wholeNumber(std::string_view text) {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

// "pos_64x112" -> (64, 112) pixels.
std::optional<std::pair<int64_t, int64_t>> positionSize(const std::string& name) {
    const size_t cross = name.find('x');
    if (name.rfind("pos_", 0) != 0 || cross == std::string::npos)
        return std::nullopt;
    const auto height = wholeNumber(std::string_view(name).substr(4, cross - 4));
    const auto width = wholeNumber(std::string_view(name).substr(cross + 1));
    return height && width ? std::optional(std::pair(*height, *width)) : std::nullopt;
}

// Number of dimensions that the folder's description states for an output; 0 if it does not say.
size_t describedRank(const ModelCall& call, const std::string& output) {
    const Json& tensors = radio::objectField(call.meta, "tensors");
    const Json& entry = radio::objectField(tensors, call.id + "." + output);
    return entry.contains("shape") && entry.at("shape").is_array() ? entry.at("shape").size() : 0;
}

Result<RadioWindowing> windowingOf(const ModelCall& call, RadioWindowing configured) {
    const std::string where = call.id + ".arguments";
    VITRINE_TRY(const auto size, optionalField<int64_t>(call.arguments, "vitdet_window_size", where));
    VITRINE_TRY(const auto windowed, optionalField<int64_t>(call.arguments, "num_windowed", where));
    VITRINE_TRY(const auto global, optionalField<int64_t>(call.arguments, "num_global", where));
    configured.windowSize = size.value_or(configured.windowSize);
    if (windowed || global) {
        configured.numWindowed = windowed;
        configured.numGlobal = global;
    }
    return configured;
}

}  // namespace

Result<TensorMap> RadioModel::runCall(const ModelCall& call) const {
    const at::NoGradGuard noGrad;
    if (call.inputs.contains("u_scale"))
        return runTrainingPositions(call);
    if (call.inputs.contains("image_grid_hw"))
        return runPackedCall(call);
    if (call.arguments.contains("indices"))
        return runIntermediates(call);
    return runForward(call);
}

at::Tensor RadioModel::referenceFeatures(const at::Tensor& tokens) const {
    // The reference of the DINOv2-style student cuts one class token and four registers, whatever the patch
    // generator put in front; in the published checkpoint both agree.
    constexpr int64_t kStudentPrefix = 5;
    const int64_t skip = module_->config().inner ? kStudentPrefix : info_.prefixTokenCount;
    return module_->normalizeFeatures(tokens.narrow(1, skip, tokens.size(1) - skip));
}

Result<TensorMap> RadioModel::runForward(const ModelCall& call) const {
    VITRINE_TRY(const at::Tensor pixels, inputOf(call, "pixel_values"));
    VITRINE_TRY(const RadioWindowing windowing, windowingOf(call, module_->config().windowing));
    VITRINE_TRY(RadioPass pass, preparePass(pixels, windowing));
    std::map<int64_t, at::Tensor> states;
    states[0] = module_->patchGenerator().forward(module_->condition(pixels));
    pass.afterBlock = [&](int64_t block, const at::Tensor& tokens) {
        states[block + 1] = tokens;
        return true;
    };
    const at::Tensor tokens = module_->runBlocks(states[0], pass);
    const at::Tensor features = referenceFeatures(tokens);

    TensorMap results;
    for (const std::string& output : call.outputs) {
        const size_t dot = output.rfind('.');
        const std::string owner = dot == std::string::npos ? "" : output.substr(0, dot);
        const std::string what = output.substr(dot == std::string::npos ? 0 : dot + 1);
        const Adaptor* adaptor = module_->adaptor(owner);
        const bool backbone = owner.empty() || owner == "backbone";
        const auto state = states.find(owner == "hidden_states" ? wholeNumber(what).value_or(-1) : -1);
        const auto size = positionSize(output);
        if (what == "summary" && (backbone || adaptor))
            results[output] = backbone ? module_->summaryOf(tokens)
                                       : adaptor->summary(module_->classTokenFor(tokens, *adaptor));
        else if (what == "features" && (backbone || adaptor))
            results[output] =
                backbone ? features : adaptor->features(features, pass.gridHeight, pass.gridWidth);
        else if (state != states.end())
            results[output] = state->second;
        else if (output == "tokens")
            results[output] = states[0];
        else if (size)
            results[output] = module_->patchGenerator().positions(size->first / info_.patchSize,
                                                                  size->second / info_.patchSize);
        else
            return unknownOutput(call, output);
    }
    return results;
}

Result<TensorMap> RadioModel::runIntermediates(const ModelCall& call) const {
    VITRINE_TRY(const at::Tensor pixels, inputOf(call, "pixel_values"));
    VITRINE_TRY(const RadioPass pass, preparePass(pixels, module_->config().windowing));
    IntermediatesRequest request;
    VITRINE_TRY(request.indices,
                jsonValue<std::vector<int64_t>>(call.arguments, "indices", call.id + ".arguments"));
    for (const int64_t index : request.indices)
        if (index < -info_.layerCount || index >= info_.layerCount)
            return fail(ErrorCode::InvalidArgument, fmt::format("there is no block {}", index), call.id);
    const at::Tensor embedded = module_->patchGenerator().forward(module_->condition(pixels));

    const std::map<std::string, LayerAggregation> aggregations = {{"sparse", LayerAggregation::Sparse},
                                                                  {"dense", LayerAggregation::Dense}};
    const std::map<std::string, NormAlphaScheme> schemes = {{"none", NormAlphaScheme::None},
                                                            {"pre-alpha", NormAlphaScheme::PreAlpha},
                                                            {"post-alpha", NormAlphaScheme::PostAlpha}};
    std::map<std::string, std::vector<at::Tensor>> computed;
    TensorMap results;
    for (const std::string& output : call.outputs) {
        // <aggregation>[.<scheme>].<n>.<summary|features>
        const size_t last = output.rfind('.');
        const size_t number = last == std::string::npos ? last : output.rfind('.', last - 1);
        if (number == std::string::npos)
            return unknownOutput(call, output);
        const std::string kind = output.substr(0, number), what = output.substr(last + 1);
        const auto n = wholeNumber(std::string_view(output).substr(number + 1, last - number - 1));
        const size_t dot = kind.find('.');
        const std::string scheme = dot == std::string::npos ? "post-alpha" : kind.substr(dot + 1);
        if (!n || !aggregations.contains(kind.substr(0, dot)) || !schemes.contains(scheme))
            return unknownOutput(call, output);
        if (!computed.contains(kind)) {
            request.aggregation = aggregations.at(kind.substr(0, dot));
            request.scheme = schemes.at(scheme);
            computed[kind] = module_->intermediates(embedded, request, pass);
        }
        if (*n < 0 || *n >= int64_t(computed[kind].size()))
            return unknownOutput(call, output);
        const at::Tensor& tokens = computed[kind][size_t(*n)];
        const at::Tensor patches = patchTokens(tokens, pass.gridHeight * pass.gridWidth);
        if (what == "summary")
            results[output] = module_->summaryOf(tokens);
        else if (what == "features")
            results[output] = describedRank(call, output) == 4
                                  ? nn::mapFromTokens(patches, pass.gridHeight, pass.gridWidth)
                                  : patches;
        else
            return unknownOutput(call, output);
    }
    return results;
}

Result<TensorMap> RadioModel::runPackedCall(const ModelCall& call) const {
    VITRINE_TRY(const at::Tensor patches, inputOf(call, "pixel_values"));
    VITRINE_TRY(const at::Tensor grid, inputOf(call, "image_grid_hw"));
    if (grid.dim() != 2 || grid.size(1) != 2)
        return fail(ErrorCode::InvalidArgument, "expected one (height, width) per picture", "image_grid_hw");
    const at::Tensor sizes = grid.to(at::kCPU, at::kLong).contiguous();
    std::vector<std::pair<int64_t, int64_t>> grids;
    for (int64_t i = 0; i < sizes.size(0); ++i)
        grids.emplace_back(sizes[i][0].item<int64_t>(), sizes[i][1].item<int64_t>());
    VITRINE_TRY(const Packed packed, encodePacked(patches, grids));
    TensorMap results;
    for (const std::string& output : call.outputs) {
        if (output != "summary" && output != "features")
            return unknownOutput(call, output);
        results[output] = output == "summary" ? packed.summary : packed.features;
    }
    return results;
}

Result<TensorMap> RadioModel::runTrainingPositions(const ModelCall& call) const {
    PositionDraws draws;
    VITRINE_TRY(draws.scale, inputOf(call, "u_scale"));
    VITRINE_TRY(draws.aspect, inputOf(call, "u_aspect"));
    VITRINE_TRY(draws.position, inputOf(call, "u_pos"));
    VITRINE_TRY(const auto grid,
                jsonValue<std::vector<int64_t>>(call.arguments, "grid", call.id + ".arguments"));
    if (grid.size() != 2 || grid[0] < 1 || grid[1] < 1 || module_->config().gridSide < 1)
        return fail(ErrorCode::InvalidArgument, "expected a grid [rows, columns]", call.id);
    TensorMap results;
    for (const std::string& output : call.outputs) {
        if (output != "pos_embed")
            return unknownOutput(call, output);
        results[output] = module_->patchGenerator().trainingPositions(grid[0], grid[1], draws);
    }
    return results;
}

}  // namespace vitrine
