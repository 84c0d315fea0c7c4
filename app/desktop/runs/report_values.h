// Values out of the reports (JSON) that jobs store, for views that show what is there.
#pragma once

#include "core/base/json.h"

#include <QString>
#include <vector>

namespace vitrine {

// Not a number where there is none.
double numberOf(const Json& object, const char* key);
// Of a list, with a not-a-number for each element that is none; empty for anything else.
std::vector<double> numbersOf(const Json& list);
// The same of a list of lists.
std::vector<std::vector<double>> numberTableOf(const Json& lists);
// Empty where there is none.
QString textOf(const Json& object, const char* key);

}  // namespace vitrine
