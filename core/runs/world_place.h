// One job on several processes: which of them this one is. The launcher says so in the environment (torchrun:
// RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT; Slurm: SLURM_PROCID, SLURM_NTASKS, ...).
#pragma once

#include "core/base/result.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace vitrine {

struct WorldPlace {
    int rank = 0;  // 0: the process that records the run
    int size = 1;
    int localRank = 0;    // among the processes of this machine
    std::string address;  // where the processes meet: host and port of rank 0
    uint16_t port = 0;
    bool launcherServes = false;  // the launcher itself listens at that port (torchrun)
    std::string attempt = "0";    // the launcher's restart count: a restarted group meets under a new name
};

// Nothing where no launcher speaks, or of one process only. InvalidArgument names the variable that is
// missing or wrong.
Result<std::optional<WorldPlace>> worldPlaceFromEnvironment();

// Processes of this machine that run the same command at ranks 1 .. count - 1, while this one is rank 0.
class LocalProcesses {
  public:
    // Sets this process's environment and starts `program` with `arguments` count - 1 times, standard output
    // closed, standard error shared.
    static Result<LocalProcesses> start(int count, const std::filesystem::path& program,
                                        const std::vector<std::string>& arguments);
    LocalProcesses(LocalProcesses&& other) noexcept;
    LocalProcesses(const LocalProcesses&) = delete;
    LocalProcesses& operator=(const LocalProcesses&) = delete;
    // Gives them a moment to end by themselves, then ends them.
    ~LocalProcesses();

  private:
    LocalProcesses() = default;
    std::vector<int> children_;  // process ids
};

}  // namespace vitrine
