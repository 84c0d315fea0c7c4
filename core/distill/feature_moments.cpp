#include "core/distill/feature_moments.h"

#include "core/features/checks.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

constexpr const char* kWhat = "feature statistics";
constexpr int64_t kPanel = 256;  // rows of the scatter matrix that one product makes

// "5 of 640 values are NaN or infinite, 3 of them in channel 17".
Failure notFinite(const at::Tensor& rows, int64_t channelDimension) {
    const auto bad = rows.isfinite().logical_not();
    const auto perChannel = bad.movedim(channelDimension, 0).flatten(1).sum(1);
    const int64_t worst = perChannel.argmax().item<int64_t>();
    return fail(
        ErrorCode::InvalidArgument,
        fmt::format("{} of {} values are NaN or infinite, {} of them in channel {}",
                    perChannel.sum().item<int64_t>(), rows.numel(), perChannel[worst].item<int64_t>(), worst),
        kWhat, "Encode with float32: 16-bit types overflow in some models");
}

// Rank-one terms that go into the scatter together with a chunk's products.
struct RankOnes {
    at::Tensor between, rounding;  // (C) float64
    double betweenWeight = 0, roundingWeight = 0;
};

template <typename T>
void addPanelOnCpu(const at::Tensor& panel, const at::Tensor& product, int64_t first, const RankOnes& ones) {
    const int64_t width = panel.size(1);
    const double *between = ones.between.const_data_ptr<double>() + first,
                 *rounding = ones.rounding.const_data_ptr<double>() + first;
    double* const scatter = panel.data_ptr<double>();
    const T* const products = product.const_data_ptr<T>();
    at::parallel_for(0, panel.size(0), 16, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
            const double a = ones.betweenWeight * between[row], b = ones.roundingWeight * rounding[row];
            double* const sums = scatter + row * panel.stride(0);
            const T* const terms = products + row * width;
#pragma GCC ivdep
            for (int64_t column = 0; column < width; ++column)
                sums[column] += double(terms[column]) + a * between[column] + b * rounding[column];
        }
    });
}

// panel (height, width) of the scatter, whose first row and column are channel `first`.
void addPanel(const at::Tensor& panel, const at::Tensor& product, int64_t first, const RankOnes& ones) {
    if (panel.is_cpu()) {
        const auto add =
            product.scalar_type() == at::kDouble ? &addPanelOnCpu<double> : &addPanelOnCpu<float>;
        return add(panel, product.contiguous(), first, ones);
    }
    const int64_t height = panel.size(0), width = panel.size(1);
    panel.add_(product);
    panel.addr_(ones.between.narrow(0, first, height), ones.between.narrow(0, first, width), 1,
                ones.betweenWeight);
    panel.addr_(ones.rounding.narrow(0, first, height), ones.rounding.narrow(0, first, width), 1,
                ones.roundingWeight);
}

at::Tensor copyOf(const at::Tensor& tensor) {
    return tensor.defined() ? tensor.clone() : tensor;
}

void move(ChannelSums& sums, at::Device device) {
    for (at::Tensor* tensor : {&sums.mean, &sums.second, &sums.third, &sums.fourth, &sums.low, &sums.high})
        if (tensor->defined())
            *tensor = tensor->to(device);
}

at::ScalarType typeOf(MomentPrecision precision) {
    return precision == MomentPrecision::Float64 ? at::kDouble : at::kFloat;
}

}  // namespace

Result<void> MomentOptions::validate() const {
    if (chunkRows < 1 || chunkRows > 1 << 20)
        return fail(ErrorCode::InvalidArgument, fmt::format("expected 1 to 1048576, found {}", chunkRows),
                    "chunkRows");
    if (histogramBins < 0 || histogramBins > 1 << 16 || histogramBins % 2 != 0)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("expected an even number of at most 65536, found {}", histogramBins),
                    "histogramBins");
    if (histogramRange && !(histogramRange->first < histogramRange->second))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("expected low < high, found {} and {}", histogramRange->first,
                                histogramRange->second),
                    "histogramRange");
    return {};
}

FeatureMoments::FeatureMoments(MomentOptions options)
    : options_(options),
      values_(std::max<int64_t>(2, options.histogramBins), options.histogramRange),
      norms_(std::max<int64_t>(2, options.histogramBins)) {}

// joinSums makes new tensors, so that those of the sums may be shared.
FeatureMoments::FeatureMoments(const FeatureMoments& other)
    : options_(other.options_),
      channels_(other.channels_),
      pending_(copyOf(other.pending_)),
      pendingRows_(other.pendingRows_),
      sums_(other.sums_),
      scatter_(copyOf(other.scatter_)),
      values_(other.values_),
      norms_(other.norms_),
      normSums_(other.normSums_) {}

