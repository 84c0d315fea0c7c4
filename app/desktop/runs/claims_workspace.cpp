#include "app/desktop/runs/claims_workspace.h"

#include "app/desktop/runs/claims_questions.h"
#include "core/base/file.h"
#include "core/claims/claim.h"
#include "core/runs/control_socket.h"
#include "widgets/shell/main_window.h"

#include <QBuffer>
#include <QFileDialog>
#include <csignal>

namespace vitrine {

constexpr int kPollMs = 1000;  // while something runs

namespace {

Json nameSchema(const char* key, const char* description) {
    return {{"type", "object"},
            {"properties", {{key, {{"type", "string"}, {"minLength", 1}, {"description", description}}}}},
            {"required", {key}},
            {"additionalProperties", false}};
}

Json runSchema() {
    return Json::parse(
        R"({"type": "object", "additionalProperties": false, "required": ["names"], "properties": {
      "names": {"type": "array", "minItems": 1, "items": {"type": "string"}, "description": "names of claims, or all"},
      "missing": {"type": "boolean", "description": "leave out claims that already have a verdict in this project"},
      "seeds": {"type": "integer", "minimum": 0, "maximum": 100, "description": "seeds to measure; 0: as many as the claim asks for"},
      "at-once": {"type": "integer", "minimum": 0, "maximum": 64, "description": "seeds that are measured at the same time, each on one core; 0: as many as there are cores"},
      "scale": {"type": "number", "exclusiveMinimum": 0, "maximum": 10, "description": "share of the training steps; the rules are made for 1"}}})");
}

}  // namespace

ClaimsWorkspace::ClaimsWorkspace(MainWindow* window, std::filesystem::path program)
    : Workspace("claims", tr("Claims"), "probe"),
      window_(window),
      board_(new ClaimsBoard),
      service_(true),
      control_(false),
      processes_(std::move(program)) {
    setCentralWidget(board_);
    poll_.setInterval(kPollMs);
    connect(&poll_, &QTimer::timeout, this, &ClaimsWorkspace::refresh);
    connect(&service_, &RunService::changed, this, &ClaimsWorkspace::refresh);
    connect(&service_, &RunService::opened, board_, [this] { board_->setProblem({}); });
    connect(&service_, &RunService::openFailed, this, [this](const QString& message) {
        board_->setProblem(message);
        show(claimsOfCatalogue());
    });
    connect(&processes_, &RunProcesses::failedEarly, this, [this](const QString& message, qint64 process) {
        if (process_ == process)
            starting_.clear();
        // One that was stopped says so in its row.
        if (!message.contains(": cancelled"))
            window_->toasts().show(ToastKind::Error, message);
        refresh();
    });
    connect(board_, &ClaimsBoard::runRequested, this, [this](const QStringList& names) {
        Json arguments{{"names", Json::array()}};
        for (const QString& name : names)
            arguments["names"].push_back(name.toStdString());
        if (names == QStringList{"all"})
            arguments["missing"] = true;
        window_->commands().run("claims.board.run", arguments);
    });
    connect(board_, &ClaimsBoard::stopRequested, this, [this] {
        window_->commands().run("claims.board.stop", {{"name", board_->chosen().toStdString()}});
    });
    connect(board_, &ClaimsBoard::runsRequested, this, [this](const QString& claim) {
        window_->commands().run("claims.board.runs", {{"name", claim.toStdString()}});
    });
    connect(board_, &ClaimsBoard::chosenChanged, this, [this](const QString& claim) {
        window_->commands().run("claims.board.choose", {{"name", claim.toStdString()}});
    });
    connect(board_, &ClaimsBoard::exportRequested, this, &ClaimsWorkspace::chooseFile);
    show(claimsOfCatalogue());
}

bool ClaimsWorkspace::isBusy() const {
    return service_.isBusy();
}

void ClaimsWorkspace::followProject() {
    const std::filesystem::path folder = window_->commands().project();
    if (folder == folder_)
        return;
    folder_ = folder;
    starting_.clear();
    poll_.stop();
    board_->setProblem({});
    for (RunService* service : {&service_, &control_})
        service->open(folder);
    show(claimsOfCatalogue());
    if (!folder.empty())
        refresh();
}

void ClaimsWorkspace::refresh() {
    if (folder_.empty())
        return;
    service_.ask<std::vector<ClaimLine>>(
        "claims", [](const Project& project) { return claimsOf(project); },
        [this](Result<std::vector<ClaimLine>> lines) {
            if (lines)
                show(std::move(*lines));
        });
}

void ClaimsWorkspace::show(std::vector<ClaimLine> lines) {
    const bool gone = process_ != 0 && ::kill(pid_t(process_), 0) != 0;
    bool atWork = false;
    for (ClaimLine& line : lines) {
        if (!line.liveRun.isEmpty())
            starting_.removeAll(line.name);
        atWork = atWork || !line.liveRun.isEmpty();
    }
    if (gone || atWork)
        starting_.clear();  // of several, the first one has begun: the others wait for it
    for (ClaimLine& line : lines)
        if (starting_.contains(line.name) && line.liveRun.isEmpty())
            line.state = ClaimState::Starting;
    board_->setClaims(std::move(lines));
    if (!wanted_.isEmpty())
        board_->choose(std::exchange(wanted_, QString()));
    if (atWork || !starting_.isEmpty()) {
        if (!poll_.isActive())
            poll_.start();
    } else {
        poll_.stop();
    }
}

