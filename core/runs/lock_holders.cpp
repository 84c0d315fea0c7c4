// Who holds a lock on a database: read from /proc/locks (Linux), which lists POSIX locks by inode.
#include "core/runs/process_info.h"
#include "core/runs/sqlite.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <sstream>

namespace vitrine {

std::string lockHolders(const std::filesystem::path& path) {
    std::set<std::string> inodes;
    for (const char* suffix : {"", "-wal", "-shm"}) {
        struct stat info {};
        if (::stat((path.string() + suffix).c_str(), &info) == 0)
            inodes.insert(std::to_string(info.st_ino));
    }
    std::set<int64_t> pids;
    std::ifstream locks("/proc/locks");
    for (std::string line; std::getline(locks, line);) {
        // "1: POSIX  ADVISORY  WRITE 1234 08:02:9991 120 120"
        std::istringstream fields(line);
        std::string number, type, advisory, access, file;
        int64_t pid = 0;
        if (!(fields >> number >> type >> advisory >> access >> pid >> file) || access != "WRITE" || pid <= 0)
            continue;
        if (inodes.contains(file.substr(file.rfind(':') + 1)) && pid != ::getpid())
            pids.insert(pid);
    }
    std::string out;
    for (const int64_t pid : pids)
        out += fmt::format("{}{} (pid {})", out.empty() ? "" : ", ", processName(pid), pid);
    return out;
}

}  // namespace vitrine
