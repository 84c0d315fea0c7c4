#include "app/cli/terminal_progress.h"

#include <unistd.h>

#include <cstdio>

namespace vitrine::cli {

TerminalProgress::TerminalProgress() : terminal_(::isatty(STDERR_FILENO) == 1) {
    lastLine_ = std::chrono::steady_clock::now();
}

TerminalProgress::~TerminalProgress() {
    clearLine();
}

void TerminalProgress::clearLine() {
    if (lineShown_)
        std::fputs("\r\033[K", stderr);
    lineShown_ = false;
}

void TerminalProgress::show(const Progress& progress) {
    const std::string text = progress.text();
    if (terminal_) {
        std::fprintf(stderr, "\r\033[K%s", text.c_str());
        std::fflush(stderr);
        lineShown_ = true;
        return;
    }
    const auto now = std::chrono::steady_clock::now();
    if (now - lastLine_ < std::chrono::seconds(5))
        return;
    lastLine_ = now;
    std::fprintf(stderr, "%s\n", text.c_str());
}

}  // namespace vitrine::cli
