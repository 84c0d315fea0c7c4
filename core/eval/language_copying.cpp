#include "core/eval/language_copying.h"

#include <algorithm>

namespace vitrine {
namespace {

constexpr int64_t kLongestDefault = 2048, kShortest = 8;

// Mean loss of the last `count` tokens, and the share of them that are the likeliest.
struct Ending {
    double nats = 0, right = 0;
};

Ending endingOf(const Decoder& decoder, const at::Tensor& ids, int64_t count) {
    const int64_t length = ids.size(1);
    const at::Tensor front = decoder.hidden(ids).narrow(1, length - 1 - count, count);
    const at::Tensor targets = ids.narrow(1, length - count, count);
    Ending ending;
    ending.nats = decoder.lossesOf(front, targets).to(at::kDouble).mean().item<double>();
    ending.right = decoder.head(front).argmax(-1).eq(targets).to(at::kDouble).mean().item<double>();
    return ending;
}

Result<CopyingScore> measureAt(const LanguageModel& model, const TokenFile& text,
                               const CopyingOptions& options, int64_t length, TokenRange range,
                               JobContext& job) {
    CopyingScore score;
    score.length = length;
    score.passage = std::clamp<int64_t>(options.passage, 2, length / 4);
    const int64_t p = score.passage;
    const std::vector<int64_t> all = windowStarts(range, length);
    score.windows = std::min<int64_t>(std::max<int64_t>(1, options.windows), int64_t(all.size()));
    for (int64_t at = 0; at < score.windows; at += options.batch) {
        VITRINE_TRY_VOID(job.checkStop());
        const int64_t count = std::min(options.batch, score.windows - at);
        at::Tensor ids = at::empty({count, length}, at::kLong);
        for (int64_t i = 0; i < count; ++i)
            text.read(all[size_t((at + i) * int64_t(all.size()) / score.windows)],
                      {ids.data_ptr<int64_t>() + i * length, size_t(length)});
        ids = ids.to(model.decoder().device());
        const at::Tensor passage = ids.narrow(1, 0, p), between = ids.narrow(1, p, length - 2 * p),
                         other = ids.narrow(1, length - p, p);
        // The first token of the second passage cannot be foretold from the first one.
        const Ending with = endingOf(model.decoder(), at::cat({passage, between, passage}, 1), p - 1),
                     without = endingOf(model.decoder(), at::cat({other, between, passage}, 1), p - 1);
        const double share = double(count) / double(score.windows);
        score.natsWith += share * with.nats;
        score.natsWithout += share * without.nats;
        score.accuracy += share * with.right;
    }
    return score;
}

}  // namespace

Json CopyingScore::toJson() const {
    return {{"length", length},      {"passage", passage},          {"windows", windows},
            {"nats_with", natsWith}, {"nats_without", natsWithout}, {"gain", gain()},
            {"accuracy", accuracy}};
}

Result<std::vector<CopyingScore>> measureCopying(const LanguageModel& model, const TokenFile& text,
                                                 const CopyingOptions& options, TokenRange range,
                                                 JobContext& job) {
    const int64_t context = model.config().contextLength;
    const int64_t longest = options.length > 0 ? options.length : std::min(context, kLongestDefault);
    if (options.length > 0 && (longest < kShortest || longest > context))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("copying over {} tokens is asked for; the model takes {} to {}", longest,
                                kShortest, context),
                    "length");
    const at::NoGradGuard noGrad;
    std::vector<CopyingScore> scores;
    for (const int64_t part : {8, 4, 2, 1}) {
        const int64_t length = longest / part;
        if (length < kShortest || length > range.count)
            continue;
        VITRINE_TRY(const CopyingScore score, measureAt(model, text, options, length, range, job));
        scores.push_back(score);
    }
    return scores;
}

}  // namespace vitrine
