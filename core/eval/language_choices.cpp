#include "core/eval/language_choices.h"

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/eval/language_perplexity.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

Result<int64_t> answerOf(const Json& json, const std::vector<std::string>& choices,
                         const std::string& where) {
    const auto wrong = [&](const std::string& found) {
        return fail(ErrorCode::InvalidFile,
                    fmt::format("\"answer\" names none of the {} choices: {}", choices.size(), found), where,
                    "Write a number from 0, a letter from A, or the text of a choice");
    };
    if (!json.contains("answer"))
        return fail(ErrorCode::InvalidFile, "there is no \"answer\"", where);
    const Json& answer = json["answer"];
    const auto count = int64_t(choices.size());
    if (answer.is_number_integer()) {
        const int64_t index = answer;
        return index >= 0 && index < count ? Result<int64_t>(index) : wrong(answer.dump());
    }
    if (!answer.is_string())
        return wrong(answer.dump());
    const std::string text = answer;
    for (int64_t i = 0; i < count; ++i)
        if (choices[size_t(i)] == text)
            return i;
    if (text.size() == 1 && text[0] >= 'A' && text[0] < 'A' + count)
        return int64_t(text[0] - 'A');
    return wrong(text);
}

Result<ChoiceQuestion> questionOf(std::string_view line, const std::string& where) {
    VITRINE_TRY(const Json json, parseJson(line, where));
    if (!json.is_object())
        return fail(ErrorCode::InvalidFile, "a question must be an object", where);
    ChoiceQuestion question;
    VITRINE_TRY(question.context,
                jsonValue<std::string>(json, json.contains("context") ? "context" : "question", where));
    if (json.contains("target")) {
        VITRINE_TRY(const std::string target, jsonValue<std::string>(json, "target", where));
        question.choices = {target};
        return question;
    }
    VITRINE_TRY(question.choices, jsonValue<std::vector<std::string>>(json, "choices", where));
    if (question.choices.size() < 2)
        return fail(ErrorCode::InvalidFile, "a question needs two choices at least", where);
    VITRINE_TRY(question.answer, answerOf(json, question.choices, where));
    return question;
}

// One context with one answer as tokens; the answer's are the last `answerTokens`.
struct Row {
    std::vector<int64_t> ids;
    int64_t answerTokens = 0;
    bool shortened = false;
};

// The tokens of the answer are those that come on top of the context's. Spaces at the context's end go to the
// answer, since most tokenizers join a space with the word behind it.
Result<Row> makeRow(const Tokenizer& tokenizer, const DecoderConfig& config, std::string context,
                    std::string answer) {
    const size_t end = context.find_last_not_of(' ') + 1;
    answer = context.substr(end) + answer;
    context.resize(end);
    VITRINE_TRY(const Encoding front, tokenizer.encode(context, {.addSpecialTokens = false}));
    VITRINE_TRY(const Encoding whole, tokenizer.encode(context + answer, {.addSpecialTokens = false}));
    Row row;
    row.ids = whole.ids;
    if (config.bos)
        row.ids.insert(row.ids.begin(), *config.bos);
    row.answerTokens = int64_t(whole.ids.size()) - int64_t(front.ids.size());
    if (row.answerTokens < 1)
        return fail(ErrorCode::InvalidArgument, "an answer gives no token of its own", answer);
    // The first token has nothing in front of it that could predict it.
    row.answerTokens = std::min(row.answerTokens, int64_t(row.ids.size()) - 1);
    if (row.answerTokens < 1)
        return fail(ErrorCode::InvalidArgument, "context and answer are one token together", answer);
    if (row.answerTokens >= config.contextLength)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("the answer has {} tokens, the context holds {}", row.answerTokens,
                                config.contextLength),
                    answer.substr(0, 60));
    if (int64_t(row.ids.size()) > config.contextLength) {
        row.ids.erase(row.ids.begin(), row.ids.end() - config.contextLength);
        row.shortened = true;
    }
    return row;
}

struct RowScore {
    double logLikelihood = 0;
    bool greedy = true;
};

