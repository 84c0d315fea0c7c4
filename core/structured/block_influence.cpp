#include "core/structured/block_influence.h"

#include "core/distill/random_stream.h"
#include "core/models/language/decoder_block.h"

#include <cmath>
#include <limits>

namespace vitrine {
namespace {

// The network as a row of parts, some of them gone.
class PartRow {
  public:
    PartRow(const Decoder& decoder, const at::Tensor& ids)
        : decoder_(decoder), ids_(ids), pass_(decoder.begin(ids)) {}

    int64_t count() const { return 2 * decoder_.depth(); }
    at::Tensor embed() const { return decoder_.embed(ids_); }
    at::Tensor run(int64_t part, const at::Tensor& x) const {
        const DecoderBlock& block = *decoder_.block(part / 2);
        const at::Tensor added =
            part % 2 == 0 ? block.attentionUpdate(x, pass_) : block.feedForwardUpdate(x, pass_);
        return added.defined() ? x + added : x;
    }
    at::Tensor runFrom(int64_t part, at::Tensor x, const std::set<int64_t>& gone) const {
        for (; part < count(); ++part)
            if (!gone.contains(part))
                x = run(part, x);
        return x;
    }
    // Sum of the losses of all predicted tokens, and of the distances of the logits from `full`.
    std::pair<double, double> costs(const at::Tensor& x, const at::Tensor& full) const {
        const int64_t predicted = ids_.size(1) - 1;
        const at::Tensor logits = decoder_.head(decoder_.finalNorm(x)).to(at::kFloat);
        const at::Tensor rows = logits.narrow(1, 0, predicted).reshape({-1, logits.size(2)});
        const at::Tensor targets = ids_.narrow(1, 1, predicted).reshape({-1}).to(rows.device());
        const double loss = at::cross_entropy_loss(rows, targets).item<double>();
        const double distance =
            full.defined() ? (logits - full).norm(2, -1).mean(at::kDouble).item<double>() : 0.0;
        return {loss * double(tokens()), distance * double(tokens())};
    }
    at::Tensor logits(const at::Tensor& x) const {
        return decoder_.head(decoder_.finalNorm(x)).to(at::kFloat);
    }
    int64_t tokens() const { return ids_.size(0) * (ids_.size(1) - 1); }

  private:
    const Decoder& decoder_;
    at::Tensor ids_;
    DecoderPass pass_;
};

int64_t playerCount(const Decoder& decoder, Players players) {
    return players == Players::Blocks ? decoder.depth() : 2 * decoder.depth();
}

std::set<int64_t> partsOf(Players players, const std::set<int64_t>& gone) {
    if (players == Players::Parts)
        return gone;
    std::set<int64_t> parts;
    for (const int64_t block : gone)
        parts.insert({2 * block, 2 * block + 1});
    return parts;
}

at::Tensor ranks(const at::Tensor& values) {
    const at::Tensor v = values.to(at::kDouble);
    const at::Tensor less = v.unsqueeze(1).gt(v.unsqueeze(0)).sum(1).to(at::kDouble);
    const at::Tensor equal = v.unsqueeze(1).eq(v.unsqueeze(0)).sum(1).to(at::kDouble);
    return less + (equal - 1) / 2;  // ties share the mean rank
}

}  // namespace

at::Tensor RemovalCosts::influence(const at::Tensor& costs) {
    const at::Tensor known = costs.masked_select(costs.isfinite());
    const double sum = known.sum().item<double>();
    const double others = std::max<double>(1, double(known.numel() - 1));
    return costs - (sum - costs) / others;
}

Result<RemovalCosts> leaveOneOut(const Decoder& decoder, const std::vector<at::Tensor>& batches,
                                 const InfluenceOptions& options, JobContext& job) {
    const at::NoGradGuard noGrad;
    const int64_t players = playerCount(decoder, options.players);
    const int64_t span = options.players == Players::Blocks ? 2 : 1;  // parts of a player
    const std::set<int64_t> gone = partsOf(options.players, options.removed);
    std::vector<double> losses(size_t(players), 0.0), distances(size_t(players), 0.0);
    double full = 0, tokens = 0;
    job.beginStage("taking out one at a time", int64_t(batches.size()) * players);
    for (const at::Tensor& ids : batches) {
        const PartRow row(decoder, ids);
        std::vector<at::Tensor> fronts;  // stream in front of each player
        at::Tensor x = row.embed();
        for (int64_t part = 0; part < row.count(); ++part) {
            if (part % span == 0)
                fronts.push_back(x);
            if (!gone.contains(part))
                x = row.run(part, x);
        }
        const at::Tensor logits = row.logits(x);
        full += row.costs(x, {}).first;
        tokens += double(row.tokens());
        for (int64_t player = 0; player < players; ++player) {
            VITRINE_TRY_VOID(job.checkStop());
            job.advance();
            if (options.removed.contains(player))
                continue;
            const at::Tensor end = row.runFrom((player + 1) * span, fronts[size_t(player)], gone);
            const auto [loss, distance] = row.costs(end, logits);
            losses[size_t(player)] += loss;
            distances[size_t(player)] += distance;
        }
    }
    RemovalCosts costs;
    costs.fullLoss = full / tokens;
    costs.loss = at::tensor(losses, at::kDouble) / tokens;
    costs.logits = at::tensor(distances, at::kDouble) / tokens;
    for (const int64_t player : options.removed) {
        costs.loss[player] = std::numeric_limits<double>::quiet_NaN();
        costs.logits[player] = std::numeric_limits<double>::quiet_NaN();
    }
    return costs;
}

Result<RemovalCosts> shapleyInfluence(const Decoder& decoder, const std::vector<at::Tensor>& batches,
                                      const SubsetOptions& options, JobContext& job) {
    const at::NoGradGuard noGrad;
    const int64_t players = playerCount(decoder, options.base.players);
    const auto size = int64_t(std::floor(options.share * double(players)));
    if (size < 1 || size >= players || options.subsets < 1)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("subsets of {} of {} players cannot be compared", size, players),
                    "settings/shapley",
                    "Take a share between 0 and 1 that leaves at least one in and one out");
    const auto doubles = at::TensorOptions(at::kDouble);
    at::Tensor in = at::zeros({2, players}, doubles), out = at::zeros({2, players}, doubles);
    at::Tensor inCount = at::zeros({players}, doubles), outCount = at::zeros({players}, doubles);
    double full = 0, tokens = 0;
    job.beginStage("random sub-networks", int64_t(batches.size()) * options.subsets);
    for (size_t batch = 0; batch < batches.size(); ++batch) {
        const PartRow row(decoder, batches[batch]);
        const at::Tensor end =
            row.runFrom(0, row.embed(), partsOf(options.base.players, options.base.removed));
        const at::Tensor logits = row.logits(end);
        full += row.costs(end, {}).first;
        tokens += double(row.tokens());
        for (int64_t subset = 0; subset < options.subsets; ++subset) {
            VITRINE_TRY_VOID(job.checkStop());
            job.advance();
            const at::Tensor order = at::randperm(
                players, randomStream(options.seed, int64_t(batch), fmt::format("subset {}", subset)),
                at::TensorOptions(at::kLong));
            std::set<int64_t> gone = options.base.removed;
            for (int64_t i = size; i < players; ++i)
                gone.insert(order[i].item<int64_t>());
            const auto [loss, distance] =
                row.costs(row.runFrom(0, row.embed(), partsOf(options.base.players, gone)), logits);
            const at::Tensor cost = at::tensor({loss, distance}, doubles) / double(row.tokens());
            for (int64_t player = 0; player < players; ++player) {
                at::Tensor& sums = gone.contains(player) ? out : in;
                sums.select(1, player) += cost;
                (gone.contains(player) ? outCount : inCount)[player] += 1;
            }
        }
    }
    const at::Tensor influence = out / outCount - in / inCount;
    return RemovalCosts{full / tokens, influence[0].clone(), influence[1].clone()};
}

