// Commands that take their time: on a thread, or in a process of their own.
#include "core/base/paths.h"
#include "widgets/shell/command_center.h"
#include "widgets/shell/job_list.h"

#include <unistd.h>

#include <QProcess>
#include <QTemporaryFile>
#include <algorithm>

namespace vitrine {

void CommandCenter::startJob(const std::string& name, const Json& arguments) {
    const QString title = QString::fromStdString(name);
    auto stop = std::make_shared<std::stop_source>();
    const int job = jobs_.begin(title, [stop] { stop->request_stop(); });
    threads_.emplace_back([this, name, title, arguments, stop, job](std::stop_token closing) {
        const std::stop_callback forward(closing, [stop] { stop->request_stop(); });
        CommandContext context;
        context.project = project_;
        context.job = JobContext(stop->get_token(), [this, job](const Progress& progress) {
            QMetaObject::invokeMethod(
                &jobs_, [this, job, progress] { jobs_.update(job, progress); }, Qt::QueuedConnection);
        });
        auto result = std::make_shared<Result<CommandOutput>>(registry_.execute(name, arguments, context));
        QMetaObject::invokeMethod(
            this,
            [this, title, job, result] {
                jobs_.end(job);
                if (!*result)
                    emit failed(title, QString::fromStdString(result->error().text()));
                else
                    emit finished(title, QString::fromStdString((*result)->text));
            },
            Qt::QueuedConnection);
    });
}

QStringList commandLineOf(const CommandSpec& spec, const Json& arguments) {
    QStringList line = QString::fromStdString(spec.name).split('.');
    const auto text = [](const Json& value) {
        return QString::fromStdString(value.is_string() ? value.get<std::string>() : value.dump());
    };
    const auto append = [&](const Json& value) {
        if (!value.is_array())
            line.append(text(value));
        else
            for (const auto& element : value)
                line.append(text(element));
    };
    for (const auto& [key, value] : arguments.items()) {
        if (std::find(spec.positional.begin(), spec.positional.end(), key) != spec.positional.end())
            continue;
        QString option = "--";
        for (const QChar letter : QString::fromStdString(key))
            option += letter.isUpper() ? QString("-") + letter.toLower() : QString(letter);
        if (value.is_boolean()) {
            if (value.get<bool>())
                line.append(option);
            continue;
        }
        line.append(option);
        append(value);
    }
    for (const std::string& key : spec.positional)
        if (arguments.contains(key))
            append(arguments[key]);
    return line;
}

namespace {

// A file for what a process writes. It has no name once the process has it, so that nothing is left behind,
// and unlike a pipe it does not break when the window is closed.
QTemporaryFile* outputFileOf(QProcess* process) {
    auto* file = new QTemporaryFile(process);
    file->open();
    return file;
}

QString takeText(QTemporaryFile& file) {
    file.seek(0);
    return QString::fromUtf8(file.readAll()).trimmed();
}

}  // namespace

// The process outlives the window: a job goes on when the window is closed.
void CommandCenter::startProcess(const CommandSpec& spec, const Json& arguments) {
    const QString name = QString::fromStdString(spec.name);
    auto* process = new QProcess;  // without a parent, whose end would kill it
    QTemporaryFile* output = outputFileOf(process);
    QTemporaryFile* errors = outputFileOf(process);
    process->setStandardOutputFile(output->fileName());
    process->setStandardErrorFile(errors->fileName());
    process->setStandardInputFile(QProcess::nullDevice());
    process->setChildProcessModifier([] { ::setsid(); });
    const int job = jobs_.begin(
        name, [process] { process->terminate(); }, true);
    QStringList line = commandLineOf(spec, arguments);
    if (!project_.empty())
        line << "--project" << QString::fromStdString(project_.string());
    connect(process, &QProcess::errorOccurred, this,
            [this, process, job, name](QProcess::ProcessError error) {
                if (error != QProcess::FailedToStart)
                    return;
                --processes_;
                jobs_.end(job);
                emit failed(name, process->program() + ": " + process->errorString());
                process->deleteLater();
            });
    connect(process, &QProcess::finished, this, [this, process, output, errors, job, name](int exitCode) {
        --processes_;
        jobs_.end(job);
        const QString text = takeText(*output);
        const QString problem = takeText(*errors).section("vitrine: ", -1).trimmed();
        if (exitCode == 0)
            emit finished(name, text);
        else
            emit failed(name, problem.isEmpty() ? text : problem);
        process->deleteLater();
    });
    connect(process, &QProcess::started, this, [output, errors] {
        QFile::remove(output->fileName());
        QFile::remove(errors->fileName());
    });
    ++processes_;
    process->start(QString::fromStdString((executableFolder() / "vitrine").string()), line);
}

}  // namespace vitrine
