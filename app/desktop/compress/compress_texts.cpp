#include "app/desktop/compress/compress_texts.h"

#include "core/io/language_files.h"
#include "widgets/compress/token_text.h"

#include <QFileInfo>
#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

QString nameOf(const std::string& path) {
    return QFileInfo(QString::fromStdString(path)).fileName();
}

QString lane(int side) {
    return side == 0 ? QStringLiteral("write left") : QStringLiteral("write right");
}

std::string tokenizerIn(const CompressedRun& run) {
    const Json settings = run.recipe.value("settings", Json::object());
    const std::string tokenizer = settings.value("tokenizer", std::string());
    // Exported folders of single files carry none: the one beside the dense model serves them.
    return tokenizer.empty() ? run.model() : tokenizer;
}

QString measuredOf(const Json& row) {
    if (!row.contains("perplexity") || !row["perplexity"].is_number())
        return {};
    return QObject::tr("perplexity %1 on the run's text").arg(row["perplexity"].get<double>(), 0, 'g', 5);
}

}  // namespace

std::vector<WriterChoice> writerChoices(const CompressController::Shown& runs, const QString& model) {
    std::vector<WriterChoice> choices;
    const auto add = [&](WriterChoice choice) {
        if (std::none_of(choices.begin(), choices.end(),
                         [&](const WriterChoice& each) { return each.path == choice.path; }))
            choices.push_back(std::move(choice));
    };
    for (const auto& run : runs) {
        if (run->isOfEncoder())
            continue;
        const Json* dense = run->row("dense");
        add({QObject::tr("dense: %1").arg(nameOf(run->model())), QString::fromStdString(run->model()),
             QString::fromStdString(run->recipe.value("settings", Json::object()).value("tokenizer", "")),
             dense ? measuredOf(*dense) : QString()});
    }
    for (const auto& run : runs)
        for (const Json& row : run->isOfEncoder() ? Json::array() : run->rows) {
            const std::string plan = row.value("plan", std::string());
            if (const auto folder = run->folderOf(plan); !folder.empty())
                add({runs.size() > 1 ? QStringLiteral("%1 · %2").arg(QString::fromStdString(plan),
                                                                     QString::fromStdString(run->run.name))
                                     : QString::fromStdString(plan),
                     QString::fromStdString(folder.string()), QString::fromStdString(tokenizerIn(*run)),
                     measuredOf(row)});
        }
    if (!model.isEmpty() && isLanguageModelPath(model.toStdString()))
        add({QObject::tr("open: %1").arg(QFileInfo(model).fileName()), model, {}, {}});
    return choices;
}

bool isSamePath(const QString& a, const QString& b) {
    const QString canonical = QFileInfo(a).canonicalFilePath();
    return a == b || (!canonical.isEmpty() && canonical == QFileInfo(b).canonicalFilePath());
}

WriteDesk::WriteDesk(CompressController* controller, CompressInspector* inspector, WriteView* view,
                     QObject* parent)
    : QObject(parent), controller_(controller), inspector_(inspector), view_(view) {
    connect(controller_, &CompressController::shownChanged, this, &WriteDesk::refresh);
    connect(inspector_, &CompressInspector::stateChanged, this, [this] {
        view_->setBusy(inspector_->isBusy(lane(0).toStdString()) ||
                       inspector_->isBusy(lane(1).toStdString()));
    });
    refresh();
}

void WriteDesk::setModel(const QString& path) {
    model_ = path;
    refresh();
}

void WriteDesk::refresh() {
    const auto run = controller_->run();
    view_->setWriters(writerChoices(controller_->shown(), model_),
                      run ? QString::fromStdString(run->bestPlan) : QString());
}

Result<void> WriteDesk::write() {
    if (!view_->writer(0) || !view_->writer(1))
        return fail(ErrorCode::InvalidArgument, "there is no model that could write", "compress",
                    "Open a language model, or a run that kept one");
    done_ = {};
    for (int side = 0; side < 2; ++side)
        ask(side);
    return {};
}

