#include "core/distill/value_histograms.h"

#include "core/base/check.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

constexpr int kSmallestExponent = -30;  // channels that are zero so far
constexpr int kLargestExponent = 1023;
constexpr int64_t kChannelsAtOnce = 64;

// Smallest e with low >= -2^e and high < 2^e.
int exponentFor(double low, double high) {
    int exponent = 0;
    // frexp: value = m 2^e with m in [0.5, 1); exactly -2^e still fits.
    const double size = std::max(high, -low);
    if (!(size > 0))
        return kSmallestExponent;
    const double mantissa = std::frexp(size, &exponent);
    if (mantissa == 0.5 && high < size)
        --exponent;
    return std::clamp(exponent, kSmallestExponent, kLargestExponent);
}

at::Tensor numbers(std::initializer_list<double> values) {
    return at::tensor(at::ArrayRef<double>(values), at::kDouble);
}

at::Tensor copyOf(const at::Tensor& tensor) {
    return tensor.defined() ? tensor.clone() : tensor;
}

template <typename T>
void countRows(const at::Tensor& rows, const double* low, const double* scale, int64_t bins, bool fixed,
               int64_t* counts, int64_t* below, int64_t* above) {
    const T* values = rows.const_data_ptr<T>();
    const int64_t rowCount = rows.size(0), channels = rows.size(1);
    at::parallel_for(
        0, (channels + kChannelsAtOnce - 1) / kChannelsAtOnce, 1, [&](int64_t begin, int64_t end) {
            const int64_t first = begin * kChannelsAtOnce, last = std::min(channels, end * kChannelsAtOnce);
            for (int64_t row = 0; row < rowCount; ++row)
                for (int64_t channel = first; channel < last; ++channel) {
                    const double place =
                        (double(values[row * channels + channel]) - low[channel]) * scale[channel];
                    if (fixed && place < 0)
                        ++below[channel];
                    else if (fixed && place > double(bins))
                        ++above[channel];
                    else  // the top end belongs to the last bin
                        ++counts[channel * bins + std::min(bins - 1, int64_t(place))];
                }
        });
}

}  // namespace

ValueHistograms::ValueHistograms(const ValueHistograms& other)
    : bins_(other.bins_),
      range_(other.range_),
      exponents_(other.exponents_),
      counts_(copyOf(other.counts_)),
      below_(copyOf(other.below_)),
      above_(copyOf(other.above_)) {}

void ValueHistograms::start(int64_t channels) {
    VITRINE_CHECK(bins_ >= 2 && bins_ % 2 == 0, "the number of bins is even");
    counts_ = at::zeros({channels, bins_}, at::kLong);
    below_ = at::zeros({channels}, at::kLong);
    above_ = at::zeros({channels}, at::kLong);
    if (!range_)
        exponents_.assign(size_t(channels), kSmallestExponent);
}

double ValueHistograms::lowOf(int64_t channel) const {
    return range_ ? range_->first : -std::ldexp(1.0, exponents_[size_t(channel)]);
}
double ValueHistograms::highOf(int64_t channel) const {
    return range_ ? range_->second : std::ldexp(1.0, exponents_[size_t(channel)]);
}

std::vector<int64_t> ValueHistograms::widened(int64_t channel, int exponent) const {
    const int64_t* counts = counts_.const_data_ptr<int64_t>() + channel * bins_;
    std::vector<int64_t> wide(size_t(bins_), 0);
    // Bins lie symmetric around 0, so that each falls into the bin of half its distance from the middle.
    const int steps = std::min(62, exponent - exponents_[size_t(channel)]);
    for (int64_t bin = 0; bin < bins_; ++bin)
        wide[size_t(bins_ / 2 + ((bin - bins_ / 2) >> steps))] += counts[bin];
    return wide;
}

void ValueHistograms::growTo(int64_t channel, int exponent) {
    if (exponent <= exponents_[size_t(channel)])
        return;
    const auto wide = widened(channel, exponent);
    std::copy(wide.begin(), wide.end(), counts_.data_ptr<int64_t>() + channel * bins_);
    exponents_[size_t(channel)] = exponent;
}

void ValueHistograms::add(const at::Tensor& rows, const at::Tensor& low, const at::Tensor& high) {
    if (rows.size(0) == 0)
        return;
    if (!counts_.defined())
        start(rows.size(1));
    if (!range_) {
        const auto lows = low.to(at::kCPU, at::kDouble).contiguous(),
                   highs = high.to(at::kCPU, at::kDouble).contiguous();
        for (int64_t channel = 0; channel < rows.size(1); ++channel)
            growTo(channel, exponentFor(lows.const_data_ptr<double>()[channel],
                                        highs.const_data_ptr<double>()[channel]));
    }
    count(rows);
}

void ValueHistograms::count(const at::Tensor& rows) {
    const int64_t channels = rows.size(1);
    std::vector<double> lows, scales;
    for (int64_t channel = 0; channel < channels; ++channel) {
        lows.push_back(lowOf(channel));
        scales.push_back(double(bins_) / (highOf(channel) - lowOf(channel)));
    }
    if (rows.is_cuda()) {
        // Bins of all channels side by side, with one more at either end for what lies outside.
        const auto options = rows.options().dtype(at::kDouble);
        const auto low = at::tensor(lows, options), scale = at::tensor(scales, options);
        const auto exact = (rows.to(at::kDouble) - low) * scale;
        auto place = exact.floor().clamp(-1, bins_ - 1).to(at::kLong);
        place.masked_fill_(exact > double(bins_), bins_);
        const auto offset = at::arange(channels, place.options()) * (bins_ + 2) + 1;
        const auto all =
            (place + offset).flatten().bincount({}, channels * (bins_ + 2)).cpu().reshape({channels, -1});
        below_ += all.select(1, 0);
        counts_ += all.slice(1, 1, bins_ + 1);
        above_ += all.select(1, bins_ + 1);
        return;
    }
    int64_t* const counts = counts_.data_ptr<int64_t>();
    const auto contiguous = rows.contiguous();
    const auto run = contiguous.scalar_type() == at::kDouble ? &countRows<double> : &countRows<float>;
    run(contiguous, lows.data(), scales.data(), bins_, range_.has_value(), counts, below_.data_ptr<int64_t>(),
        above_.data_ptr<int64_t>());
}

