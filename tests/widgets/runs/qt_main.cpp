#include <gtest/gtest.h>

#include <QApplication>
#include <cstdlib>

// Widgets need an application; tests neither need a display nor read the user's state.
int main(int argumentCount, char** arguments) {
    ::setenv("VITRINE_LOG", "off", 0);
    if (!qEnvironmentVariableIsSet("QT_QPA_PLATFORM"))
        qputenv("QT_QPA_PLATFORM", "offscreen");
    QApplication application(argumentCount, arguments);
    ::testing::InitGoogleTest(&argumentCount, arguments);
    return RUN_ALL_TESTS();
}
