#include "core/engine/language_evaluation_kind.h"

#include "core/commands/text_table.h"
#include "core/engine/engine_plugins.h"
#include "core/engine/language_store.h"
#include "core/eval/language_choices.h"
#include "core/eval/language_perplexity.h"
#include "core/runs/run_context.h"
#include "core/text/corpus.h"

#include <algorithm>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

class LanguageEvaluationJob {
  public:
    explicit LanguageEvaluationJob(RunContext& run) : run_(run) {}

    Result<void> execute() {
        const Json& settings = run_.settings();
        const auto models = settings["models"].get<std::vector<std::string>>();
        if (settings["texts"].empty() && settings["questions"].empty())
            return fail(ErrorCode::InvalidArgument, "there is nothing to evaluate on", "settings",
                        "Name texts (perplexity) or files of questions");
        if (run_.savedState())
            rows_ = run_.savedState()->at("rows");
        for (size_t i = 0; i < models.size(); ++i)
            VITRINE_TRY_VOID(evaluate(models[i], int64_t(i)));
        VITRINE_TRY([[maybe_unused]] const StoredFile json,
                    run_.putArtifact("evaluation.json", Json{{"scores", rows_}}.dump(2) + "\n",
                                     {.kind = "report", .mediaType = "application/json"}));
        return {};
    }

  private:
    bool isDone(const std::string& model, const std::string& data) const {
        return std::any_of(rows_.begin(), rows_.end(),
                           [&](const Json& row) { return row["path"] == model && row["data"] == data; });
    }

    Result<void> evaluate(const std::string& path, int64_t index) {
        const Json& settings = run_.settings();
        std::vector<std::string> texts, questions;
        for (const std::string text : settings["texts"])
            if (!isDone(path, text))
                texts.push_back(text);
        for (const std::string file : settings["questions"])
            if (!isDone(path, file))
                questions.push_back(file);
        if (texts.empty() && questions.empty())
            return {};
        VITRINE_TRY(const OpenedLanguage language,
                    openLanguage(path, settings["tokenizer"], run_.recipe().value("device", "cpu"),
                                 settings["dtype"]));
        VITRINE_TRY_VOID(run_.usedInput("model", language.identity, path));
        for (const std::string& text : texts) {
            VITRINE_TRY_VOID(run_.pausePoint());
            VITRINE_TRY_VOID(measure(language, path, index, text));
        }
        for (const std::string& file : questions) {
            VITRINE_TRY_VOID(run_.pausePoint());
            VITRINE_TRY_VOID(ask(language, path, index, file));
        }
        return {};
    }

    Result<void> add(Json row, const std::string& model, const std::string& data) {
        row["model"] = fs::path(model).filename().string();
        row["path"] = model;
        row["data"] = data;
        rows_.push_back(std::move(row));
        return run_.saveState({{"rows", rows_}});
    }

    Result<void> measure(const OpenedLanguage& language, const std::string& path, int64_t index,
                         const std::string& text) {
        const Json& settings = run_.settings();
        CorpusOptions corpusOptions;
        corpusOptions.text.field = settings["field"];
        VITRINE_TRY(const Corpus corpus, openCorpus({text}, language.tokenizer, language.tokenizerIdentity,
                                                    corpusOptions, run_.job()));
        VITRINE_TRY_VOID(run_.usedInput("data", corpus.tokens->info().corpusHash, text));
        PerplexityOptions options;
        options.length = settings["length"];
        options.documents = settings["documents"];
        options.batch = settings["batch"];
        options.limit = settings["windows"];
        VITRINE_TRY(const PerplexityScore score,
                    measurePerplexity(*language.model, *corpus.tokens, options, run_.job()));
        const std::string name = fs::path(text).filename().string();
        run_.metric(fmt::format("perplexity/{} ({})", name, score.key()), index, score.perplexity());
        run_.metric(fmt::format("bits per byte/{}", name), index, score.bitsPerByte());
        run_.metric(fmt::format("time/{} (s)", name), index, score.seconds);
        Json row = score.toJson();
        row.erase("seconds");  // results are equal where they are equal
        return add(std::move(row), path, text);
    }

