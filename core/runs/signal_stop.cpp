#include "core/runs/signal_stop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

namespace vitrine {
namespace {

// A signal handler reaches nothing but globals; one SignalStop at a time is all that a process needs.
std::atomic<int> wakeDescriptor{-1};
constexpr uint64_t kSignal = 1;
constexpr uint64_t kEnd = 1u << 20;

void onSignalArrived(int) {
    const int saved = errno;
    const uint64_t value = kSignal;
    if (::write(wakeDescriptor.load(), &value, sizeof value) < 0) {
        // Nothing can be done inside a signal handler.
    }
    errno = saved;
}

}  // namespace

SignalStop::SignalStop(std::function<void()> onSignal) {
    const int descriptor = ::eventfd(0, EFD_CLOEXEC);
    wakeDescriptor = descriptor;
    struct sigaction action {};
    action.sa_handler = onSignalArrived;
    action.sa_flags = int(SA_RESETHAND | SA_RESTART);
    ::sigaction(SIGINT, &action, &oldInterrupt_);
    ::sigaction(SIGTERM, &action, &oldTerminate_);
    thread_ = std::thread([descriptor, onSignal = std::move(onSignal)] {
        uint64_t value = 0;
        while (true) {
            if (::read(descriptor, &value, sizeof value) < 0) {
                if (errno == EINTR)
                    continue;
                return;
            }
            if (value % kEnd)
                onSignal();
            if (value >= kEnd)
                return;
        }
    });
}

SignalStop::~SignalStop() {
    ::sigaction(SIGINT, &oldInterrupt_, nullptr);
    ::sigaction(SIGTERM, &oldTerminate_, nullptr);
    const int descriptor = wakeDescriptor.exchange(-1);
    const uint64_t value = kEnd;
    while (::write(descriptor, &value, sizeof value) < 0 && errno == EINTR) {
    }
    thread_.join();
    ::close(descriptor);
}

}  // namespace vitrine
