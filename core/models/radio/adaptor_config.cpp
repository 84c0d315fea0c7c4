// Reading adaptor descriptions: from `adaptor_configs`, or from names and shapes alone (torch-hub files).
#include "core/models/radio/adaptor.h"
#include "core/models/radio/radio_json.h"

#include <algorithm>
#include <set>

namespace vitrine {
namespace {

using radio::objectField;
using radio::optionalField;

int64_t storedDimension(const TensorSource& source, const std::string& name, size_t index) {
    const TensorInfo* info = source.find(name);
    if (!info && name.ends_with(".weight"))
        info = source.find(name.substr(0, name.size() - 7) + ".parametrizations.weight.original");
    return info && info->shape.size() > index ? info->shape[index] : 0;
}

int64_t countInner(const TensorSource& source, const std::string& format, int64_t step, int64_t offset) {
    int64_t count = 0;
    while (count < 1000 &&
           storedDimension(source, fmt::format(fmt::runtime(format), step * count + offset), 0) > 0)
        ++count;
    return count;
}

// What the stored tensors say about the head below `prefix`; nothing if there is none.
std::optional<RadioHeadConfig> headFromShapes(const TensorSource& source, const std::string& prefix) {
    const auto size = [&](const std::string& name, size_t index) {
        return storedDimension(source, prefix + name, index);
    };
    RadioHeadConfig head;
    std::string mlp;
    if (size("mlp.fc1.weight", 0) > 0 && size("blocks.0.attn.qkv.weight", 0) > 0) {
        head.kind = RadioHeadConfig::Kind::Attention;
        mlp = "mlp.";
        head.block.width = size("blocks.0.attn.qkv.weight", 1);
        head.block.headCount = 16;
        head.block.hidden = size("blocks.0.mlp.fc1.weight", 0);
        head.block.epsilon = 1e-5;
        head.block.qkvBias = size("blocks.0.attn.qkv.bias", 0) > 0;
        for (const char* parameter : {"gamma", "grandma"})
            if (size(fmt::format("blocks.0.ls1.{}", parameter), 0) > 0) {
                head.block.layerScale1 = "ls1";
                head.block.layerScale2 = "ls2";
                head.block.layerScaleParameter = parameter;
            }
    } else if (size("fc2.weight", 0) > 0) {
        head.kind = RadioHeadConfig::Kind::Mlp1;
    } else if (size("fc1.weight", 0) == 0) {
        return std::nullopt;
    }
    head.input = size(mlp + "fc1.weight", 1);
    head.hidden = size(mlp + "fc1.weight", 0);
    head.preNorm = size(mlp + "pre_norm.0.weight", 0) > 0;
    const bool first = head.kind == RadioHeadConfig::Kind::Mlp1;
    head.output = size(first ? "fc2.weight" : mlp + "final.2.weight", 0);
    head.inner = first ? countInner(source, prefix + "inner.{}.weight", 3, 0)
                 : head.kind == RadioHeadConfig::Kind::Mlp2
                     ? countInner(source, prefix + "blocks.{}.2.weight", 1, 0)
                     : 0;
    return head;
}

// The configuration's numbers take precedence: a contradiction then names the tensor when loading.
Result<void> applyConfig(RadioHeadConfig& head, const Json& json, const std::string& where) {
    VITRINE_TRY(const auto input, optionalField<int64_t>(json, "input_dim", where));
    VITRINE_TRY(const auto hidden, optionalField<int64_t>(json, "hidden_dim", where));
    VITRINE_TRY(const auto output, optionalField<int64_t>(json, "output_dim", where));
    VITRINE_TRY(const auto inner, optionalField<int64_t>(json, "num_inner", where));
    VITRINE_TRY(const auto upsample, optionalField<int64_t>(json, "upsample_factor", where));
    head.input = input.value_or(head.input);
    head.hidden = hidden.value_or(head.hidden);
    head.output = output.value_or(head.output);
    if (head.kind != RadioHeadConfig::Kind::Attention)
        head.inner = inner.value_or(head.inner);
    head.upsample = upsample.value_or(head.upsample);
    constexpr int64_t kMaxWidth = 1 << 20;
    for (const int64_t size : {head.input, head.hidden, head.output})
        if (size < 1 || size > kMaxWidth)
            return fail(ErrorCode::InvalidFile, fmt::format("a layer of width {}", size), where);
    if (head.inner < 0 || head.inner > 1000 || head.upsample < 1 || head.upsample > 64 ||
        head.output % (head.upsample * head.upsample) != 0)
        return fail(ErrorCode::InvalidFile,
                    fmt::format("{} channels cannot be spread over {}x{} positions", head.output,
                                head.upsample, head.upsample),
                    where);
    return {};
}

// Teachers in the order of their first entry: their index names heads in torch-hub files.
std::vector<Json> uniqueTeachers(const Json& config) {
    std::vector<Json> unique;
    std::set<std::string> seen;
    const Json& args = objectField(config, "args");
    if (args.contains("teachers") && args.at("teachers").is_array())
        for (const Json& teacher : args.at("teachers"))
            if (teacher.is_object() && teacher.contains("name") && teacher.at("name").is_string() &&
                seen.insert(teacher.at("name").get<std::string>()).second)
                unique.push_back(teacher);
    return unique;
}

struct StoredHeads {
    std::string summary, features;  // prefixes
};

StoredHeads storedHeads(const TensorSource& source, const RadioLayout& layout, const std::string& name,
                        std::optional<size_t> teacherIndex) {
    if (!layout.hub)
        return {fmt::format("{}adaptors.{}.head_mlp.", layout.root, name),
                fmt::format("{}adaptors.{}.feat_mlp.", layout.root, name)};
    StoredHeads heads{fmt::format("{}_heads.{}.", layout.root, name),
                      fmt::format("{}_feature_projections.{}.", layout.root, name)};
    if (teacherIndex && !headFromShapes(source, heads.summary) && !headFromShapes(source, heads.features))
        heads = {fmt::format("{}_heads.{}.", layout.root, *teacherIndex),
                 fmt::format("{}_feature_projections.{}.", layout.root, *teacherIndex)};
    return heads;
}

// Names of adaptors that have tensors, in natural order; for torch-hub files the teachers' names.
std::vector<std::string> namesOfStoredAdaptors(const TensorSource& source, const RadioLayout& layout,
                                               const std::vector<Json>& teachers) {
    std::vector<std::string> names;
    if (layout.hub) {
        for (size_t i = 0; i < teachers.size(); ++i) {
            const std::string name = teachers[i].at("name").get<std::string>();
            const StoredHeads heads = storedHeads(source, layout, name, i);
            if (headFromShapes(source, heads.summary) || headFromShapes(source, heads.features))
                names.push_back(name);
        }
        return names;
    }
    const std::string prefix = layout.root + "adaptors.";
    for (const TensorInfo& info : source.tensors())
        if (info.name.rfind(prefix, 0) == 0) {
            const std::string name =
                info.name.substr(prefix.size(), info.name.find('.', prefix.size()) - prefix.size());
            if (std::find(names.begin(), names.end(), name) == names.end())
                names.push_back(name);
        }
    return names;
}

}  // namespace

Result<std::vector<RadioAdaptorConfig>> readAdaptors(const Json& config, const TensorSource& source,
                                                     const RadioLayout& layout, const RadioConfig& model) {
    const std::vector<Json> teachers = uniqueTeachers(config);
    const Json& described = objectField(config, "adaptor_configs");
    std::vector<RadioAdaptorConfig> adaptors;
    for (const std::string& name : namesOfStoredAdaptors(source, layout, teachers)) {
        RadioAdaptorConfig adaptor;
        adaptor.name = name;
        const std::string where = "config.json/adaptor_configs/" + name;
        const Json& own = objectField(described, name);
        std::optional<size_t> index;
        for (size_t i = 0; i < teachers.size(); ++i)
            if (teachers[i].at("name") == name)
                index = i;
        const Json teacher = index ? teachers[*index] : Json::object();
        VITRINE_TRY(const auto headIndex, optionalField<int64_t>(own, "head_idx", where));
        VITRINE_TRY(const auto slot,
                    optionalField<int64_t>(teacher, "token_slot", "config.json/args/teachers"));
        VITRINE_TRY(const auto upsample,
                    optionalField<int64_t>(teacher, "fd_upsample_factor", "config.json/args/teachers"));
        adaptor.headIndex = model.classTokens == 1 || model.inner
                                ? 0
                                : headIndex.value_or(slot.value_or(int64_t(index.value_or(0))));
        if (adaptor.headIndex < 0 || adaptor.headIndex >= model.classTokens)
            return fail(ErrorCode::InvalidFile,
                        fmt::format("class token {} of {}", adaptor.headIndex, model.classTokens), where);
        const StoredHeads stored = storedHeads(source, layout, name, index);
        adaptor.summary = headFromShapes(source, stored.summary);
        adaptor.features = headFromShapes(source, stored.features);
        if (adaptor.summary) {
            adaptor.summary->storedName = layout.hub ? stored.summary : "";
            VITRINE_TRY_VOID(applyConfig(*adaptor.summary, objectField(own, "summary"), where + "/summary"));
        }
        if (adaptor.features) {
            adaptor.features->storedName = layout.hub ? stored.features : "";
            adaptor.features->upsample = upsample.value_or(1);
            VITRINE_TRY_VOID(applyConfig(*adaptor.features, objectField(own, "feature"), where + "/feature"));
        }
        adaptors.push_back(std::move(adaptor));
    }
    return adaptors;
}

}  // namespace vitrine