void WriteDesk::stop() {
    for (int side = 0; side < 2; ++side)
        inspector_->cancel(lane(side).toStdString());
}

void WriteDesk::ask(int side) {
    const WriterChoice& writer = *view_->writer(side);
    const WriteSettings settings = view_->settings();
    WriteRequest request;
    request.model = writer.path.toStdString();
    request.tokenizer = writer.tokenizer.toStdString();
    request.prompt = settings.prompt.toStdString();
    request.tokens = settings.tokens;
    request.greedy = settings.temperature <= 0;
    request.temperature = request.greedy ? 1 : settings.temperature;
    request.seed = uint64_t(settings.seed);
    view_->setText(side, {}, tr("Loading …"));
    inspector_->ask<Written>(
        lane(side).toStdString(),
        [this, side, request](CompressEngine& engine, JobContext& job) {
            return engine.write(request, job, [this, side](const std::string& text) {
                inspector_->post([this, side, text] {
                    if (!done_[size_t(side)])
                        view_->setText(side,
                                       QString::fromStdString(text).toHtmlEscaped().replace('\n', "<br>"),
                                       tr("Writing …"));
                });
            });
        },
        [this, side](Result<Written> written) {
            done_[size_t(side)] = true;
            if (!written) {
                view_->setText(side, {}, QString::fromStdString(written.error().text()));
                return;
            }
            written_[size_t(side)] = *written;
            show(side, *written);
            if (done_[0] && done_[1])
                compare();
        });
}

void WriteDesk::show(int side, const Written& written) {
    const WriterChoice* writer = view_->writer(side);
    const QString prompt =
        QString::fromStdString(written.text.substr(0, written.text.size() >= written.continuation.size()
                                                          ? written.text.size() - written.continuation.size()
                                                          : 0));
    const QString html =
        QStringLiteral("<span style='color:gray'>%1</span>%2")
            .arg(prompt.toHtmlEscaped(), QString::fromStdString(written.continuation).toHtmlEscaped())
            .replace('\n', "<br>");
    QStringList facts{
        tr("%1 tokens, %2 a second").arg(written.tokens).arg(written.tokensPerSecond, 0, 'f', 0),
        tr("%1 nats a token for its own text").arg(written.natsPerToken, 0, 'f', 3)};
    if (writer && !writer->measured.isEmpty())
        facts.append(writer->measured);
    view_->setText(side, html, facts.join(QStringLiteral(" · ")));
}

// What the right model thinks of the left one's text: coloured token by token.
void WriteDesk::compare() {
    const WriterChoice *left = view_->writer(0), *right = view_->writer(1);
    if (!left || !right || written_[0].text.empty() || left->path == right->path)
        return;
    using Pair = std::pair<std::vector<TokenScore>, std::vector<TokenScore>>;
    inspector_->ask<Pair>(
        "score",
        [text = written_[0].text, a = left->path.toStdString(), b = right->path.toStdString(),
         ta = left->tokenizer.toStdString(),
         tb = right->tokenizer.toStdString()](CompressEngine& engine, JobContext&) -> Result<Pair> {
            VITRINE_TRY(auto first, engine.score(a, ta, text));
            VITRINE_TRY(auto second, engine.score(b, tb, text));
            return Pair{std::move(first), std::move(second)};
        },
        [this](Result<Pair> scores) {
            if (!scores)
                return;
            const auto& [first, second] = *scores;
            show(1, written_[1]);
            view_->setText(0, tokenHtml(first, second),
                           tr("%1 tokens, %2 a second · the left model gives this text %3 nats a token, the "
                              "right one %4; "
                              "red: where the right one is worse%5")
                               .arg(written_[0].tokens)
                               .arg(written_[0].tokensPerSecond, 0, 'f', 0)
                               .arg(meanNats(first), 0, 'f', 3)
                               .arg(meanNats(second), 0, 'f', 3)
                               .arg(view_->writer(0)->measured.isEmpty()
                                        ? QString()
                                        : QStringLiteral(" · ") + view_->writer(0)->measured));
        });
}

}  // namespace vitrine
