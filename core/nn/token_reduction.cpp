#include "core/nn/token_reduction.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

namespace vitrine::nn {
namespace {

constexpr std::array<const char*, 4> kNames{"merge", "attention", "norm", "random"};
constexpr const char* kKey = "token_reduction";

at::Tensor byToken(const at::Tensor& index, const at::Tensor& like) {
    return index.unsqueeze(2).expand({-1, -1, like.size(2)});
}

at::Tensor counted(int64_t count, const at::Tensor& like) {
    return at::arange(count, like.options().dtype(at::kLong)).unsqueeze(0).expand({like.size(0), -1});
}

}  // namespace

const char* tokenMethodName(TokenMethod method) {
    return kNames[size_t(method)];
}

Result<TokenMethod> tokenMethodFromName(const std::string& name) {
    const auto found = std::find(kNames.begin(), kNames.end(), name);
    if (found == kNames.end())
        return fail(ErrorCode::InvalidArgument, fmt::format("no way to reduce tokens is named \"{}\"", name),
                    {}, fmt::format("One of: {}", fmt::join(kNames, ", ")));
    return TokenMethod(found - kNames.begin());
}

Result<void> TokenReductionSettings::validate() const {
    if (!(kept > 0 && kept <= 1))
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("a part of {} of the tokens cannot stay: it lies above 0 and at most at 1", kept),
            "kept");
    return {};
}

Json TokenReductionSettings::json() const {
    return {{"method", tokenMethodName(method)}, {"kept", kept}, {"seed", seed}};
}

Result<std::optional<TokenReductionSettings>> TokenReductionSettings::fromConfig(const Json& config) {
    if (!config.is_object() || !config.contains(kKey) || config.at(kKey).is_null())
        return std::optional<TokenReductionSettings>();
    const std::string where = std::string("config.json/") + kKey;
    const Json& entry = config.at(kKey);
    const auto placed = [&](const Error& error) { return error.in(where); };
    VITRINE_TRY(const auto name, jsonValue<std::string>(entry, "method", where));
    TokenReductionSettings settings;
    VITRINE_TRY(settings.method, tokenMethodFromName(name).map_error(placed));
    VITRINE_TRY(settings.kept, jsonValue<double>(entry, "kept", where));
    VITRINE_TRY(const auto seed, jsonValueOr<int64_t>(entry, "seed", 0, where));
    settings.seed = uint64_t(seed);
    VITRINE_TRY_VOID(settings.validate().map_error(placed));
    return std::optional(settings);
}

std::vector<int64_t> TokenReductionSettings::schedule(int64_t depth, int64_t patches) const {
    const auto part = [&](double share) {
        return std::clamp<int64_t>(std::llround(share * double(patches)), std::min<int64_t>(1, patches),
                                   patches);
    };
    std::vector<int64_t> counts;
    int64_t now = patches;
    if (method == TokenMethod::Merge) {
        const int64_t going = patches - part(kept);
        for (int64_t block = 0; block < depth; ++block) {
            // Of two halves, one merges into the other: at most half of the tokens in one block.
            now = std::max(patches - going * (block + 1) / depth, (now + 1) / 2);
            counts.push_back(now);
        }
        return counts;
    }
    const std::set<int64_t> places{depth / 4, depth / 2, 3 * depth / 4};
    double share = 1;
    for (int64_t block = 0; block < depth; ++block) {
        if (places.contains(block))
            share *= std::pow(kept, 1.0 / double(places.size()));
        counts.push_back(part(share));
    }
    return counts;
}

TokenReduction::TokenReduction(const TokenReductionSettings& settings, int64_t depth, int64_t classTokens,
                               int64_t prefixTokens, int64_t patches)
    : settings_(settings),
      schedule_(settings.schedule(depth, patches)),
      classTokens_(classTokens),
      prefix_(prefixTokens),
      patches_(patches) {}

void TokenReduction::look(int64_t block, const at::Tensor& q, const at::Tensor& k, double scale) {
    block_ = block;
    const int64_t now = k.size(2) - prefix_;
    if (schedule_[size_t(block)] >= now)
        return;
    if (settings_.method == TokenMethod::Merge)
        keys_ = k.detach().narrow(2, prefix_, now).mean(1);
    if (settings_.method == TokenMethod::Attention) {
        const at::Tensor looks =
            at::matmul(q.detach().narrow(2, 0, classTokens_), k.detach().transpose(-2, -1)) * scale;
        scores_ = looks.softmax(-1).mean({1, 2}).narrow(1, prefix_, now);
    }
}

