#include "core/base/log.h"

#include "core/base/paths.h"

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <cstdlib>

namespace vitrine {

std::filesystem::path logFolder() {
    return userStateFolder() / "logs";
}

void setUpLogging(const std::string& program) {
    std::vector<spdlog::sink_ptr> sinks{std::make_shared<spdlog::sinks::stderr_color_sink_mt>()};
    sinks.front()->set_pattern("%^%l%$: %v");
    std::string fileProblem;
    try {
        std::filesystem::create_directories(logFolder());
        auto file = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(
            (logFolder() / (program + ".log")).string(), 4u << 20, 3);
        file->set_pattern("%Y-%m-%dT%H:%M:%S.%e %P %l %v");
        sinks.push_back(std::move(file));
    } catch (const std::exception& e) {
        fileProblem = e.what();  // a read-only home must not keep the program from starting
    }
    auto logger = std::make_shared<spdlog::logger>(program, sinks.begin(), sinks.end());
    const char* level = std::getenv("VITRINE_LOG");
    logger->set_level(level ? spdlog::level::from_str(level) : spdlog::level::info);
    logger->flush_on(spdlog::level::warn);
    spdlog::set_default_logger(std::move(logger));
    if (!fileProblem.empty())
        spdlog::debug("no log file: {}", fileProblem);
}

}  // namespace vitrine
