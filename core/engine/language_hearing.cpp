#include "core/engine/language_hearing.h"

#include "core/engine/text_stream.h"

#include <algorithm>
#include <optional>

namespace vitrine {
namespace {

constexpr int64_t kNextShown = 12;
constexpr double kTiny = 1e-300;

at::Tensor batchOf(const std::vector<int64_t>& ids) {
    return at::tensor(ids, at::kLong).unsqueeze(0);
}

// The token as a reader sees it behind the one before: SentencePiece writes no blank in front of a lone word.
// Bytes of a broken character stand under their name in the vocabulary.
std::string pieceOf(const OpenedLanguage& language, std::optional<int64_t> before, int64_t id) {
    const DecodeOptions plain{.skipSpecialTokens = true};
    const std::string front =
        before ? language.tokenizer.decode({*before}, plain).value_or("") : std::string();
    const auto both = before && !front.empty() ? language.tokenizer.decode({*before, id}, plain)
                                               : language.tokenizer.decode({id}, plain);
    if (both && both->starts_with(front) && both->size() > front.size() &&
        both->find("\xEF\xBF\xBD") == std::string::npos)
        return both->substr(front.size());
    if (language.tokenizer.isSpecial(id) || (both && *both == front))
        return {};
    return language.tokenizer.idToToken(id).value_or(fmt::format("<{}>", id));
}

}  // namespace

std::vector<double> doublesOf(const at::Tensor& tensor) {
    const auto values = tensor.to(at::kDouble).cpu().contiguous();
    return {values.const_data_ptr<double>(), values.const_data_ptr<double>() + values.numel()};
}

double meanOf(const std::vector<double>& values) {
    double sum = 0;
    for (const double value : values)
        sum += value;
    return values.empty() ? 0 : sum / double(values.size());
}

Result<std::vector<int64_t>> textTokens(const OpenedLanguage& language, const std::string& text) {
    VITRINE_TRY(std::vector<int64_t> ids, promptTokens(language, text));
    const auto bos = language.model->config().bos;
    if (bos && ids.front() != *bos)
        ids.insert(ids.begin(), *bos);
    if (int64_t(ids.size()) > language.model->config().contextLength)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("the text has {} tokens, the model's context holds {}", ids.size(),
                                language.model->config().contextLength),
                    "text", "Take a shorter one");
    return ids;
}

std::vector<double> tokenLosses(const LanguageModel& model, const std::vector<int64_t>& ids) {
    const at::NoGradGuard plain;
    const auto held = std::min(int64_t(ids.size()), model.config().contextLength);
    if (held < 2)
        return {};
    return doublesOf(model.decoder().tokenLosses(batchOf({ids.begin(), ids.begin() + held})).flatten());
}

std::vector<TokenScore> tokenScores(const OpenedLanguage& language, const std::vector<int64_t>& ids,
                                    const std::vector<double>& losses) {
    std::vector<TokenScore> scores;
    for (size_t i = 0; i < ids.size(); ++i)
        scores.push_back({pieceOf(language, i > 0 ? std::optional(ids[i - 1]) : std::nullopt, ids[i]),
                          i > 0 && i <= losses.size() ? losses[i - 1] : 0});
    return scores;
}

Heard hear(const LanguageModel& model, const std::vector<int64_t>& ids) {
    const at::NoGradGuard plain;
    const auto logs = model.decoder().logits(batchOf(ids)).squeeze(0).to(at::kDouble).log_softmax(-1);
    Heard heard;
    heard.next = logs.select(0, logs.size(0) - 1).exp();
    if (ids.size() > 1) {
        const auto targets = at::tensor(ids, at::kLong).slice(0, 1).unsqueeze(1);
        heard.losses = doublesOf(logs.slice(0, 0, -1).gather(1, targets).neg().flatten());
    }
    return heard;
}

void compareHeard(const OpenedLanguage& language, const std::vector<int64_t>& ids, const Heard& before,
                  const Heard& after, WhatIf& answer) {
    answer.before = tokenScores(language, ids, before.losses);
    answer.after = tokenScores(language, ids, after.losses);
    answer.natsBefore = meanOf(before.losses);
    answer.natsAfter = meanOf(after.losses);
    answer.divergence =
        (before.next * (before.next.clamp_min(kTiny).log() - after.next.clamp_min(kTiny).log()))
            .sum()
            .item<double>();
    const auto larger = at::maximum(before.next, after.next);
    const auto order = std::get<1>(larger.topk(std::min<int64_t>(kNextShown, larger.numel())));
    for (int64_t i = 0; i < order.numel(); ++i) {
        const auto id = order[i].item<int64_t>();
        answer.next.push_back({pieceOf(language, ids.back(), id), before.next[id].item<double>(),
                               after.next[id].item<double>()});
    }
    answer.layers = language.model->config().depth();
    for (const LayerSettings& layer : language.model->config().layers)
        if (layer.attention.kind == SubLayerKind::Standard)
            answer.heads = std::max(answer.heads, layer.attention.queryHeads);
}

}  // namespace vitrine
