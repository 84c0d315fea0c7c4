#include "tests/core/models/golden_check.h"
#include "tests/support/test_data.h"

#include <gtest/gtest.h>

namespace vitrine {

TEST(Sam, MatchesReferences) {
    VITRINE_SHARED_DATA(folder, "goldens/sam");
    testing::expectMatchesReferences(folder);
}

}  // namespace vitrine