Result<void> FeatureMoments::checkRows(const at::Tensor& rows, int64_t channels,
                                       int64_t channelDimension) const {
    VITRINE_TRY_VOID(options_.validate());
    if (channels_ != 0 && channels_ != channels)
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("earlier features have {} channels, these have {}", channels_, channels),
                    kWhat);
    const auto [low, high] = at::aminmax(rows);  // NaN where there is any
    const double largest = std::max(-low.item<double>(), high.item<double>());
    if (!std::isfinite(largest) || std::isnan(low.item<double>()))
        return notFinite(rows, channelDimension);
    const double limit = options_.precision == MomentPrecision::Float64 ? 1e75 : 1e9;
    if (largest > limit)
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("values of up to {:.3g}: their fourth powers have no sum in this precision", largest),
            kWhat, "Float64 goes up to 1e75");
    return {};
}

void FeatureMoments::start(int64_t channels, at::Device device) {
    channels_ = channels;
    pending_ = at::empty({options_.chunkRows, channels},
                         at::TensorOptions(typeOf(options_.precision)).device(device));
}

void FeatureMoments::moveTo(at::Device device) {
    if (!pending_.defined() || pending_.device() == device)
        return;
    pending_ = pending_.to(device);
    scatter_ = scatter_.defined() ? scatter_.to(device) : scatter_;
    move(sums_, device);
    move(normSums_, device);
}

Result<void> FeatureMoments::add(const at::Tensor& tokens, const at::Tensor& mask) {
    VITRINE_TRY_VOID(checkFeatures(tokens, 2, kWhat));
    if (mask.defined() &&
        (mask.dim() != 1 || mask.size(0) != tokens.size(0) || mask.scalar_type() != at::kBool))
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("expected a bool mask [{}], found {} {}", tokens.size(0),
                                at::toString(mask.scalar_type()), sizesText(mask)),
                    kWhat);
    const auto rows =
        mask.defined() ? tokens.index_select(0, mask.to(tokens.device()).nonzero().flatten()) : tokens;
    if (rows.size(0) == 0)
        return {};
    VITRINE_TRY_VOID(checkRows(rows, rows.size(1), 1));
    take(rows.detach());
    return {};
}

Result<void> FeatureMoments::addMaps(const at::Tensor& maps, const at::Tensor& mask) {
    VITRINE_TRY_VOID(checkFeatures(maps, 4, kWhat));
    if (mask.defined()) {
        const std::vector<int64_t> places{maps.size(0), maps.size(2), maps.size(3)};
        if (mask.sizes() != at::IntArrayRef(places))
            return fail(
                ErrorCode::ShapeMismatch,
                fmt::format("expected a mask [{}], found {}", fmt::join(places, ", "), sizesText(mask)),
                kWhat);
        return add(maps.permute({0, 2, 3, 1}).reshape({-1, maps.size(1)}), mask.flatten());
    }
    VITRINE_TRY_VOID(checkRows(maps, maps.size(1), 1));
    for (const auto& map : maps.detach().unbind(0))
        take(map.flatten(1).t());
    return {};
}

void FeatureMoments::take(const at::Tensor& rows) {
    if (channels_ == 0)
        start(rows.size(1), rows.device());
    moveTo(rows.device());
    for (int64_t row = 0; row < rows.size(0);) {
        const int64_t fitting = std::min(rows.size(0) - row, options_.chunkRows - pendingRows_);
        pending_.narrow(0, pendingRows_, fitting).copy_(rows.narrow(0, row, fitting));
        pendingRows_ += fitting;
        row += fitting;
        if (pendingRows_ == options_.chunkRows)
            finishChunk();
    }
}

void FeatureMoments::finishChunk() {
    const auto rows = pending_.narrow(0, 0, pendingRows_);
    pendingRows_ = 0;
    const CentredChunk chunk = centreChunk(rows);
    const auto norms = rows.norm(2, {1}, true).contiguous();
    const CentredChunk normChunk = centreChunk(norms);
    if (options_.histogramBins > 0) {
        values_.add(rows, chunk.sums.low, chunk.sums.high);
        norms_.add(norms, normChunk.sums.low, normChunk.sums.high);
    }
    joinSums(normSums_, normChunk.sums);
    addScatter(chunk);
    joinSums(sums_, chunk.sums);
}

