#include "core/features/statistics.h"

#include "core/features/checks.h"

#include <algorithm>

namespace vitrine {

uint64_t streamPriority(uint64_t seed, uint64_t number) {
    const auto mix = [](uint64_t z) {
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    };
    return mix(mix(seed + 0x9e3779b97f4a7c15u) + (number + 1) * 0x9e3779b97f4a7c15u);
}

Result<ChannelHistogram> channelHistogram(const at::Tensor& features, int64_t channel, int64_t bins,
                                          double low, double high) {
    if (!features.defined() || features.dim() < 2 || features.numel() == 0)
        return fail(ErrorCode::ShapeMismatch, "expected features of shape (C, ...)", "histogram");
    if (channel < 0 || channel >= features.size(0))
        return fail(ErrorCode::InvalidArgument, fmt::format("channel {} of {}", channel, features.size(0)),
                    "histogram");
    if (bins < 1 || bins > 1 << 20)
        return fail(ErrorCode::InvalidArgument, fmt::format("expected 1 to 1048576 bins, found {}", bins),
                    "histogram");
    const auto values = features[channel].flatten().to(at::kCPU, at::kDouble);
    VITRINE_TRY_VOID(checkFinite(values, 1, "histogram"));
    ChannelHistogram histogram;
    histogram.low = low == high ? values.min().item<double>() : low;
    histogram.high = low == high ? values.max().item<double>() : high;
    if (histogram.low >= histogram.high)  // all values equal: one unit around them
        histogram.high = histogram.low + 1;
    histogram.counts.assign(size_t(bins), 0);
    const double scale = double(bins) / (histogram.high - histogram.low);
    const double* value = values.const_data_ptr<double>();
    for (int64_t index = 0; index < values.numel(); ++index) {
        if (value[index] < histogram.low)
            ++histogram.below;
        else if (value[index] > histogram.high)
            ++histogram.above;
        else  // the top end belongs to the last bin
            ++histogram.counts[size_t(std::min(bins - 1, int64_t((value[index] - histogram.low) * scale)))];
    }
    return histogram;
}

Result<void> TokenReservoir::add(const at::Tensor& tokens) {
    if (capacity_ < 1)
        return fail(ErrorCode::InvalidArgument, fmt::format("expected at least 1, found {}", capacity_),
                    "sample size");
    VITRINE_TRY_VOID(checkFinite(tokens, 2, "token sample"));
    const auto x = tokens.to(at::kCPU, at::kFloat).contiguous();
    if (kept_.defined() && kept_.size(1) != x.size(1))
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("earlier tokens have {} channels, these have {}", kept_.size(1), x.size(1)),
                    "token sample");
    for (int64_t row = 0; row < x.size(0); ++row)
        offer(streamPriority(seed_, uint64_t(seen_++)), x, row);
    return {};
}

void TokenReservoir::offer(uint64_t priority, const at::Tensor& rows, int64_t row) {
    const int64_t size = int64_t(heap_.size());
    int64_t place = size;
    if (size == capacity_) {
        if (priority >= heap_.front().priority)
            return;
        std::pop_heap(heap_.begin(), heap_.end());
        place = heap_.back().row;
        heap_.pop_back();
    } else if (!kept_.defined() || kept_.size(0) == size) {
        const int64_t grown = std::min(capacity_, std::max<int64_t>(64, 2 * size));
        const auto larger = at::empty({grown, rows.size(1)});
        if (size > 0)
            larger.slice(0, 0, size).copy_(kept_);
        kept_ = larger;
    }
    std::copy_n(rows.const_data_ptr<float>() + row * rows.size(1), rows.size(1),
                kept_.data_ptr<float>() + place * rows.size(1));
    heap_.push_back({priority, place});
    std::push_heap(heap_.begin(), heap_.end());
}

Result<void> TokenReservoir::merge(const TokenReservoir& other) {
    if (other.capacity_ != capacity_ || other.seed_ == seed_)
        return fail(ErrorCode::InvalidArgument,
                    "samples that are joined need one capacity and different seeds", "token sample");
    if (kept_.defined() && other.kept_.defined() && kept_.size(1) != other.kept_.size(1))
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("{} and {} channels", kept_.size(1), other.kept_.size(1)), "token sample");
    for (const Kept& kept : other.heap_)
        offer(kept.priority, other.kept_, kept.row);
    seen_ += other.seen_;
    return {};
}

at::Tensor TokenReservoir::sample() const {
    return kept_.defined() ? kept_.slice(0, 0, int64_t(heap_.size())).clone() : at::Tensor();
}

std::map<std::string, at::Tensor> TokenReservoir::state() const {
    auto priorities = at::empty({int64_t(heap_.size())}, at::kLong);
    for (const Kept& kept : heap_)
        priorities.data_ptr<int64_t>()[kept.row] = int64_t(kept.priority);
    const auto number = [](int64_t value) { return at::full({1}, value, at::kLong); };
    return {{"seen", number(seen_)},
            {"seed", number(int64_t(seed_))},
            {"capacity", number(capacity_)},
            {"priorities", priorities},
            {"kept", kept_.defined() ? sample() : at::empty({0, 0})}};
}

Result<TokenReservoir> TokenReservoir::fromState(const std::map<std::string, at::Tensor>& state) {
    const auto fault = [](const char* name) {
        return fail(ErrorCode::InvalidFile, "missing, or of another shape or type",
                    std::string("token sample.") + name);
    };
    const auto find = [&](const char* name, int64_t dimensions, at::ScalarType type) {
        const auto entry = state.find(name);
        return entry != state.end() && entry->second.dim() == dimensions &&
                       entry->second.scalar_type() == type
                   ? entry->second.contiguous()
                   : at::Tensor();
    };
    int64_t numbers[3];
    const char* names[] = {"seen", "seed", "capacity"};
    for (int index = 0; index < 3; ++index) {
        const auto value = find(names[index], 1, at::kLong);
        if (!value.defined() || value.numel() != 1)
            return fault(names[index]);
        numbers[index] = value.item<int64_t>();
    }
    const auto priorities = find("priorities", 1, at::kLong), kept = find("kept", 2, at::kFloat);
    if (!priorities.defined() || numbers[2] < 1 || priorities.numel() != std::min(numbers[0], numbers[2]))
        return fault("priorities");
    if (!kept.defined() || kept.size(0) != priorities.numel())
        return fault("kept");
    TokenReservoir reservoir(numbers[2], uint64_t(numbers[1]));
    reservoir.seen_ = numbers[0];
    for (int64_t row = 0; row < priorities.numel(); ++row)
        reservoir.heap_.push_back({uint64_t(priorities.data_ptr<int64_t>()[row]), row});
    std::make_heap(reservoir.heap_.begin(), reservoir.heap_.end());
    if (numbers[0] > 0)
        reservoir.kept_ = kept.clone();
    return reservoir;
}

}  // namespace vitrine