Result<std::vector<int64_t>> iterativeOrder(const Decoder& decoder, const std::vector<at::Tensor>& batches,
                                            Players players, CostKind cost, int64_t count, JobContext& job) {
    InfluenceOptions options{players, {}};
    std::vector<int64_t> order;
    count = std::min(count, playerCount(decoder, players) - 1);
    while (int64_t(order.size()) < count) {
        VITRINE_TRY(const RemovalCosts costs, leaveOneOut(decoder, batches, options, job));
        const at::Tensor values = cost == CostKind::Loss ? costs.loss : costs.logits;
        const auto next =
            at::nan_to_num(values, std::numeric_limits<double>::infinity()).argmin().item<int64_t>();
        order.push_back(next);
        options.removed.insert(next);
    }
    return order;
}

double lossWithout(const Decoder& decoder, const std::vector<at::Tensor>& batches, Players players,
                   const std::set<int64_t>& removed) {
    const at::NoGradGuard noGrad;
    double sum = 0, tokens = 0;
    for (const at::Tensor& ids : batches) {
        const PartRow row(decoder, ids);
        sum += row.costs(row.runFrom(0, row.embed(), partsOf(players, removed)), {}).first;
        tokens += double(row.tokens());
    }
    return sum / tokens;
}

std::vector<int64_t> removalOrder(const at::Tensor& influence) {
    const at::Tensor order = std::get<1>(influence.to(at::kDouble).sort(true, 0, false));
    return {order.const_data_ptr<int64_t>(), order.const_data_ptr<int64_t>() + order.numel()};
}

double kendallTau(const at::Tensor& a, const at::Tensor& b) {
    const auto signs = [](const at::Tensor& values) {
        const at::Tensor v = values.to(at::kDouble);
        return (v.unsqueeze(1) - v.unsqueeze(0)).sign().triu(1);
    };
    const at::Tensor x = signs(a), y = signs(b);
    const double norm = std::sqrt(x.abs().sum().item<double>() * y.abs().sum().item<double>());
    return norm > 0 ? (x * y).sum().item<double>() / norm : std::numeric_limits<double>::quiet_NaN();
}

double spearmanRho(const at::Tensor& a, const at::Tensor& b) {
    const at::Tensor x = ranks(a) - ranks(a).mean(), y = ranks(b) - ranks(b).mean();
    const double norm = std::sqrt(x.square().sum().item<double>() * y.square().sum().item<double>());
    return norm > 0 ? (x * y).sum().item<double>() / norm : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace vitrine