// Upper triangle, by panels: that saves nearly half of the product.
void FeatureMoments::addScatter(const CentredChunk& chunk) {
    if (sums_.count == 0)
        scatter_ = at::zeros({channels_, channels_}, chunk.centred.options().dtype(at::kDouble));
    const double before = double(sums_.count), added = double(chunk.sums.count);
    RankOnes corrections;
    corrections.between =
        before > 0 ? (chunk.sums.mean - sums_.mean).contiguous() : at::zeros_like(chunk.sums.mean);
    corrections.betweenWeight = before * added / (before + added);
    corrections.rounding = (chunk.sums.mean - chunk.centre.to(at::kDouble)).contiguous();
    corrections.roundingWeight = -added;
    for (int64_t row = 0; row < channels_; row += kPanel) {
        const int64_t height = std::min(kPanel, channels_ - row), width = channels_ - row;
        const auto product =
            chunk.centred.narrow(1, row, height).t().matmul(chunk.centred.narrow(1, row, width));
        addPanel(scatter_.narrow(0, row, height).narrow(1, row, width), product, row, corrections);
    }
}

Result<void> FeatureMoments::merge(const FeatureMoments& given) {
    const MomentOptions& theirs = given.options_;
    if (theirs.precision != options_.precision || theirs.histogramBins != options_.histogramBins ||
        theirs.histogramRange != options_.histogramRange)
        return fail(ErrorCode::InvalidArgument, "the two were collected with different options", kWhat);
    if (given.channels_ == 0)
        return {};
    if (channels_ != 0 && channels_ != given.channels_)
        return fail(ErrorCode::ShapeMismatch, fmt::format("{} and {} channels", channels_, given.channels_),
                    kWhat);
    // Open chunks are closed: their vectors count from now on as a short one.
    FeatureMoments other(given);
    if (channels_ != 0)
        other.moveTo(pending_.device());
    for (FeatureMoments* part : {this, &other})
        if (part->pendingRows_ > 0)
            part->finishChunk();
    if (sums_.count == 0) {
        other.options_.chunkRows = options_.chunkRows;
        other.start(other.channels_, other.pending_.device());
        *this = std::move(other);
        return {};
    }
    const double a = double(sums_.count), b = double(other.sums_.count);
    const auto shift = other.sums_.mean - sums_.mean;
    scatter_.add_(other.scatter_).addr_(shift, shift, 1, a * b / (a + b));
    joinSums(sums_, other.sums_);
    joinSums(normSums_, other.normSums_);
    if (options_.histogramBins > 0) {
        VITRINE_TRY_VOID(values_.merge(other.values_));
        VITRINE_TRY_VOID(norms_.merge(other.norms_));
    }
    return {};
}

Result<MomentStatistics> FeatureMoments::statistics() const {
    if (count() == 0)
        return fail(ErrorCode::InvalidArgument, "no feature vector was added yet", kWhat);
    FeatureMoments whole = *this;
    if (whole.pendingRows_ > 0)
        whole.finishChunk();
    const ChannelSums& sums = whole.sums_;
    const double n = double(sums.count), width = double(channels_);
    const auto host = [](const at::Tensor& tensor) { return tensor.to(at::kCPU, at::kDouble); };
    MomentStatistics statistics;
    statistics.count = sums.count;
    statistics.mean = host(sums.mean).clone();
    const auto upper = host(whole.scatter_).triu(1);
    const auto second = host(sums.second);
    // The diagonal comes from the sums, which are more exact than float32 products.
    statistics.covariance = (upper + upper.t() + second.diag()) / std::max(1.0, n - 1);
    statistics.low = host(sums.low).clone();
    statistics.high = host(sums.high).clone();
    const auto ratio = [&](const at::Tensor& moment, double power) {
        return at::where(second > 0, (moment / n) / (second / n).pow(power), at::zeros_like(moment));
    };
    statistics.skewness = ratio(host(sums.third), 1.5);
    statistics.kurtosis = ratio(host(sums.fourth), 2);
    statistics.globalMean = statistics.mean.mean().item<double>();
    const double spread = second.sum().item<double>() +
                          n * (statistics.mean - statistics.globalMean).square().sum().item<double>();
    statistics.globalStd = std::sqrt(spread / std::max(1.0, n * width - 1));
    statistics.meanNorm = whole.normSums_.mean.item<double>();
    statistics.stdNorm = std::sqrt(whole.normSums_.second.item<double>() / std::max(1.0, n - 1));
    statistics.lowNorm = whole.normSums_.low.item<double>();
    statistics.highNorm = whole.normSums_.high.item<double>();
    if (options_.histogramBins > 0) {
        statistics.values = whole.values_.all();
        statistics.norms = whole.norms_.channel(0);
        for (int64_t channel = 0; channel < channels_; ++channel)
            statistics.channels.push_back(whole.values_.channel(channel));
    }
    return statistics;
}

}  // namespace vitrine
