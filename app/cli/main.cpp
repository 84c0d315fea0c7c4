// The command line. Commands that need LibTorch load the engine library; the others answer in milliseconds.
#include "app/cli/argument_parser.h"
#include "app/cli/terminal_progress.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/claims/claim_commands.h"
#include "core/commands/core_commands.h"
#include "core/engine/doctor.h"
#include "core/engine/engine_loader.h"
#include "core/engine/thread_waits.h"

#include <pthread.h>
#include <signal.h>

#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <thread>

namespace {

using namespace vitrine;

// Turns the first SIGINT or SIGTERM into a stop request, the second into an immediate end. A thread of its
// own waits for the signals, because little may be done inside a handler.
class SignalStop {
  public:
    SignalStop() {
        sigemptyset(&signals_);
        sigaddset(&signals_, SIGINT);
        sigaddset(&signals_, SIGTERM);
        pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
        std::thread([this] {
            int received = 0;
            sigwait(&signals_, &received);
            source_.request_stop();
            std::cerr << "\nstopping (again to end at once)\n";
            sigwait(&signals_, &received);
            std::_Exit(130);
        }).detach();
    }
    std::stop_token token() const { return source_.get_token(); }

  private:
    sigset_t signals_{};
    std::stop_source source_;
};

int report(const Error& error, bool json) {
    if (json) {
        const Json body = {{"error",
                            {{"code", errorCodeName(error.code)},
                             {"message", error.message},
                             {"where", error.where},
                             {"hint", error.hint}}}};
        std::cout << body.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
    }
    std::cerr << "vitrine: " << error.text() << "\n";
    return exitCodeOf(error);
}

// `exitCode`, if all could be written: a full disk behind `> file` must not look like success. A reader who
// has gone away (`| head`) knows why.
int print(const std::string& text, int exitCode) {
    errno = 0;
    std::cout << text << std::flush;
    if (std::cout)
        return exitCode;
    const int why = errno != 0 ? errno : EIO;
    const Error error = errorFromErrno(why, "write", "standard output");
    return why == EPIPE ? exitCodeOf(error) : report(error, false);
}

int runCommand(CommandRegistry& registry, const cli::ParsedCommandLine& line) {
    if (registry.find(line.command)->home == CommandHome::Engine) {
        const auto engine = loadEngine();
        if (!engine)
            return report(engine.error(), line.json);
        (*engine)->bindCommands(registry);
    }
    static SignalStop stop;
    cli::TerminalProgress progress;
    CommandContext context;
    context.job = JobContext(stop.token(), [&](const Progress& state) {
        if (!line.quiet)
            progress.show(state);
    });
    context.project = projectFolderFor(line.project);
    const auto output = registry.execute(line.command, line.arguments, context);
    if (!output)
        return report(output.error(), line.json);
    const std::string text =
        line.json ? output->data.dump(2, ' ', false, Json::error_handler_t::replace) + "\n" : output->text;
    return print(text, output->exitCode);
}

}  // namespace

int main(int argumentCount, char** arguments) {
    shortenThreadWaits(arguments);
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of the write, not the end
    setUpLogging("vitrine");
    try {
        CommandRegistry registry;
        declareCoreCommands(registry);
        declareEngineCommands(registry);
        declareClaimCommands(registry);
        declareDoctor(registry);
        bindCoreCommands(registry);
        bindClaimCommands(registry);
        bindDoctor(registry);
        const auto line = cli::parseCommandLine(registry, {arguments + 1, arguments + argumentCount});
        return line.exitCode ? print("", *line.exitCode) : runCommand(registry, line);
    } catch (...) {
        return report(errorFromCurrentException("vitrine"), false);
    }
}
