#include "app/desktop/runs/run_processes.h"

#include "core/base/file.h"
#include "core/base/paths.h"

#include <unistd.h>

#include <QProcess>
#include <QTimer>
#include <csignal>

namespace vitrine {

constexpr int kCheckMs = 500;
constexpr int kChecks = 20;

RunProcesses::RunProcesses(std::filesystem::path program, QObject* parent)
    : QObject(parent), program_(program.empty() ? executableFolder() / "vitrine" : std::move(program)) {}

Result<void> RunProcesses::resume(const std::filesystem::path& project, const std::string& runId,
                                  const QStringList& sets) {
    QStringList arguments{"run", "--resume", QString::fromStdString(runId)};
    for (const QString& set : sets)
        arguments << "--set" << set;
    VITRINE_TRY([[maybe_unused]] const int64_t process, start(project, arguments, "resume-" + runId));
    return {};
}

Result<int64_t> RunProcesses::begin(const std::filesystem::path& project, const Json& recipe) {
    const std::filesystem::path folder = userStateFolder() / "jobs";
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    // Another window may begin one at the same time.
    const std::string name = fmt::format("begin-{}-{}", ::getpid(), ++begun_);
    const std::filesystem::path file = folder / (name + ".json");
    VITRINE_TRY_VOID(writeFileAtomically(file, recipe.dump(2) + "\n"));
    return start(project, {"run", QString::fromStdString(file.string())}, name);
}

Result<int64_t> RunProcesses::command(const std::filesystem::path& project, const QStringList& arguments,
                                      const std::string& name) {
    return start(project, arguments, fmt::format("{}-{}-{}", name, ::getpid(), ++begun_));
}

Result<void> RunProcesses::reproduce(const std::filesystem::path& project, const std::string& runId,
                                     const std::string& recipe) {
    const std::filesystem::path folder = userStateFolder() / "jobs";
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    const std::filesystem::path file = folder / ("recipe-" + runId + ".json");
    VITRINE_TRY_VOID(writeFileAtomically(file, recipe));
    VITRINE_TRY([[maybe_unused]] const int64_t process, start(project,
                                                              {"run", QString::fromStdString(file.string()),
                                                               "--parent", QString::fromStdString(runId)},
                                                              "reproduce-" + runId));
    return {};
}

Result<int64_t> RunProcesses::start(const std::filesystem::path& project, const QStringList& arguments,
                                    const std::string& name) {
    if (!std::filesystem::exists(program_))
        return fail(ErrorCode::NotFound, "the command-line program is missing", program_.string(),
                    "It belongs beside the window's program; build or install both");
    const std::filesystem::path folder = userStateFolder() / "jobs";
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    const QString log = QString::fromStdString((folder / (name + ".log")).string());
    QProcess process;
    process.setProgram(QString::fromStdString(program_.string()));
    process.setArguments(QStringList{"--project", QString::fromStdString(project.string())} + arguments);
    process.setWorkingDirectory(QString::fromStdString(project.string()));
    process.setStandardInputFile(QProcess::nullDevice());
    process.setStandardOutputFile(log);
    process.setStandardErrorFile(log, QIODevice::Append);
    qint64 pid = 0;
    if (!process.startDetached(&pid))
        return fail(ErrorCode::IoFailure, "the job process could not be started", program_.string(),
                    process.errorString().toStdString());
    checkStart(pid, log, kChecks);
    return int64_t(pid);
}

void RunProcesses::checkStart(qint64 pid, const QString& log, int attempts) {
    QTimer::singleShot(kCheckMs, this, [this, pid, log, attempts] {
        if (::kill(pid_t(pid), 0) == 0) {
            if (attempts > 1)
                checkStart(pid, log, attempts - 1);
            return;
        }
        const auto text = readFile(log.toStdString(), 1 << 20);
        // How the command line begins its last words (app/cli/main.cpp).
        if (text && (text->starts_with("vitrine: ") || text->find("\nvitrine: ") != std::string::npos))
            emit failedEarly(QString::fromStdString(*text).right(2000).trimmed(), pid);
    });
}

}  // namespace vitrine
