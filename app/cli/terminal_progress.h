// Progress of a command on standard error: one line that is rewritten on a terminal, a line every five
// seconds elsewhere.
#pragma once

#include "core/base/job_context.h"

#include <chrono>
#include <string>

namespace vitrine::cli {

class TerminalProgress {
  public:
    TerminalProgress();
    ~TerminalProgress();
    void show(const Progress& progress);

  private:
    void clearLine();

    bool terminal_ = false;
    bool lineShown_ = false;
    std::chrono::steady_clock::time_point lastLine_{};
};

}  // namespace vitrine::cli
