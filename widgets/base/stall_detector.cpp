#include "widgets/base/stall_detector.h"

#include "core/base/log.h"

#include <QEvent>
#include <QMetaEnum>
#include <ctime>

namespace vitrine {
namespace {

double threadMilliseconds() {
    timespec spent{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
    return double(spent.tv_sec) * 1e3 + double(spent.tv_nsec) / 1e6;
}

}  // namespace

Application::Application(int& argumentCount, char** arguments) : QApplication(argumentCount, arguments) {}

bool Application::notify(QObject* receiver, QEvent* event) {
    // Nested events belong to the outer one; a receiver may be gone after the call, so names are taken
    // before.
    const auto start = std::chrono::steady_clock::now();
    const double computedBefore = depth_ == 0 ? threadMilliseconds() : 0;
    const int type = int(event->type());
    const QString receiverName =
        depth_ == 0 ? QStringLiteral("%1 %2").arg(receiver->metaObject()->className(), receiver->objectName())
                    : QString();
    bool handled = false;
    ++depth_;
    try {
        handled = QApplication::notify(receiver, event);
    } catch (...) {
        const Error error = errorFromCurrentException("handling an event");
        log::error("{}", error.text());
        QMetaObject::invokeMethod(
            this, [this, text = QString::fromStdString(error.text())] { emit handlerFailed(text); },
            Qt::QueuedConnection);
    }
    --depth_;
    if (depth_ > 0)
        return handled;
    const double spent =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    if (spent <= longest_.computing && spent <= double(limit_.count()))
        return handled;
    const double computing = threadMilliseconds() - computedBefore;
    const char* name = QMetaEnum::fromType<QEvent::Type>().valueToKey(type);
    if (computing > longest_.computing)
        longest_ = {QString::fromLatin1(name ? name : "User"), receiverName.trimmed(), spent, computing};
    if (spent > double(limit_.count())) {
        stalls_.push_back(
            {QString::fromLatin1(name ? name : "User"), receiverName.trimmed(), spent, computing});
        log::warn("the interface stood still for {:.0f} ms ({:.0f} ms computing): {} at {}", spent, computing,
                  name ? name : "user event", receiverName.trimmed().toStdString());
        if (stalls_.size() > 200)
            stalls_.erase(stalls_.begin());
    }
    return handled;
}

}  // namespace vitrine
