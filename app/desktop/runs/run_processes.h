// Starts job processes (`vitrine run ...`) that outlive the window.
#pragma once

#include "core/base/result.h"

#include <QObject>
#include <QStringList>
#include <filesystem>

namespace vitrine {

class RunProcesses : public QObject {
    Q_OBJECT
  public:
    // `program`: the command-line program; empty: the one beside this executable.
    explicit RunProcesses(std::filesystem::path program = {}, QObject* parent = nullptr);

    // Goes on with a run from its last checkpoint.
    Result<void> resume(const std::filesystem::path& project, const std::string& runId);
    // Runs a stored recipe again; the new run names `runId` as its parent.
    Result<void> reproduce(const std::filesystem::path& project, const std::string& runId,
                           const std::string& recipe);

  signals:
    // The process ended within its first seconds with an error: what it printed.
    void failedEarly(const QString& message);

  private:
    Result<void> start(const std::filesystem::path& project, const QStringList& arguments,
                       const std::string& name);
    void checkStart(qint64 pid, const QString& log, int attempts);

    std::filesystem::path program_;
};

}  // namespace vitrine
