#include "core/models/language/generation.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

namespace vitrine {
namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

int64_t argmaxOf(const float* values, int64_t count) {
    return std::max_element(values, values + count) - values;
}

}  // namespace

Result<void> Sampling::validate() const {
    if (!(temperature > 0) || !std::isfinite(temperature))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("the temperature must be above 0, found {}", temperature), "temperature",
                    "For the likeliest token at each step choose greedy");
    if (topK < 0)
        return fail(ErrorCode::InvalidArgument, fmt::format("must not be negative, found {}", topK), "top-k");
    if (!(topP > 0 && topP <= 1))
        return fail(ErrorCode::InvalidArgument, fmt::format("must lie in (0, 1], found {}", topP), "top-p");
    return {};
}

const char* reasonName(Generation::Reason reason) {
    switch (reason) {
        case Generation::Reason::Length:
            return "length";
        case Generation::Reason::EndToken:
            return "end_token";
        case Generation::Reason::ContextFull:
            return "context_full";
        case Generation::Reason::Asked:
            return "asked";
    }
    return "";
}

TokenSampler::TokenSampler(const Sampling& sampling)
    : sampling_(sampling), state_(sampling.seed * 0x9E3779B97F4A7C15ull + 0x632BE59BD9B4E019ull) {}

// splitmix64 (Steele et al. 2014): the same draws on every machine.
double TokenSampler::uniform() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return double((z ^ (z >> 31)) >> 11) * 0x1.0p-53;
}

int64_t TokenSampler::next(const at::Tensor& logits) {
    const at::Tensor row = logits.detach().to(at::kCPU, at::kFloat).contiguous().view({-1});
    const float* values = row.const_data_ptr<float>();
    const int64_t count = row.numel();
    if (sampling_.greedy)
        return argmaxOf(values, count);
    std::vector<int64_t> order(static_cast<size_t>(count));
    std::iota(order.begin(), order.end(), int64_t(0));
    const bool cut = sampling_.topK > 0 && sampling_.topK < count;
    const auto kept = cut ? order.begin() + sampling_.topK : order.end();
    const auto likelier = [values](int64_t a, int64_t b) {
        return values[a] != values[b] ? values[a] > values[b] : a < b;
    };
    if (cut || sampling_.topP < 1)
        std::partial_sort(order.begin(), kept, order.end(), likelier);
    order.erase(kept, order.end());
    const float greatest = values[*std::max_element(
        order.begin(), order.end(), [values](int64_t a, int64_t b) { return values[a] < values[b]; })];
    std::vector<double> weights;
    weights.reserve(order.size());
    for (const int64_t id : order)
        weights.push_back(std::exp(double(values[id] - greatest) / sampling_.temperature));
    double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    if (sampling_.topP < 1) {
        double sum = 0;
        size_t last = 0;
        while (last < weights.size() && sum < sampling_.topP * total)
            sum += weights[last++];
        weights.resize(last);
        total = sum;
    }
    double left = uniform() * total;
    for (size_t i = 0; i < weights.size(); ++i)
        if ((left -= weights[i]) < 0)
            return order[i];
    return order[weights.size() - 1];
}

Result<Generation> generate(const LanguageModel& model, const std::vector<int64_t>& prompt,
                            const GenerationOptions& options, JobContext& job,
                            const std::function<bool(int64_t)>& sink) {
    const DecoderConfig& config = model.config();
    VITRINE_TRY_VOID(options.sampling.validate());
    if (prompt.empty())
        return fail(ErrorCode::InvalidArgument, "the prompt holds no token", "prompt",
                    "Give a text, or let it begin with the start token");
    if (int64_t(prompt.size()) > config.contextLength)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("the prompt has {} tokens, the context holds {}", prompt.size(),
                                config.contextLength),
                    "prompt", "Shorten it");
    at::Tensor ids = at::tensor(prompt, at::kLong).unsqueeze(0);
    VITRINE_TRY_VOID(model.checkIds(ids));
    at::NoGradGuard noGrad;
    Generation result;
    const Decoder& decoder = model.decoder();
    const int64_t room = std::min(config.contextLength, int64_t(prompt.size()) + options.maxNewTokens);
    KeyValueCache cache(std::min<int64_t>(room, 4096));
    TokenSampler sampler(options.sampling);
    std::vector<at::Tensor> kept;
    Clock::time_point start = Clock::now();
    for (int64_t made = 0; made < options.maxNewTokens; ++made) {
        VITRINE_TRY_VOID(job.checkStop());
        const at::Tensor hidden = decoder.hidden(ids, {.cache = &cache});
        const at::Tensor logits = decoder.head(hidden.narrow(1, hidden.size(1) - 1, 1)).view({-1});
        if (options.keepLogits)
            kept.push_back(logits.to(at::kFloat));
        const int64_t id = sampler.next(logits);
        if (made == 0) {
            result.promptSeconds = secondsSince(start);
            start = Clock::now();
        }
        result.ids.push_back(id);
        if (sink && !sink(id)) {
            result.reason = Generation::Reason::Asked;
            break;
        }
        if (options.stopAtEnd && std::find(config.eos.begin(), config.eos.end(), id) != config.eos.end()) {
            result.reason = Generation::Reason::EndToken;
            break;
        }
        if (made + 1 < options.maxNewTokens && cache.length() >= config.contextLength) {
            result.reason = Generation::Reason::ContextFull;
            break;
        }
        if (made == 0)
            ids = at::empty({1, 1}, at::kLong);
        *ids.data_ptr<int64_t>() = id;
    }
    result.decodeSeconds = secondsSince(start);
    if (options.keepLogits)
        result.logits = kept.empty() ? at::empty({0, config.vocabulary}) : at::stack(kept);
    return result;
}

}  // namespace vitrine
