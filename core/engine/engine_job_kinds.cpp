#include "core/engine/engine_job_kinds.h"

#include "core/engine/extract_kind.h"
#include "core/engine/inspect_engine_impl.h"
#include "core/engine/inspect_kind.h"

namespace vitrine {

void addJobKinds(JobKinds& kinds) {
    kinds.add(selftestKind());
    kinds.add(inspectKind(makeInspectEngine));
    kinds.add(extractKind());
}

}  // namespace vitrine