    Result<void> ask(const OpenedLanguage& language, const std::string& path, int64_t index,
                     const std::string& file) {
        VITRINE_TRY(const auto questions, readChoiceQuestions(file));
        VITRINE_TRY_VOID(run_.usedInput("data", file, fmt::format("{} questions", questions.size())));
        VITRINE_TRY(const ChoiceScores scores,
                    scoreChoices(*language.model, language.tokenizer, questions, run_.job()));
        const std::string name = fs::path(file).filename().string();
        if (scores.questions > 0) {
            run_.metric("accuracy/" + name, index, scores.accuracy);
            run_.metric("accuracy per byte/" + name, index, scores.accuracyPerByte);
        }
        if (scores.clozes > 0)
            run_.metric("cloze accuracy/" + name, index, scores.clozeAccuracy);
        return add(scores.toJson(), path, file);
    }

    RunContext& run_;
    Json rows_ = Json::array();
};

std::string percent(const Json& row, const char* key) {
    return row.contains(key) ? fmt::format("{:.1f} %", 100 * row[key].get<double>()) : "-";
}

}  // namespace

std::string languageEvaluationTable(const Json& rows) {
    std::vector<std::string> keys;
    for (const Json& row : rows)
        if (const std::string key = row.value("key", "");
            std::find(keys.begin(), keys.end(), key) == keys.end())
            keys.push_back(key);
    std::string text;
    for (const std::string& key : keys) {
        TextTable table;
        table.header = key.empty() ? std::vector<std::string>{"model",  "questions", "accuracy",  "per byte",
                                                              "chance", "cloze",     "cloze nats"}
                                   : std::vector<std::string>{"model",      "text",      "perplexity",
                                                              "nats/token", "bits/byte", "tokens"};
        table.rightAligned = {false, false, true, true, true, true, true};
        for (const Json& row : rows) {
            if (row.value("key", "") != key)
                continue;
            const std::string model = row["model"],
                              data = fs::path(row["data"].get<std::string>()).filename().string();
            if (key.empty())
                table.rows.push_back({model, data, percent(row, "accuracy"), percent(row, "accuracyPerByte"),
                                      percent(row, "chance"), percent(row, "clozeAccuracy"),
                                      row.contains("clozeNats")
                                          ? fmt::format("{:.3f}", row["clozeNats"].get<double>())
                                          : "-"});
            else
                table.rows.push_back({model, data, fmt::format("{:.3f}", row["perplexity"].get<double>()),
                                      fmt::format("{:.4f}", row["natsPerToken"].get<double>()),
                                      fmt::format("{:.4f}", row["bitsPerByte"].get<double>()),
                                      groupedNumber(row["predictedTokens"])});
        }
        text += table.text() + (key.empty() ? "\n" : key + "\n\n");
    }
    return text;
}

JobKind languageEvaluationKind() {
    JobKind kind;
    kind.name = "evaluate-language";
    kind.summary = "Measure language models: perplexity, bits per byte, questions with given answers";
    kind.settingsSchema = Json::parse(R"json({"type": "object", "required": ["models"], "properties": {
      "models": {"type": "array", "minItems": 1, "items": {"type": "string"}, "format": "model", "title": "Models", "description": "Language model folders or files."},
      "texts": {"type": "array", "items": {"type": "string"}, "default": [], "title": "Texts", "description": "Text files, JSONL files or folders of them; each is measured on its own."},
      "questions": {"type": "array", "items": {"type": "string"}, "default": [], "title": "Questions", "description": "JSONL files: context, choices and answer, or context and target."},
      "tokenizer": {"type": "string", "default": "", "title": "Tokenizer", "description": "File or folder; empty: the one beside each model."},
      "field": {"type": "string", "default": "text", "minLength": 1, "title": "Field of JSONL texts"},
      "length": {"type": "integer", "minimum": 0, "default": 0, "title": "Window", "unit": "tokens", "description": "0: the model's context, at most 2048."},
      "documents": {"type": "boolean", "default": false, "title": "Documents apart", "description": "Each document behind the start token, in place of windows over all of them in a row."},
      "windows": {"type": "integer", "minimum": 0, "default": 0, "title": "At most", "unit": "windows", "description": "Evenly spread; 0: all."},
      "batch": {"type": "integer", "minimum": 1, "maximum": 1024, "default": 4, "title": "Batch", "unit": "windows"},
      "dtype": {"type": "string", "enum": ["float32", "bfloat16"], "default": "float32", "title": "Compute in"}}})json");
    kind.run = [](RunContext& run) {
        loadEnginePlugins();
        return LanguageEvaluationJob(run).execute();
    };
    return kind;
}

}  // namespace vitrine
