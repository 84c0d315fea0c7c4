#include "core/features/statistics.h"

#include "core/features/checks.h"

namespace vitrine {

Result<void> StreamingMoments::add(const at::Tensor& tokens) {
    VITRINE_TRY_VOID(checkFinite(tokens, 2, "statistics"));
    if (mean_.defined() && mean_.size(0) != tokens.size(1))
        return fail(
            ErrorCode::ShapeMismatch,
            fmt::format("earlier tokens have {} channels, these have {}", mean_.size(0), tokens.size(1)),
            "statistics");
    const auto x = tokens.to(at::kCPU, at::kDouble);
    const auto mean = x.mean(0);
    const auto centred = x - mean;
    join(x.size(0), mean, withCovariance_ ? centred.t().matmul(centred) : centred.square().sum(0));
    return {};
}

Result<void> StreamingMoments::merge(const StreamingMoments& other) {
    if (other.count_ == 0)
        return {};
    if (other.withCovariance_ != withCovariance_ || (mean_.defined() && mean_.size(0) != other.mean_.size(0)))
        return fail(ErrorCode::ShapeMismatch, "the two parts are of different channels or kinds",
                    "statistics");
    join(other.count_, other.mean_, other.moments_);
    return {};
}

void StreamingMoments::join(int64_t count, const at::Tensor& mean, const at::Tensor& moments) {
    if (count_ == 0) {
        count_ = count;
        mean_ = mean.clone();
        moments_ = moments.clone();
        return;
    }
    const double total = double(count_ + count);
    const auto delta = mean - mean_;
    const auto products = withCovariance_ ? at::outer(delta, delta) : delta.square();
    moments_ = moments_ + moments + products * (double(count_) * double(count) / total);
    mean_ = mean_ + delta * (double(count) / total);
    count_ += count;
}

at::Tensor StreamingMoments::variance() const {
    if (count_ == 0)
        return {};
    return (withCovariance_ ? moments_.diagonal() : moments_) / double(count_);
}

at::Tensor StreamingMoments::covariance() const {
    return withCovariance_ && count_ > 0 ? moments_ / double(count_) : at::Tensor();
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
    if (!kept_.defined())
        kept_ = at::empty({0, x.size(1)});
    if (kept_.size(1) != x.size(1))
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("earlier tokens have {} channels, these have {}", kept_.size(1), x.size(1)),
                    "token sample");
    const int64_t free = std::min(capacity_ - kept_.size(0), x.size(0));
    if (free > 0)
        kept_ = at::cat({kept_, x.slice(0, 0, free)});
    seen_ += std::max<int64_t>(free, 0);
    for (int64_t row = std::max<int64_t>(free, 0); row < x.size(0); ++row) {
        ++seen_;
        // The remainder's bias is below seen / 2^64.
        const int64_t place = int64_t(generator_() % uint64_t(seen_));
        if (place < capacity_)
            kept_[place].copy_(x[row]);
    }
    return {};
}

at::Tensor TokenReservoir::sample() const {
    return kept_.defined() ? kept_.clone() : at::Tensor();
}

}  // namespace vitrine