std::optional<at::Tensor> TokenReduction::attentionBias() const {
    if (!sizes_.defined())
        return std::nullopt;
    const at::Tensor logs = sizes_.log().transpose(1, 2).unsqueeze(1);  // (B, 1, 1, P)
    return at::cat({at::zeros({logs.size(0), 1, 1, prefix_}, logs.options()), logs}, 3);
}

at::Tensor TokenReduction::reduce(const at::Tensor& x) {
    const int64_t now = x.size(1) - prefix_, staying = schedule_[size_t(block_)];
    if (staying >= now)
        return x;
    const at::Tensor patches = x.narrow(1, prefix_, now);
    if (!place_.defined())
        place_ = counted(now, patches).contiguous();
    const at::Tensor fewer =
        settings_.method == TokenMethod::Merge ? merge(patches, now - staying) : leave(patches, staying);
    return at::cat({x.narrow(1, 0, prefix_), fewer}, 1);
}

at::Tensor TokenReduction::merge(const at::Tensor& x, int64_t leaving) {
    const at::Tensor sizes =
        sizes_.defined() ? sizes_ : at::ones({x.size(0), x.size(1), 1}, x.options().requires_grad(false));
    const auto half = [](const at::Tensor& all, int64_t start) { return all.slice(1, start, {}, 2); };
    const at::Tensor unit = keys_ / keys_.norm(2, {2}, true).clamp_min(1e-12);
    const at::Tensor similar = at::matmul(half(unit, 0), half(unit, 1).transpose(1, 2));
    const auto [best, partner] = similar.max(2);
    const at::Tensor order = best.argsort(1, true);
    const at::Tensor source = order.narrow(1, 0, leaving);
    const at::Tensor stays =
        std::get<0>(order.narrow(1, leaving, order.size(1) - leaving).sort(1));  // in their order
    const at::Tensor target = partner.gather(1, source);

    const at::Tensor weighted = x * sizes;
    const auto gathered = [](const at::Tensor& all, const at::Tensor& index) {
        return all.gather(1, byToken(index, all));
    };
    const at::Tensor sums =
        half(weighted, 1).scatter_add(1, byToken(target, weighted), gathered(half(weighted, 0), source));
    const at::Tensor counts =
        half(sizes, 1).scatter_add(1, byToken(target, sizes), gathered(half(sizes, 0), source));
    sizes_ = at::cat({gathered(half(sizes, 0), stays), counts}, 1);

    const int64_t kept = stays.size(1);
    at::Tensor renamed = at::empty({x.size(0), x.size(1)}, place_.options());
    at::Tensor first = at::empty({x.size(0), order.size(1)}, place_.options());
    first.scatter_(1, stays, counted(kept, x).contiguous());
    first.scatter_(1, source, target + kept);
    half(renamed, 0).copy_(first);
    half(renamed, 1).copy_(counted(similar.size(2), x) + kept);
    place_ = renamed.gather(1, place_);
    return at::cat({gathered(half(x, 0), stays), sums / counts}, 1);
}

at::Tensor TokenReduction::leave(const at::Tensor& x, int64_t staying) {
    if (settings_.method == TokenMethod::Norm)
        scores_ = x.detach().norm(2, {2});
    if (settings_.method == TokenMethod::Random) {
        auto chance = at::detail::createCPUGenerator(settings_.seed + uint64_t(block_));
        scores_ =
            at::rand({1, x.size(1)}, chance, at::TensorOptions()).to(x.device()).expand({x.size(0), -1});
    }
    if (!left_.defined())
        left_ = at::zeros({x.size(0), patches_, x.size(2)}, x.options().requires_grad(false));
    left_ = left_.scatter(1, byToken(place_, x), x);
    const at::Tensor kept = std::get<0>(std::get<1>(scores_.topk(staying, 1)).sort(1));
    place_ = place_.gather(1, kept);
    return x.gather(1, byToken(kept, x));
}

at::Tensor TokenReduction::whole(const at::Tensor& x) const {
    if (!place_.defined())
        return x;
    const at::Tensor patches = x.narrow(1, prefix_, x.size(1) - prefix_);
    const at::Tensor dense = settings_.method == TokenMethod::Merge
                                 ? patches.gather(1, byToken(place_, patches))
                                 : left_.scatter(1, byToken(place_, patches), patches);
    return at::cat({x.narrow(1, 0, prefix_), dense}, 1);
}

}  // namespace vitrine::nn
