#include "core/base/json_schema.h"

#include "core/base/nearest.h"

#include <cmath>
#include <regex>

namespace vitrine {
namespace {

const char* typeName(const Json& value) {
    switch (value.type()) {
        case Json::value_t::object:
            return "an object";
        case Json::value_t::array:
            return "a list";
        case Json::value_t::string:
            return "a string";
        case Json::value_t::boolean:
            return "true/false";
        case Json::value_t::null:
            return "null";
        case Json::value_t::number_integer:
        case Json::value_t::number_unsigned:
            return "a whole number";
        case Json::value_t::number_float:
            return "a number";
        default:
            return "something else";
    }
}

bool hasType(const Json& value, const std::string& type) {
    if (type == "object")
        return value.is_object();
    if (type == "array")
        return value.is_array();
    if (type == "string")
        return value.is_string();
    if (type == "boolean")
        return value.is_boolean();
    if (type == "null")
        return value.is_null();
    if (type == "integer")
        return value.is_number_integer() ||
               (value.is_number_float() && std::floor(value.get<double>()) == value.get<double>());
    return type == "number" && value.is_number();
}

std::string listText(const Json& values) {
    std::string out;
    for (const Json& value : values)
        out += (out.empty() ? "" : ", ") + value.dump();
    return out;
}

std::string shortened(const Json& value) {
    std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    return text.size() > 60 ? text.substr(0, 57) + "..." : text;
}

class Validator {
  public:
    explicit Validator(const Json& root) : root_(root) {}

    void check(const Json& value, const Json& schemaOrReference, const std::string& path) {
        const Json& schema = resolve(schemaOrReference);
        if (schema.contains("anyOf") && !checkAnyOf(value, schema["anyOf"], path))
            return;
        if (!checkType(value, schema, path))
            return;
        checkChoices(value, schema, path);
        if (value.is_object())
            checkObject(value, schema, path);
        if (value.is_array())
            checkArray(value, schema, path);
        if (value.is_number())
            checkNumber(value, schema, path);
        if (value.is_string())
            checkString(value, schema, path);
    }

    std::vector<SchemaProblem> problems;

  private:
    const Json& resolve(const Json& schema) const {
        if (!schema.is_object() || !schema.contains("$ref"))
            return schema;
        const std::string reference = schema["$ref"];
        return root_.at(Json::json_pointer(reference.substr(1)));
    }

    void add(const std::string& path, std::string message, std::string hint = {}) {
        problems.push_back({path, std::move(message), std::move(hint)});
    }

    bool checkAnyOf(const Json& value, const Json& choices, const std::string& path) {
        std::vector<SchemaProblem> fewest;
        for (const Json& choice : choices) {
            Validator attempt(root_);
            attempt.check(value, choice, path);
            if (attempt.problems.empty())
                return true;
            if (fewest.empty() || attempt.problems.size() < fewest.size())
                fewest = attempt.problems;
        }
        problems.insert(problems.end(), fewest.begin(), fewest.end());
        return false;
    }

    bool checkType(const Json& value, const Json& schema, const std::string& path) {
        if (!schema.contains("type"))
            return true;
        const Json types = schema["type"].is_array() ? schema["type"] : Json::array({schema["type"]});
        std::string expected;
        for (const Json& type : types) {
            if (hasType(value, type))
                return true;
            expected += (expected.empty() ? "" : " or ") + type.get<std::string>();
        }
        add(path, fmt::format("expected {}, found {} ({})", expected, typeName(value), shortened(value)));
        return false;
    }

    void checkChoices(const Json& value, const Json& schema, const std::string& path) {
        if (schema.contains("const") && value != schema["const"])
            add(path, fmt::format("must be {}, found {}", schema["const"].dump(), shortened(value)));
        if (!schema.contains("enum"))
            return;
        const Json& choices = schema["enum"];
        if (std::find(choices.begin(), choices.end(), value) != choices.end())
            return;
        std::vector<std::string> names;
        for (const Json& choice : choices)
            if (choice.is_string())
                names.push_back(choice);
        std::string hint;
        if (value.is_string())
            if (const auto nearest = nearestName(value.get<std::string>(), names))
                hint = fmt::format("Did you mean \"{}\"?", *nearest);
        add(path, fmt::format("must be one of {}; found {}", listText(choices), shortened(value)), hint);
    }

    void checkObject(const Json& value, const Json& schema, const std::string& path) {
        static const Json kNone = Json::object();
        const Json& properties = schema.contains("properties") ? schema["properties"] : kNone;
        for (const auto& [key, item] : value.items()) {
            const std::string itemPath = path + "." + key;
            if (properties.contains(key)) {
                check(item, properties[key], itemPath);
            } else if (schema.contains("additionalProperties") &&
                       schema["additionalProperties"].is_object()) {
                check(item, schema["additionalProperties"], itemPath);
            } else if (!schema.contains("additionalProperties") ? schema.contains("properties")
                                                                : schema["additionalProperties"] == false) {
                reportUnknownKey(key, properties, itemPath);
            }
        }
        if (schema.contains("required"))
            for (const Json& key : schema["required"])
                if (!value.contains(key.get<std::string>()))
                    add(path, fmt::format("the key \"{}\" is missing", key.get<std::string>()));
    }

    void reportUnknownKey(const std::string& key, const Json& properties, const std::string& path) {
        std::vector<std::string> names;
        for (const auto& entry : properties.items())
            names.push_back(entry.key());
        std::string hint;
        if (const auto nearest = nearestName(key, names))
            hint = fmt::format("Did you mean \"{}\"?", *nearest);
        else if (!names.empty())
            hint = fmt::format("Known here: {}", fmt::join(names, ", "));
        add(path, fmt::format("unknown key \"{}\"", key), hint);
    }