Result<void> ValueHistograms::merge(const ValueHistograms& other) {
    if (bins_ != other.bins_ || range_ != other.range_)
        return fail(ErrorCode::InvalidArgument, "histograms with other bins or ranges cannot be joined",
                    "histogram");
    if (!other.counts_.defined())
        return {};
    if (!counts_.defined())
        start(other.channels());
    if (channels() != other.channels())
        return fail(ErrorCode::ShapeMismatch, fmt::format("{} and {} channels", channels(), other.channels()),
                    "histogram");
    below_ += other.below_;
    above_ += other.above_;
    if (range_) {
        counts_ += other.counts_;
        return {};
    }
    for (int64_t channel = 0; channel < channels(); ++channel) {
        growTo(channel, other.exponents_[size_t(channel)]);
        const auto wide = other.widened(channel, exponents_[size_t(channel)]);
        for (int64_t bin = 0; bin < bins_; ++bin)
            counts_.data_ptr<int64_t>()[channel * bins_ + bin] += wide[size_t(bin)];
    }
    return {};
}

ChannelHistogram ValueHistograms::channel(int64_t index) const {
    VITRINE_CHECK(index >= 0 && index < channels(), "there is no such channel");
    const int64_t* counts = counts_.const_data_ptr<int64_t>() + index * bins_;
    return {lowOf(index), highOf(index), std::vector<int64_t>(counts, counts + bins_),
            below_[index].item<int64_t>(), above_[index].item<int64_t>()};
}

ChannelHistogram ValueHistograms::all() const {
    VITRINE_CHECK(channels() > 0, "there is at least one channel");
    const int exponent = range_ ? 0 : *std::max_element(exponents_.begin(), exponents_.end());
    ChannelHistogram sum;
    sum.low = range_ ? range_->first : -std::ldexp(1.0, exponent);
    sum.high = range_ ? range_->second : std::ldexp(1.0, exponent);
    sum.counts.assign(size_t(bins_), 0);
    for (int64_t index = 0; index < channels(); ++index) {
        const auto counts = range_ ? channel(index).counts : widened(index, exponent);
        for (int64_t bin = 0; bin < bins_; ++bin)
            sum.counts[size_t(bin)] += counts[size_t(bin)];
    }
    sum.below = below_.sum().item<int64_t>();
    sum.above = above_.sum().item<int64_t>();
    return sum;
}

std::map<std::string, at::Tensor> ValueHistograms::state() const {
    std::map<std::string, at::Tensor> state;
    state["setup"] =
        numbers({double(bins_), range_ ? 1.0 : 0.0, range_ ? range_->first : 0, range_ ? range_->second : 0});
    if (!counts_.defined())
        return state;
    state["counts"] = counts_;
    state["below"] = below_;
    state["above"] = above_;
    if (!range_)
        state["exponents"] = at::tensor(at::ArrayRef<int>(exponents_), at::kInt);
    return state;
}

Result<ValueHistograms> ValueHistograms::fromState(const std::map<std::string, at::Tensor>& state) {
    const auto fault = [](const char* name) {
        return fail(ErrorCode::InvalidFile, "missing, or of another shape or type",
                    std::string("histogram.") + name);
    };
    const auto find = [&](const char* name, at::ScalarType type, at::IntArrayRef shape) {
        const auto entry = state.find(name);
        const bool fits =
            entry != state.end() && entry->second.scalar_type() == type && entry->second.sizes() == shape;
        return fits ? entry->second.contiguous() : at::Tensor();
    };
    const auto setup = find("setup", at::kDouble, {4});
    if (!setup.defined())
        return fault("setup");
    const double* values = setup.const_data_ptr<double>();
    if (!(values[0] >= 2 && values[0] <= 1 << 20) || int64_t(values[0]) % 2 != 0)
        return fault("setup");
    ValueHistograms histograms{static_cast<int64_t>(values[0])};
    if (values[1] != 0)
        histograms.range_ = {values[2], values[3]};
    const auto counts = state.find("counts");
    if (counts == state.end())
        return histograms;
    if (counts->second.dim() != 2)
        return fault("counts");
    const int64_t channels = counts->second.size(0);
    const auto found = find("counts", at::kLong, {channels, histograms.bins_});
    const auto below = find("below", at::kLong, {channels}), above = find("above", at::kLong, {channels});
    const auto exponents = find("exponents", at::kInt, {channels});
    if (!found.defined())
        return fault("counts");
    if (!below.defined() || !above.defined())
        return fault("below and above");
    if (!histograms.range_ && (!exponents.defined() || exponents.lt(kSmallestExponent).any().item<bool>() ||
                               exponents.gt(kLargestExponent).any().item<bool>()))
        return fault("exponents");
    histograms.counts_ = found.clone();
    histograms.below_ = below.clone();
    histograms.above_ = above.clone();
    if (!histograms.range_)
        histograms.exponents_.assign(exponents.const_data_ptr<int>(),
                                     exponents.const_data_ptr<int>() + channels);
    return histograms;
}

}  // namespace vitrine
