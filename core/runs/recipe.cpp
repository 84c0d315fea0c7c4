#include "core/runs/recipe.h"

#include "core/base/check.h"
#include "core/base/json_schema.h"
#include "core/base/nearest.h"

namespace vitrine {

void JobKinds::add(JobKind kind) {
    VITRINE_CHECK(!kinds_.contains(kind.name), "job kind registered twice: " + kind.name);
    const std::string name = kind.name;
    kinds_.emplace(name, std::move(kind));
}

std::vector<std::string> JobKinds::names() const {
    std::vector<std::string> out;
    for (const auto& entry : kinds_)
        out.push_back(entry.first);
    return out;
}

Result<const JobKind*> JobKinds::find(const std::string& name) const {
    const auto found = kinds_.find(name);
    if (found != kinds_.end())
        return &found->second;
    const auto known = names();
    const auto nearest = nearestName(name, known);
    return fail(ErrorCode::UnknownFamily, fmt::format("there is no job kind \"{}\"", name), "$.kind",
                nearest ? fmt::format("Did you mean \"{}\"?", *nearest)
                        : fmt::format("Known here: {}", fmt::join(known, ", ")));
}

Json recipeSchema(const JobKind& kind) {
    const Json open{{"type", "object"}, {"additionalProperties", true}, {"default", Json::object()}};
    Json settings = kind.settingsSchema;
    if (!settings.contains("default") && !settings.contains("required"))
        settings["default"] = Json::object();
    Json properties{
        {"kind", {{"type", "string"}, {"const", kind.name}, {"title", "Kind"}}},
        {"name", {{"type", "string"}, {"default", kind.name}, {"minLength", 1}, {"title", "Name"}}},
        {"seed", {{"type", "integer"}, {"minimum", 0}, {"default", 0}, {"title", "Seed"}}},
        {"device",
         {{"type", "string"},
          {"default", "cpu"},
          {"pattern", "^(cpu|cuda(:[0-9]+)?)$"},
          {"title", "Device"}}},
        {"inputs", open},
        {"models", open},
        {"settings", std::move(settings)},
        {"tags",
         {{"type", "array"}, {"items", {{"type", "string"}, {"minLength", 1}}}, {"default", Json::array()}}},
        {"notes", {{"type", "string"}, {"default", ""}}}};
    Json required = Json::array({"kind"});
    if (kind.settingsSchema.contains("required") && !kind.settingsSchema["required"].empty())
        required.push_back("settings");
    Json schema{{"type", "object"}, {"properties", std::move(properties)}, {"required", std::move(required)}};
    if (kind.settingsSchema.contains("$defs"))
        schema["$defs"] = kind.settingsSchema["$defs"];  // references are looked up from the root
    return schema;
}

Result<Json> completeRecipe(const Json& recipe, const JobKinds& kinds, const std::string& where) {
    if (!recipe.is_object())
        return fail(ErrorCode::InvalidArgument, "a recipe must be a JSON object", where);
    if (!recipe.contains("kind") || !recipe["kind"].is_string()) {
        std::vector<std::string> keys;
        for (const auto& entry : recipe.items())
            keys.push_back(entry.key());
        const auto nearest = nearestName("kind", keys);
        return fail(ErrorCode::InvalidArgument, "$: the key \"kind\" is missing or not a string", where,
                    nearest && *nearest != "kind"
                        ? fmt::format("\"{}\" should be \"kind\"", *nearest)
                        : fmt::format("One of: {}", fmt::join(kinds.names(), ", ")));
    }
    const auto kind = kinds.find(recipe["kind"]);
    if (!kind)
        return fail(kind.error().in(where));
    const Json schema = recipeSchema(**kind);
    VITRINE_TRY_VOID(checkJson(recipe, schema, where));
    return withDefaults(recipe, schema);
}

Result<void> applySets(Json& value, const std::vector<std::string>& sets) {
    for (const std::string& set : sets) {
        const size_t equals = set.find('=');
        if (equals == std::string::npos || equals == 0)
            return fail(ErrorCode::InvalidArgument, fmt::format("cannot read --set {}", set), {},
                        "Write it like --set settings.steps=100");
        VITRINE_TRY_VOID(setAtPath(value, std::string_view(set).substr(0, equals),
                                   std::string_view(set).substr(equals + 1)));
    }
    return {};
}

Result<Json> loadRecipe(const std::filesystem::path& path, const std::vector<std::string>& sets,
                        const JobKinds& kinds) {
    VITRINE_TRY(Json recipe, readJsonFile(path, 16 << 20));
    VITRINE_TRY_VOID(applySets(recipe, sets));
    return completeRecipe(recipe, kinds, path.string());
}

}  // namespace vitrine
