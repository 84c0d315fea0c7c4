#include "app/desktop/runs/report_values.h"

#include <limits>

namespace vitrine {

double numberOf(const Json& object, const char* key) {
    return object.is_object() && object.contains(key) && object[key].is_number()
               ? object[key].get<double>()
               : std::numeric_limits<double>::quiet_NaN();
}

std::vector<double> numbersOf(const Json& list) {
    std::vector<double> out;
    if (list.is_array())
        for (const Json& each : list)
            out.push_back(each.is_number() ? each.get<double>() : std::numeric_limits<double>::quiet_NaN());
    return out;
}

std::vector<std::vector<double>> numberTableOf(const Json& lists) {
    std::vector<std::vector<double>> out;
    if (lists.is_array())
        for (const Json& each : lists)
            out.push_back(numbersOf(each));
    return out;
}

QString textOf(const Json& object, const char* key) {
    return object.contains(key) && object[key].is_string()
               ? QString::fromStdString(object[key].get<std::string>())
               : QString();
}

}  // namespace vitrine
