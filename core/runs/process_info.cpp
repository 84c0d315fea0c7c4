#include "core/runs/process_info.h"

#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <sstream>

namespace vitrine {
namespace {

std::string firstLineOf(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

std::string startOf(int64_t pid) {
    const std::string stat = firstLineOf("/proc/" + std::to_string(pid) + "/stat");
    // The second field is the name in parentheses and may hold anything, so count from the last parenthesis.
    const size_t end = stat.rfind(')');
    if (end == std::string::npos)
        return {};
    std::istringstream fields(stat.substr(end + 1));
    std::string field;
    std::string state;
    fields >> state;  // field 3
    if (state == "Z" || state == "X")
        return {};
    for (int i = 4; i <= 22; ++i)
        if (!(fields >> field))
            return {};
    return firstLineOf("/proc/sys/kernel/random/boot_id") + ":" + field;
}

}  // namespace

std::string hostName() {
    char name[256] = {};
    return ::gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

ProcessIdentity currentProcess() {
    return {::getpid(), hostName(), startOf(::getpid())};
}

bool isAlive(const ProcessIdentity& process) {
    if (process.pid <= 0)
        return false;
    if (process.host != hostName())
        return true;
    const std::string start = startOf(process.pid);
    return !start.empty() && (process.start.empty() || start == process.start);
}

std::string processName(int64_t pid) {
    const std::string name = firstLineOf("/proc/" + std::to_string(pid) + "/comm");
    return name.empty() ? "a process" : name;
}

std::string currentCommandLine() {
    std::ifstream file("/proc/self/cmdline", std::ios::binary);
    std::string out;
    for (std::string word; std::getline(file, word, '\0');) {
        const bool plain =
            !word.empty() && word.find_first_of(" \t\n'\"\\$`*?&|;<>()[]{}!#~") == std::string::npos;
        if (!plain) {
            std::string quoted = "'";
            for (const char c : word)
                quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
            word = quoted + "'";
        }
        out += (out.empty() ? "" : " ") + word;
    }
    return out;
}

double nowSeconds() {
    using namespace std::chrono;
    return duration<double>(system_clock::now().time_since_epoch()).count();
}

}  // namespace vitrine
