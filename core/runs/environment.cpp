#include "core/runs/environment.h"

#include "core/runs/migrations.h"
#include "core/runs/process_info.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <thread>

extern char** environ;

namespace vitrine {
namespace {

constexpr size_t kMaxDiffBytes = 256 << 10;
constexpr auto kGitTimeout = std::chrono::seconds(5);

// Standard output of `git -C folder ...`, or nothing if it fails, is not installed, or takes too long.
std::optional<std::string> git(const std::string& folder, std::vector<std::string> arguments,
                               size_t maxBytes) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return {};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    arguments.insert(arguments.begin(), {"git", "--no-optional-locks", "-C", folder});
    std::vector<char*> words;
    words.reserve(arguments.size() + 1);
    for (std::string& word : arguments)
        words.push_back(word.data());
    words.push_back(nullptr);
    pid_t child = 0;
    const int failed = ::posix_spawnp(&child, "git", &actions, nullptr, words.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    std::string out;
    bool whole = failed == 0;
    const auto deadline = std::chrono::steady_clock::now() + kGitTimeout;
    char buffer[65536];
    while (whole) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        pollfd wait{ends[0], POLLIN, 0};
        if (left.count() <= 0 || ::poll(&wait, 1, int(left.count())) <= 0) {
            whole = false;
            break;
        }
        const ssize_t got = ::read(ends[0], buffer, sizeof buffer);
        if (got <= 0)
            break;
        out.append(buffer, size_t(got));
        if (out.size() >= maxBytes)
            break;
    }
    ::close(ends[0]);
    if (failed)
        return {};
    if (!whole)
        ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    const bool cut = out.size() >= maxBytes;  // git ends with SIGPIPE then
    if (!whole || (!cut && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)))
        return {};
    if (cut)
        out.resize(maxBytes);
    return out;
}

std::string trimmed(std::string text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())))
        text.pop_back();
    return text;
}

std::string fieldOf(const std::string& path, std::string_view key) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);)
        if (line.starts_with(key)) {
            const size_t begin = line.find_first_not_of(" \t:", key.size());
            return begin == std::string::npos ? "" : trimmed(line.substr(begin));
        }
    return {};
}

Json gitState(const std::string& folder) {
    const auto commit = git(folder, {"rev-parse", "HEAD"}, 1024);
    if (!commit)
        return nullptr;
    Json out{{"commit", trimmed(*commit)}};
    out["branch"] = trimmed(git(folder, {"rev-parse", "--abbrev-ref", "HEAD"}, 1024).value_or(""));
    const auto changes = git(folder, {"status", "--porcelain"}, kMaxDiffBytes);
    out["dirty"] = changes && !changes->empty();
    if (changes && !changes->empty())
        out["diff"] = git(folder, {"diff", "HEAD"}, kMaxDiffBytes).value_or("");
    return out;
}

Json graphicsCards() {
    Json out = Json::array();
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/driver/nvidia/gpus", ignored))
        out.push_back(fieldOf(entry.path() / "information", "Model:"));
    return out;
}

}  // namespace

Json captureEnvironment(const std::filesystem::path& folder) {
    Json out{{"program", programVersion()}, {"command", currentCommandLine()}, {"compiler", __VERSION__}};
    std::error_code ignored;
    out["folder"] = std::filesystem::current_path(ignored).string();
    out["host"] = hostName();
    utsname system{};
    if (::uname(&system) == 0)
        out["system"] = fmt::format("{} {} {}", system.sysname, system.release, system.machine);
    out["cpu"] = {{"name", fieldOf("/proc/cpuinfo", "model name")},
                  {"threads", std::thread::hardware_concurrency()}};
    out["memory_bytes"] = int64_t(::sysconf(_SC_PHYS_PAGES)) * int64_t(::sysconf(_SC_PAGE_SIZE));
    out["gpu"] = graphicsCards();
    Json variables = Json::object();
    for (const char* name :
         {"CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "MKL_NUM_THREADS",
          "RANK", "LOCAL_RANK", "WORLD_SIZE", "SLURM_JOB_ID", "SLURM_PROCID"})
        if (const char* value = std::getenv(name))
            variables[name] = value;
    out["variables"] = std::move(variables);
    Json repository = gitState(folder.string());
    if (!repository.is_null())
        out["git"] = std::move(repository);
    return out;
}

}  // namespace vitrine