// All answers of one question in one pass: padding stands behind, where a causal model does not see it.
std::vector<RowScore> scoreRows(const LanguageModel& model, const std::vector<Row>& rows) {
    size_t longest = 0;
    for (const Row& row : rows)
        longest = std::max(longest, row.ids.size());
    const at::Tensor ids = at::zeros({int64_t(rows.size()), int64_t(longest)}, at::kLong);
    for (size_t i = 0; i < rows.size(); ++i)
        std::copy(rows[i].ids.begin(), rows[i].ids.end(), ids[int64_t(i)].data_ptr<int64_t>());
    const at::Tensor hidden = model.decoder().hidden(ids);
    std::vector<RowScore> scores;
    for (size_t i = 0; i < rows.size(); ++i) {
        const int64_t count = rows[i].answerTokens, end = int64_t(rows[i].ids.size());
        const at::Tensor logits =
            model.decoder().head(hidden[int64_t(i)].narrow(0, end - 1 - count, count)).to(at::kFloat);
        const at::Tensor wanted = ids[int64_t(i)].narrow(0, end - count, count).to(logits.device());
        scores.push_back(
            {logits.log_softmax(-1).gather(1, wanted.unsqueeze(1)).to(at::kDouble).sum().item<double>(),
             logits.argmax(-1).eq(wanted).all().item<bool>()});
    }
    return scores;
}

}  // namespace

Result<std::vector<ChoiceQuestion>> readChoiceQuestions(const fs::path& file) {
    VITRINE_TRY(const std::string text, readFile(file));
    std::vector<ChoiceQuestion> questions;
    int64_t number = 0;
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        const std::string_view line = std::string_view(text).substr(at, end - at);
        at = end + 1;
        ++number;
        if (line.find_first_not_of(" \t\r") == std::string_view::npos)
            continue;
        VITRINE_TRY(ChoiceQuestion question,
                    questionOf(line, fmt::format("{}: line {}", file.string(), number)));
        questions.push_back(std::move(question));
    }
    if (questions.empty())
        return fail(ErrorCode::InvalidArgument, "there is no question in it", file.string());
    return questions;
}

Result<ChoiceScores> scoreChoices(const LanguageModel& model, const Tokenizer& tokenizer,
                                  const std::vector<ChoiceQuestion>& questions, JobContext& job) {
    VITRINE_TRY_VOID(checkVocabulary(model, tokenizer.vocabularySize(), tokenizer.description()));
    if (questions.empty())
        return fail(ErrorCode::InvalidArgument, "there are no questions");
    at::NoGradGuard noGrad;
    ChoiceScores scores;
    job.beginStage("scoring answers", int64_t(questions.size()));
    for (const ChoiceQuestion& question : questions) {
        VITRINE_TRY_VOID(job.checkStop());
        std::vector<Row> rows;
        for (const std::string& choice : question.choices) {
            VITRINE_TRY(Row row, makeRow(tokenizer, model.config(), question.context, choice));
            scores.shortened += row.shortened && rows.empty();
            rows.push_back(std::move(row));
        }
        const std::vector<RowScore> results = scoreRows(model, rows);
        ChoiceScores::Answer answer;
        double best = -1e300, bestPerByte = -1e300;
        for (size_t i = 0; i < results.size(); ++i) {
            const double likelihood = results[i].logLikelihood;
            const double perByte = likelihood / double(std::max<size_t>(1, question.choices[i].size()));
            answer.logLikelihoods.push_back(likelihood);
            if (likelihood > best) {
                best = likelihood;
                answer.chosen = int64_t(i);
            }
            if (perByte > bestPerByte) {
                bestPerByte = perByte;
                answer.chosenPerByte = int64_t(i);
            }
        }
        if (question.choices.size() == 1) {
            ++scores.clozes;
            scores.clozeAccuracy += results[0].greedy;
            scores.clozeNats -= results[0].logLikelihood;
        } else {
            ++scores.questions;
            scores.accuracy += answer.chosen == question.answer;
            scores.accuracyPerByte += answer.chosenPerByte == question.answer;
            scores.chance += 1.0 / double(question.choices.size());
        }
        scores.answers.push_back(std::move(answer));
        job.advance();
    }
    const auto questionCount = double(std::max<int64_t>(1, scores.questions));
    const auto clozeCount = double(std::max<int64_t>(1, scores.clozes));
    scores.accuracy /= questionCount;
    scores.accuracyPerByte /= questionCount;
    scores.chance /= questionCount;
    scores.clozeAccuracy /= clozeCount;
    scores.clozeNats /= clozeCount;
    return scores;
}

Json ChoiceScores::toJson() const {
    Json json = {{"questions", questions}, {"clozes", clozes}, {"shortened", shortened}};
    if (questions > 0) {
        json["accuracy"] = accuracy;
        json["accuracyPerByte"] = accuracyPerByte;
        json["chance"] = chance;
    }
    if (clozes > 0) {
        json["clozeAccuracy"] = clozeAccuracy;
        json["clozeNats"] = clozeNats;
    }
    return json;
}

}  // namespace vitrine
