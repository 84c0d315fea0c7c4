// Calls build/bin/vitrine as a user would, with a project and state of its own for each test.
#pragma once

#include "core/base/file.h"
#include "core/base/json.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace vitrine {

struct Outcome {
    int exitCode = -1;
    std::string output;  // standard output
    std::string errors;  // standard error
};

class CommandLine : public ::testing::Test {
  protected:
    CommandLine() {
        ::setenv("VITRINE_STATE_DIR", (folder_ / "state").c_str(), 1);
        ::setenv("VITRINE_CACHE_DIR", (folder_ / "cache").c_str(), 1);
        ::unsetenv("VITRINE_PROJECT");
    }
    Outcome call(const std::string& arguments) {
        const std::filesystem::path errors = folder_ / "errors.txt";
        const std::string command = fmt::format("'{}' --project '{}' {} 2>'{}'",
                                                (testing::buildFolder() / "bin" / "vitrine").string(),
                                                (folder_ / "project").string(), arguments, errors.string());
        return shell(command, errors);
    }
    // `command` writes its standard error to `errors`.
    Outcome shell(const std::string& command, const std::filesystem::path& errors) {
        Outcome outcome;
        FILE* pipe = ::popen(command.c_str(), "r");
        char buffer[4096];
        while (const size_t count = std::fread(buffer, 1, sizeof buffer, pipe))
            outcome.output.append(buffer, count);
        outcome.exitCode = WEXITSTATUS(::pclose(pipe));
        outcome.errors = readFile(errors).value_or("");
        return outcome;
    }
    // Starts the program and comes back at once. `limits` are shell commands before it ("ulimit -v 900000").
    pid_t start(const std::string& arguments, const std::string& limits = "true") {
        const std::string command =
            fmt::format("{}; exec '{}' --project '{}' {} >'{}' 2>'{}'", limits,
                        (testing::buildFolder() / "bin" / "vitrine").string(), (folder_ / "project").string(),
                        arguments, (folder_ / "started.out").string(), (folder_ / "started.err").string());
        const pid_t child = ::fork();
        if (child == 0) {
            ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
            ::_exit(127);
        }
        return child;
    }
    // Waits for what start() began.
    Outcome end(pid_t child) {
        int status = 0;
        ::waitpid(child, &status, 0);
        Outcome outcome;
        outcome.exitCode = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        outcome.output = readFile(folder_ / "started.out").value_or("");
        outcome.errors = readFile(folder_ / "started.err").value_or("");
        return outcome;
    }
    Json json(const Outcome& outcome) {
        const auto parsed = parseJson(outcome.output, "output");
        EXPECT_TRUE(parsed) << outcome.output << outcome.errors;
        return parsed.value_or(Json::object());
    }

    testing::TemporaryFolder folder_;
};

}  // namespace vitrine
