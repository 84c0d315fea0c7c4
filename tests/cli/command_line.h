// Calls build/bin/vitrine as a user would, with a project and state of its own for each test.
#pragma once

#include "core/base/file.h"
#include "core/base/json.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

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
        Outcome outcome;
        FILE* pipe = ::popen(command.c_str(), "r");
        char buffer[4096];
        while (const size_t count = std::fread(buffer, 1, sizeof buffer, pipe))
            outcome.output.append(buffer, count);
        outcome.exitCode = WEXITSTATUS(::pclose(pipe));
        outcome.errors = readFile(errors).value_or("");
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
