// Turns SIGINT and SIGTERM into a call on an ordinary thread while it lives. After the first signal the
// default action is back, so that a second Ctrl+C ends a job that does not listen.
#pragma once

#include <csignal>
#include <functional>
#include <thread>

namespace vitrine {

class SignalStop {
  public:
    explicit SignalStop(std::function<void()> onSignal);
    ~SignalStop();
    SignalStop(const SignalStop&) = delete;
    SignalStop& operator=(const SignalStop&) = delete;

  private:
    struct sigaction oldInterrupt_ {};
    struct sigaction oldTerminate_ {};
    std::thread thread_;
};

}  // namespace vitrine
