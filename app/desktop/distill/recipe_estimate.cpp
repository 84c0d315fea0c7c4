#include "app/desktop/distill/recipe_estimate.h"

#include "core/base/file.h"
#include "core/base/paths.h"

#include <unistd.h>

namespace vitrine {

constexpr int kCloseMs = 2000;  // to end when the window closes

RecipeEstimate::RecipeEstimate(QObject* parent) : QObject(parent) {
    process_.setStandardInputFile(QProcess::nullDevice());
    connect(&process_, &QProcess::finished, this, [this] { finish(true); });
    connect(&process_, &QProcess::errorOccurred, this, [this](QProcess::ProcessError error) {
        if (error == QProcess::FailedToStart)
            finish(false);
    });
}

RecipeEstimate::~RecipeEstimate() {
    process_.disconnect(this);
    cancel();
    process_.waitForFinished(kCloseMs);
    std::error_code ignored;
    std::filesystem::remove(file_, ignored);
}

Result<void> RecipeEstimate::ask(const std::filesystem::path& project, const Json& recipe) {
    if (isAsking())
        return fail(ErrorCode::Busy, "an estimate is being made", "distill", "Wait for it, or cancel it");
    const std::filesystem::path program = executableFolder() / "vitrine";
    if (!std::filesystem::exists(program))
        return fail(ErrorCode::NotFound, "the command-line program is missing", program.string(),
                    "It belongs beside the window's program; build or install both");
    const std::filesystem::path folder = userStateFolder() / "jobs";
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    file_ = folder / fmt::format("estimate-{}.json", ::getpid());
    VITRINE_TRY_VOID(writeFileAtomically(file_, recipe.dump(2) + "\n"));
    cancelled_ = false;
    process_.start(QString::fromStdString(program.string()),
                   {"--json", "--quiet", "--project", QString::fromStdString(project.string()), "run",
                    "--dry-run", QString::fromStdString(file_.string())});
    emit stateChanged();
    return {};
}

void RecipeEstimate::cancel() {
    cancelled_ = true;
    if (isAsking())
        process_.terminate();
}

void RecipeEstimate::finish(bool ended) {
    emit stateChanged();
    if (cancelled_)
        return;
    const QByteArray printed = process_.readAllStandardOutput();
    const bool good = ended && process_.exitStatus() == QProcess::NormalExit && process_.exitCode() == 0;
    if (!good) {
        const QString said = QString::fromUtf8(process_.readAllStandardError()).trimmed();
        emit failed(said.isEmpty() ? process_.errorString() : said);
        return;
    }
    const auto answer = parseJson(printed.toStdString(), "estimate");
    if (answer && answer->contains("estimate"))
        emit told((*answer)["estimate"]);
    else
        emit failed(tr("nothing could be told of this recipe"));
}

}  // namespace vitrine
