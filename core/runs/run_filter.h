// Translates the filter language (run_query.h) into an SQL condition with bound values.
#pragma once

#include "core/runs/project.h"

#include <string>
#include <vector>

namespace vitrine {

struct SqlCondition {
    std::string sql;  // over the alias r of `runs`
    std::vector<SqlValue> values;
};

// Errors: InvalidArgument with the place in the text; an unknown field or key names the nearest known one.
Result<SqlCondition> parseFilter(const Project& project, const std::string& text);

// SQL expression of a field, params.KEY or metrics.KEY over the alias r; with its values.
Result<SqlCondition> fieldExpression(const Project& project, const std::string& field);

// Id of a known key; params.lr also finds settings.lr.
Result<int64_t> knownKey(const Project& project, const std::string& kind, const std::string& name);

}  // namespace vitrine
