#include "widgets/forms/form_field.h"

#include "core/base/json_schema.h"

#include <QRegularExpression>
#include <algorithm>

namespace vitrine {
namespace {

QString text(const Json& value) {
    return QString::fromStdString(value.is_string() ? value.get<std::string>() : value.dump());
}

// "at least 1, less than 64"
QString rangeText(const Json& schema) {
    QStringList parts;
    const std::pair<const char*, const char*> limits[] = {{"minimum", "at least %1"},
                                                          {"exclusiveMinimum", "more than %1"},
                                                          {"maximum", "at most %1"},
                                                          {"exclusiveMaximum", "less than %1"}};
    for (const auto& [key, words] : limits)
        if (schema.contains(key))
            parts.append(QString::fromLatin1(words).arg(text(schema[key])));
    return parts.join(", ");
}

Json numberOrText(const QString& piece) {
    bool whole = false, real = false;
    const qlonglong integer = piece.toLongLong(&whole);
    if (whole)
        return int64_t(integer);
    const double number = piece.toDouble(&real);
    return real ? Json(number) : Json(piece.toStdString());
}

Json emptyOf(const Json& schema) {
    switch (fieldKindOf(schema)) {
        case FieldKind::Flag:
            return false;
        case FieldKind::Choice:
            return schema["enum"].empty() ? Json("") : schema["enum"][0];
        case FieldKind::Number:
        case FieldKind::Integer:
            return schema.value("minimum", Json(0));
        case FieldKind::Text:
            return schema.value("const", Json(""));
        case FieldKind::Object:
            return completeForForm(Json::object(), schema);
        default:
            return Json::array();
    }
}

}  // namespace

FieldKind fieldKindOf(const Json& schema) {
    if (schema.contains("enum"))
        return FieldKind::Choice;
    const Json types = schema.value("type", Json("object"));
    const std::string type = types.is_array() ? types.at(0).get<std::string>() : types.get<std::string>();
    if (type == "boolean")
        return FieldKind::Flag;
    if (type == "number")
        return FieldKind::Number;
    if (type == "integer")
        return FieldKind::Integer;
    if (type == "string")
        return FieldKind::Text;
    if (type == "object")
        return FieldKind::Object;
    const FieldKind item = schema.contains("items") ? fieldKindOf(schema["items"]) : FieldKind::Text;
    return item == FieldKind::Object                                 ? FieldKind::ObjectList
           : item == FieldKind::Number || item == FieldKind::Integer ? FieldKind::NumberList
                                                                     : FieldKind::TextList;
}

QString fieldTitle(const std::string& key, const Json& schema) {
    if (schema.contains("title"))
        return text(schema["title"]);
    return QString::fromStdString(key).replace('_', ' ');
}

QString fieldTip(const std::string& key, const Json& schema) {
    QStringList lines;
    if (schema.contains("description"))
        lines.append(text(schema["description"]));
    QStringList facts{QString::fromStdString(key)};
    if (schema.contains("unit"))
        facts.append(text(schema["unit"]));
    if (const QString range = rangeText(schema); !range.isEmpty())
        facts.append(range);
    if (schema.contains("default") && !schema["default"].is_object())
        facts.append(QStringLiteral("default %1")
                         .arg(fieldText(schema["default"]).isEmpty() ? QStringLiteral("empty")
                                                                     : fieldText(schema["default"])));
    lines.append(facts.join(QStringLiteral(" · ")));
    return lines.join('\n');
}

QString fieldText(const Json& value) {
    if (!value.is_array())
        return text(value);
    QStringList parts;
    for (const Json& each : value)
        parts.append(text(each));
    return parts.join(QStringLiteral(", "));
}

const Json* schemaAtPath(const Json& schema, const std::string& path) {
    const Json* at = &schema;
    for (std::string rest = path; at && !rest.empty();) {
        const size_t end = rest.find_first_of(".[");
        const std::string key = rest.substr(0, end);
        if (!key.empty()) {
            const auto properties = at->find("properties");
            const bool known = properties != at->end() && properties->contains(key);
            at = known ? &(*properties)[key] : nullptr;
        }
        if (end == std::string::npos)
            break;
        if (rest[end] == '.') {
            rest = rest.substr(end + 1);
            continue;
        }
        if (at)
            at = at->contains("items") ? &(*at)["items"] : nullptr;
        const size_t close = rest.find(']', end);
        rest = close == std::string::npos ? std::string() : rest.substr(close + 1);
    }
    return at;
}

QString reasonNotUsed(const Json& wholeSchema, const Json& whole, const std::string& path) {
    const Json* schema = schemaAtPath(wholeSchema, path);
    if (!schema || !schema->contains("only_for"))
        return {};
    const size_t dot = path.rfind('.');
    const std::string parent = dot == std::string::npos ? std::string() : path.substr(0, dot + 1);
    QStringList nearest;  // what stands against the alternative that most of holds
    int most = -1;
    for (const Json& alternative : (*schema)["only_for"]) {
        QStringList against;
        int held = 0;
        for (const auto& [condition, values] : alternative.items()) {
            const auto pointer = pointerOfPath(parent + condition);
            if (!whole.contains(pointer))
                continue;
            const Json& now = whole.at(pointer);
            if (std::find(values.begin(), values.end(), now) != values.end()) {
                ++held;
                continue;
            }
            const Json* asked = schemaAtPath(wholeSchema, parent + condition);
            const std::string key = condition.substr(condition.rfind('.') + 1);
            against.append(
                QStringLiteral("%1 is %2")
                    .arg(asked ? fieldTitle(key, *asked) : QString::fromStdString(key), fieldText(now)));
        }
        if (against.isEmpty())
            return {};
        if (held > most) {
            most = held;
            nearest = against;
        }
    }
    return nearest.join(QStringLiteral(", "));
}

Json fieldValue(const QString& typed, FieldKind kind) {
    const QString trimmed = typed.trimmed();
    if (kind == FieldKind::Number || kind == FieldKind::Integer)
        return numberOrText(trimmed);
    if (kind == FieldKind::Text)
        return typed.toStdString();
    Json list = Json::array();
    const auto separators =
        kind == FieldKind::NumberList ? QRegularExpression("[\\s,;]+") : QRegularExpression("\\n");
    for (const QString& piece : trimmed.split(separators, Qt::SkipEmptyParts))
        if (!piece.trimmed().isEmpty())
            list.push_back(kind == FieldKind::NumberList ? numberOrText(piece)
                                                         : Json(piece.trimmed().toStdString()));
    return list;
}

Json completeForForm(Json value, const Json& schema) {
    if (schema.value("type", Json()) == "array" && schema.contains("items") && value.is_array())
        for (Json& item : value)
            item = completeForForm(item, schema["items"]);
    if (!schema.contains("properties"))
        return value;
    if (!value.is_object())
        return value;
    value = withDefaults(std::move(value), schema);
    const Json required = schema.value("required", Json::array());
    for (const Json& key : required)
        if (const std::string name = key; !value.contains(name) && schema["properties"].contains(name))
            value[name] = emptyOf(schema["properties"][name]);
    for (const auto& [key, property] : schema["properties"].items())
        if (value.contains(key))
            value[key] = completeForForm(value[key], property);
    return value;
}

Json freshEntry(const Json& itemSchema) {
    return emptyOf(itemSchema);
}

}  // namespace vitrine
