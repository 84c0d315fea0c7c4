#include "widgets/shell/command_arguments.h"

namespace vitrine {

Json argumentSchema(const Json& properties) {
    return {{"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
}

Json textArgument(const char* description) {
    return {{"type", "string"}, {"description", description}};
}

Json countArgument(const char* description) {
    return {{"type", "integer"}, {"minimum", 0}, {"description", description}};
}

QString textIn(const Json& arguments, const char* key) {
    return QString::fromStdString(arguments.value(key, std::string()));
}

}  // namespace vitrine
