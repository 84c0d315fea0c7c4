#pragma once

#include "core/runs/job_kind.h"

namespace vitrine::testing {

// The kinds of jobs, if there were only "selftest".
inline JobKinds selftestOnly() {
    JobKinds kinds;
    kinds.add(selftestKind());
    return kinds;
}

}  // namespace vitrine::testing
