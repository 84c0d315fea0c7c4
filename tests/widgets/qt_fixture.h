// A Qt application for tests of widgets; made once, without a display.
#pragma once

#include <QApplication>
#include <QThread>

namespace vitrine::testing {

inline QApplication& qtApplication() {
    static int count = 1;
    static char name[] = "widgets_test";
    static char* arguments[] = {name, nullptr};
    static auto* application = new QApplication(count, arguments);
    return *application;
}

// Handles events until `done` or two seconds have passed.
template <typename Done>
bool waitUntil(Done done, int milliseconds = 2000) {
    qtApplication();
    for (int waited = 0; waited < milliseconds; waited += 5) {
        QApplication::processEvents(QEventLoop::AllEvents, 5);
        if (done())
            return true;
        QThread::msleep(5);
    }
    return done();
}

}  // namespace vitrine::testing
