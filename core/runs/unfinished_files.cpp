#include "core/runs/unfinished_files.h"

#include "core/base/paths.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr int kDeepest = 4;  // folders below the one looked into

// About when this process began: in a container the next process often has the number of the one before.
const fs::file_time_type kBegan = fs::file_time_type::clock::now();

// The process that wrote "NAME.PID-COUNT.tmp"; 0 for other names.
int64_t writerOf(const fs::path& file) {
    if (file.extension() != ".tmp")
        return 0;
    const std::string number = file.stem().extension().string();  // ".PID-COUNT"
    int64_t pid = 0;
    const char* const end = number.data() + number.size();
    const auto read = std::from_chars(number.data() + std::min<size_t>(1, number.size()), end, pid);
    return read.ec == std::errc() && read.ptr != end && *read.ptr == '-' ? pid : 0;
}

// Whether a process with this number may still be writing the file.
bool mayBeWriting(int64_t pid, const fs::path& file) {
    if (pid != ::getpid())
        return isAlive({pid, hostName(), {}});
    std::error_code problem;
    return fs::last_write_time(file, problem) >= kBegan || problem;
}

int64_t removeIn(const fs::path& folder, int64_t pid, const fs::path& leftAlone = {}) {
    int64_t removed = 0;
    std::error_code problem;
    fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied, problem), end;
    for (; !problem && at != end; at.increment(problem)) {
        if (at.depth() >= kDeepest || at->path() == leftAlone)
            at.disable_recursion_pending();
        std::error_code ignored;
        if (writerOf(at->path()) == pid && !mayBeWriting(pid, at->path()))
            removed += fs::remove(at->path(), ignored);
    }
    return removed;
}

}  // namespace

int64_t removeUnfinishedFiles(const Project& project, const Run& run, const Json& recipe) {
    // On another machine it may be alive.
    if (run.process.pid <= 0 || run.process.host != hostName())
        return 0;
    // Other runs may have a process of the same number: each looks after its own folder.
    int64_t removed =
        removeIn(project.folder(), run.process.pid, project.folder() / "runs") +
        removeIn(project.runFolder(run.id), run.process.pid) +
        removeIn(userCacheFolder() / "tokens", run.process.pid);  // texts, tokenised once for all
    const Json output = recipe.value(Json::json_pointer("/settings/output"), Json());
    if (output.is_string() && output != "")
        removed += removeIn(output.get<std::string>(), run.process.pid);
    return removed;
}

}  // namespace vitrine