    void checkArray(const Json& value, const Json& schema, const std::string& path) {
        if (schema.contains("minItems") && value.size() < schema["minItems"].get<size_t>())
            add(path, fmt::format("needs at least {} entries, found {}", schema["minItems"].get<size_t>(),
                                  value.size()));
        if (schema.contains("maxItems") && value.size() > schema["maxItems"].get<size_t>())
            add(path, fmt::format("takes at most {} entries, found {}", schema["maxItems"].get<size_t>(),
                                  value.size()));
        if (schema.contains("items"))
            for (size_t i = 0; i < value.size(); ++i)
                check(value[i], schema["items"], fmt::format("{}[{}]", path, i));
    }

    void checkNumber(const Json& value, const Json& schema, const std::string& path) {
        const double number = value;
        const auto limit = [&](const char* key, bool ok, const char* words) {
            if (!ok)
                add(path, fmt::format("must be {} {}, found {}", words, schema[key].dump(), value.dump()));
        };
        if (schema.contains("minimum"))
            limit("minimum", number >= schema["minimum"].get<double>(), "at least");
        if (schema.contains("maximum"))
            limit("maximum", number <= schema["maximum"].get<double>(), "at most");
        if (schema.contains("exclusiveMinimum"))
            limit("exclusiveMinimum", number > schema["exclusiveMinimum"].get<double>(), "more than");
        if (schema.contains("exclusiveMaximum"))
            limit("exclusiveMaximum", number < schema["exclusiveMaximum"].get<double>(), "less than");
    }

    void checkString(const Json& value, const Json& schema, const std::string& path) {
        const std::string text = value;
        if (schema.contains("minLength") && text.size() < schema["minLength"].get<size_t>())
            add(path, text.empty() ? "must not be empty" : "is too short");
        if (schema.contains("pattern") &&
            !std::regex_search(text, std::regex(schema["pattern"].get<std::string>())))
            add(path, fmt::format("does not match {}: found {}", schema["pattern"].dump(), shortened(value)));
    }

    const Json& root_;
};

const Json& resolveIn(const Json& root, const Json& schema) {
    if (!schema.is_object() || !schema.contains("$ref"))
        return schema;
    return root.at(Json::json_pointer(schema["$ref"].get<std::string>().substr(1)));
}

Json fillDefaults(Json value, const Json& root, const Json& schemaOrReference) {
    const Json& schema = resolveIn(root, schemaOrReference);
    if (value.is_object() && schema.contains("properties")) {
        for (const auto& [key, property] : schema["properties"].items()) {
            const Json& resolved = resolveIn(root, property);
            if (value.contains(key))
                value[key] = fillDefaults(value[key], root, property);
            else if (resolved.contains("default"))
                value[key] = fillDefaults(resolved["default"], root, property);
        }
    }
    if (value.is_array() && schema.contains("items"))
        for (Json& item : value)
            item = fillDefaults(item, root, schema["items"]);
    return value;
}

}  // namespace

std::vector<SchemaProblem> validateJson(const Json& value, const Json& schema) {
    Validator validator(schema);
    validator.check(value, schema, "$");
    return std::move(validator.problems);
}

Result<void> checkJson(const Json& value, const Json& schema, std::string_view where) {
    const std::vector<SchemaProblem> problems = validateJson(value, schema);
    if (problems.empty())
        return {};
    std::string message;
    for (size_t i = 0; i < std::min<size_t>(5, problems.size()); ++i) {
        const SchemaProblem& problem = problems[i];
        message += fmt::format("{}{}: {}", i ? "; " : "", problem.path, problem.message);
        if (!problem.hint.empty())
            message += fmt::format(" ({})", problem.hint);
    }
    if (problems.size() > 5)
        message += fmt::format("; and {} more", problems.size() - 5);
    return fail(ErrorCode::InvalidArgument, std::move(message), std::string(where));
}

Json withDefaults(Json value, const Json& schema) {
    return fillDefaults(std::move(value), schema, schema);
}

Result<void> setAtPath(Json& value, std::string_view dottedPath, std::string_view text) {
    static const std::regex kStep(R"(^\.?([^.\[\]]+)|^\[(\d+)\])");
    const auto badPath = [&](std::string why) {
        return fail(ErrorCode::InvalidArgument, std::move(why), std::string(dottedPath),
                    "Write it like settings.layers[0]=3");
    };
    std::string rest(dottedPath);
    Json* target = &value;
    if (rest.empty())
        return badPath("the path is empty");
    while (!rest.empty()) {
        std::smatch match;
        if (!std::regex_search(rest, match, kStep))
            return badPath(fmt::format("cannot read \"{}\"", rest));
        if (match[1].matched) {
            if (target->is_null())
                *target = Json::object();
            if (!target->is_object())
                return badPath(
                    fmt::format("\"{}\" is inside {}, not an object", match[1].str(), typeName(*target)));
            target = &(*target)[match[1].str()];
        } else {
            if (target->is_null())
                *target = Json::array();
            const size_t index = std::stoul(match[2].str());
            if (!target->is_array() || index > target->size())
                return badPath(fmt::format("there is no entry {}", index));
            if (index == target->size())
                target->push_back(nullptr);
            target = &(*target)[index];
        }
        rest = match.suffix();
    }
    Json parsed = Json::parse(text, nullptr, false);
    *target = parsed.is_discarded() ? Json(std::string(text)) : std::move(parsed);
    return {};
}

}  // namespace vitrine
