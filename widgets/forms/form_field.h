// What a form shows of one value: read off its JSON Schema (core/base/json_schema.h). No widgets here.
#pragma once

#include "core/base/json_path.h"

#include <QString>
#include <QStringList>

namespace vitrine {

enum class FieldKind { Flag, Choice, Number, Integer, Text, NumberList, TextList, Object, ObjectList };

FieldKind fieldKindOf(const Json& schema);
// "title", else the key with blanks for underscores.
QString fieldTitle(const std::string& key, const Json& schema);
// Description, unit, range and default, a line each: the tooltip.
QString fieldTip(const std::string& key, const Json& schema);
// "0.35", "224, 448", "cosine": as it is typed.
QString fieldText(const Json& value);
// Of a whole value's schema, that of the value at `path` ("teachers[0].name"); null: there is none.
const Json* schemaAtPath(const Json& schema, const std::string& path);
// Why the value at `path` does not count beside what else `whole` says: "Trunk is eradio", by the annotation
// "only_for" of its schema (a list of objects of which one has to hold: paths from the object that the value
// is in, and what may stand there). Empty: it counts.
QString reasonNotUsed(const Json& wholeSchema, const Json& whole, const std::string& path);

// What was typed, as JSON: a number where it reads as one, else the text, so that the schema's check says
// what is wrong with it. Numbers of a list are separated by commas or blanks, texts by lines.
Json fieldValue(const QString& text, FieldKind kind);

// `value` with everything that a form needs: the schema's defaults, and an empty value for each required key
// that is missing, so that its problem shows at its field.
Json completeForForm(Json value, const Json& schema);
// A fresh entry of a list with these "items".
Json freshEntry(const Json& itemSchema);

}  // namespace vitrine
