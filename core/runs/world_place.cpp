#include "core/runs/world_place.h"

#include "core/base/file.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <thread>

namespace vitrine {
namespace {

constexpr auto kGrace = std::chrono::seconds(10);

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

Result<int> number(const char* name, int smallest, int largest) {
    const std::string value = variable(name);
    int parsed = 0;
    const auto [end, problem] = std::from_chars(value.data(), value.data() + value.size(), parsed);
    if (problem != std::errc() || end != value.data() + value.size() || parsed < smallest || parsed > largest)
        return fail(ErrorCode::InvalidArgument,
                    value.empty() ? std::string("is not set, though RANK or SLURM_PROCID is")
                                  : fmt::format("is \"{}\"; expected a whole number from {} to {}", value,
                                                smallest, largest),
                    fmt::format("environment variable {}", name),
                    "Start the processes by torchrun, srun, or \"vitrine run --processes N\"");
    return parsed;
}

// First host of a Slurm list: "node[03-07,12],other" is node03.
std::string firstHost(const std::string& list) {
    const size_t bracket = list.find('['), comma = list.find(',');
    if (bracket == std::string::npos || (comma != std::string::npos && comma < bracket))
        return list.substr(0, comma);
    const size_t end = list.find_first_of("-,]", bracket);
    return list.substr(0, bracket) + list.substr(bracket + 1, end - bracket - 1);
}

Result<WorldPlace> placeFromTorchrun() {
    WorldPlace place;
    VITRINE_TRY(place.size, number("WORLD_SIZE", 1, 1 << 20));
    VITRINE_TRY(place.rank, number("RANK", 0, place.size - 1));
    if (!variable("LOCAL_RANK").empty()) {
        VITRINE_TRY(place.localRank, number("LOCAL_RANK", 0, place.size - 1));
    }
    VITRINE_TRY(const int port, number("MASTER_PORT", 1, 65535));
    place.port = uint16_t(port);
    place.address = variable("MASTER_ADDR");
    place.launcherServes = variable("TORCHELASTIC_USE_AGENT_STORE") == "True";
    if (const std::string attempt = variable("TORCHELASTIC_RESTART_COUNT"); !attempt.empty())
        place.attempt = attempt;
    return place;
}

Result<WorldPlace> placeFromSlurm() {
    WorldPlace place;
    VITRINE_TRY(place.size, number("SLURM_NTASKS", 1, 1 << 20));
    VITRINE_TRY(place.rank, number("SLURM_PROCID", 0, place.size - 1));
    VITRINE_TRY(place.localRank, number("SLURM_LOCALID", 0, place.size - 1));
    place.address = variable("MASTER_ADDR");
    if (place.address.empty())
        place.address = firstHost(variable("SLURM_STEP_NODELIST"));
    if (!variable("MASTER_PORT").empty()) {
        VITRINE_TRY(const int port, number("MASTER_PORT", 1, 65535));
        place.port = uint16_t(port);
    } else {
        VITRINE_TRY(const int job, number("SLURM_JOB_ID", 0, 1 << 30));
        place.port = uint16_t(20000 + job % 20000);
    }
    place.attempt = variable("SLURM_STEP_ID");
    return place;
}

// A port that nobody listens at right now.
Result<int> freePort() {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return fail(errorFromErrno(errno, "open a socket", {}));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    const bool found = ::bind(descriptor, raw, length) == 0 && ::getsockname(descriptor, raw, &length) == 0;
    const int problem = errno;
    ::close(descriptor);
    if (!found)
        return fail(errorFromErrno(problem, "find a free port", {}));
    return ntohs(address.sin_port);
}

Result<int> startProcess(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                         int rank) {
    std::vector<std::string> settings;
    for (char** entry = environ; *entry; ++entry)
        if (const std::string_view text = *entry;
            !text.starts_with("RANK=") && !text.starts_with("LOCAL_RANK="))
            settings.emplace_back(text);
    settings.push_back(fmt::format("RANK={}", rank));
    settings.push_back(fmt::format("LOCAL_RANK={}", rank));
    std::vector<char*> environment, words{const_cast<char*>(program.c_str())};
    for (std::string& setting : settings)
        environment.push_back(setting.data());
    for (const std::string& argument : arguments)
        words.push_back(const_cast<char*>(argument.c_str()));
    environment.push_back(nullptr);
    words.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t child = -1;
    const int failed =
        ::posix_spawn(&child, program.c_str(), &actions, nullptr, words.data(), environment.data());
    posix_spawn_file_actions_destroy(&actions);
    if (failed)
        return fail(errorFromErrno(failed, "start another process", program));
    return int(child);
}

}  // namespace

Result<std::optional<WorldPlace>> worldPlaceFromEnvironment() {
    std::optional<WorldPlace> place;
    if (!variable("RANK").empty()) {
        VITRINE_TRY(place, placeFromTorchrun());
    } else if (!variable("SLURM_STEP_ID").empty() && !variable("SLURM_PROCID").empty()) {
        VITRINE_TRY(place, placeFromSlurm());
    }
    if (place && place->size == 1)
        return std::optional<WorldPlace>();
    if (place && place->address.empty())
        return fail(ErrorCode::InvalidArgument, "is not set", "environment variable MASTER_ADDR",
                    "Set it to the host name of the first process");
    return place;
}

Result<LocalProcesses> LocalProcesses::start(int count, const std::filesystem::path& program,
                                             const std::vector<std::string>& arguments) {
    VITRINE_TRY(const int port, freePort());
    const auto set = [](const char* name, const std::string& value) { ::setenv(name, value.c_str(), 1); };
    set("RANK", "0");
    set("LOCAL_RANK", "0");
    set("WORLD_SIZE", std::to_string(count));
    set("MASTER_ADDR", "127.0.0.1");
    set("MASTER_PORT", std::to_string(port));
    if (variable("OMP_NUM_THREADS").empty()) {
        // The processes share the cores; this one has read its own number of threads already.
        const unsigned share = std::max(1u, std::thread::hardware_concurrency() / unsigned(count));
        set("OMP_NUM_THREADS", std::to_string(share));
    }
    LocalProcesses processes;
    for (int rank = 1; rank < count; ++rank) {
        VITRINE_TRY(const int child, startProcess(program, arguments, rank));
        processes.children_.push_back(child);
    }
    return processes;
}

LocalProcesses::LocalProcesses(LocalProcesses&& other) noexcept : children_(std::move(other.children_)) {
    other.children_.clear();
}

LocalProcesses::~LocalProcesses() {
    const auto deadline = std::chrono::steady_clock::now() + kGrace;
    for (const int child : children_) {
        while (::waitpid(child, nullptr, WNOHANG) == 0) {
            if (std::chrono::steady_clock::now() > deadline) {
                ::kill(child, SIGKILL);
                ::waitpid(child, nullptr, 0);
                break;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
    }
}

}  // namespace vitrine