Result<void> ClaimsWorkspace::run(const Json& arguments) {
    if (folder_.empty())
        return fail(ErrorCode::InvalidArgument, "no project is open: verdicts are kept in a project", {},
                    "Ctrl+K, then: Open or make a project");
    QStringList line{"claims", "run"}, names;
    for (const char* key : {"seeds", "at-once", "scale"})
        if (arguments.contains(key))
            line << QString("--%1").arg(key) << QString::fromStdString(arguments[key].dump());
    if (arguments.value("missing", false))
        line << "--missing";
    const bool missing = arguments.value("missing", false);
    for (const Json& name : arguments["names"]) {
        const std::string wanted = name.get<std::string>();
        if (wanted != "all")
            VITRINE_TRY_VOID(findClaim(wanted).map([](const auto&) {}));
        for (const ClaimLine& each : board_->claims()) {
            if (wanted != "all" && each.name.toStdString() != wanted)
                continue;
            if (!each.liveRun.isEmpty() || starting_.contains(each.name))
                return fail(ErrorCode::Busy, "this claim is being measured", wanted,
                            "Wait for it, or stop it");
            if (!missing || !each.verdict)
                names.append(each.name);
        }
        line << QString::fromStdString(wanted);
    }
    VITRINE_TRY(process_, processes_.command(folder_, line, "claims"));
    starting_ = names;
    poll_.start();
    show(board_->claims());
    return {};
}

Result<void> ClaimsWorkspace::stop(const std::string& claim) {
    for (const ClaimLine& line : board_->claims())
        if (line.name.toStdString() == claim && !line.liveRun.isEmpty()) {
            control_.ask<Json>(
                "stop",
                [run = line.liveRun.toStdString()](const Project& project) {
                    return sendControl(controlSocketPath(project, run), Json{{"command", "stop"}});
                },
                [this](Result<Json> answer) {
                    if (!answer)
                        window_->toasts().show(ToastKind::Error,
                                               QString::fromStdString(answer.error().text()));
                    refresh();
                });
            return {};
        }
    return fail(ErrorCode::NotFound, "this claim is not being measured", claim);
}

void ClaimsWorkspace::showRuns(const QString& claim) {
    window_->commands().run("runs.view.filter",
                            {{"filter", "kind = claim and params.settings.claim = " + claim.toStdString()}});
    for (const ClaimLine& line : board_->claims())
        if (line.name == claim && line.verdict)
            window_->commands().run("runs.view.select",
                                    {{"runs", Json::array({line.verdict->run.toStdString()})}});
    window_->commands().run("workspace.show", {{"name", "runs"}});
}

Result<void> ClaimsWorkspace::save(const std::filesystem::path& file) {
    const std::string kind = file.extension().string();
    if (kind == ".csv")
        VITRINE_TRY_VOID(writeFileAtomically(file, board_->toCsv().toStdString()));
    else if (kind == ".md")
        VITRINE_TRY_VOID(writeFileAtomically(file, board_->toMarkdown().toStdString()));
    else if (kind == ".png") {
        QByteArray bytes;
        QBuffer buffer(&bytes);
        buffer.open(QIODevice::WriteOnly);
        board_->toImage().save(&buffer, "PNG");
        VITRINE_TRY_VOID(writeFileAtomically(file, bytes.toStdString()));
    } else
        return fail(ErrorCode::InvalidArgument, "the ending says what to write", file.string(),
                    "One of: .csv, .md, .png");
    window_->toasts().show(ToastKind::Success, tr("Saved %1").arg(QString::fromStdString(file.string())));
    return {};
}

void ClaimsWorkspace::chooseFile() {
    auto* dialog =
        new QFileDialog(this, tr("Save the claims"), {}, tr("CSV (*.csv);;Markdown (*.md);;Picture (*.png)"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->setDefaultSuffix("csv");
    connect(dialog, &QFileDialog::fileSelected, this, [this](const QString& path) {
        window_->commands().run("claims.board.save", {{"path", path.toStdString()}});
    });
    dialog->open();
}

void ClaimsWorkspace::restoreSession(const Json& session) {
    wanted_ = QString::fromStdString(jsonValueOr<std::string>(session, "chosen", "", "claims").value_or(""));
    if (!wanted_.isEmpty())
        board_->choose(wanted_);
}

void ClaimsWorkspace::declareCommands(CommandCenter& commands) {
    const auto add = [&](const char* name, const char* summary, Json arguments,
                         std::function<Result<void>(const Json&)> act) {
        commands.add({name, summary, {}, "probe", std::move(arguments), std::move(act)});
    };
    add("claims.board.run", "Measure claims in a process that outlives the window", runSchema(),
        [this](const Json& given) { return run(given); });
    add("claims.board.stop", "Stop measuring a claim; finished seeds are kept",
        nameSchema("name", "Name of the claim"),
        [this](const Json& given) { return stop(given["name"].get<std::string>()); });
    add("claims.board.choose", "Show the rules and numbers of a claim",
        nameSchema("name", "Name of the claim"), [this](const Json& given) -> Result<void> {
            VITRINE_TRY(const ClaimInfo info, findClaim(given["name"].get<std::string>()));
            board_->choose(QString::fromStdString(info.name));
            return {};
        });
    add("claims.board.runs", "Show the runs of a claim in the table of runs",
        nameSchema("name", "Name of the claim"), [this](const Json& given) -> Result<void> {
            VITRINE_TRY(const ClaimInfo info, findClaim(given["name"].get<std::string>()));
            showRuns(QString::fromStdString(info.name));
            return {};
        });
    add("claims.board.save", "Save the claims as CSV, Markdown or a picture",
        nameSchema("path", "File: .csv, .md or .png"),
        [this](const Json& given) { return save(given["path"].get<std::string>()); });
    connect(&commands, &CommandCenter::projectChanged, this, &ClaimsWorkspace::followProject);
    followProject();
}

}  // namespace vitrine
