// Starts job processes (`vitrine run ...`) that outlive the window.
#pragma once

#include "core/base/json.h"

#include <QObject>
#include <QStringList>
#include <filesystem>

namespace vitrine {

class RunProcesses : public QObject {
    Q_OBJECT
  public:
    // `program`: the command-line program; empty: the one beside this executable.
    explicit RunProcesses(std::filesystem::path program = {}, QObject* parent = nullptr);

    // Goes on with a run from its last checkpoint; `sets`: settings changed before ("learning_rate=1e-4").
    Result<void> resume(const std::filesystem::path& project, const std::string& runId,
                        const QStringList& sets = {});
    // Runs a new recipe. The number of the process, which the run's row names as soon as there is one.
    Result<int64_t> begin(const std::filesystem::path& project, const Json& recipe);
    // Any other command of the command line ("claims", "run", "phi-s"); `name`: of its log.
    Result<int64_t> command(const std::filesystem::path& project, const QStringList& arguments,
                            const std::string& name);
    // Runs a stored recipe again; the new run names `runId` as its parent.
    Result<void> reproduce(const std::filesystem::path& project, const std::string& runId,
                           const std::string& recipe);

  signals:
    // The process ended within its first seconds with an error: what it printed.
    void failedEarly(const QString& message, qint64 process);

  private:
    Result<int64_t> start(const std::filesystem::path& project, const QStringList& arguments,
                          const std::string& name);
    void checkStart(qint64 pid, const QString& log, int attempts);

    std::filesystem::path program_;
    int begun_ = 0;
};

}  // namespace vitrine
