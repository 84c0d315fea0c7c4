#include <gtest/gtest.h>

#include <cstdlib>

int main(int argumentCount, char** arguments) {
    // Tests must neither read nor write the user's own state.
    ::setenv("VITRINE_LOG", "off", 0);
    ::testing::InitGoogleTest(&argumentCount, arguments);
    return RUN_ALL_TESTS();
}
