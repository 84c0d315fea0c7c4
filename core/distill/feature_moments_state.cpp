#include "core/distill/feature_moments.h"
#include "core/io/safetensors.h"
#include "core/nn/weights.h"

namespace vitrine {
namespace {

using Tensors = std::map<std::string, at::Tensor>;

const char* const kSumNames[] = {"mean", "second", "third", "fourth", "low", "high"};

std::array<at::Tensor*, 6> tensorsOf(ChannelSums& sums) {
    return {&sums.mean, &sums.second, &sums.third, &sums.fourth, &sums.low, &sums.high};
}

Failure fault(const std::string& name) {
    return fail(ErrorCode::InvalidFile, "missing, or of another shape or type", name);
}

// The tensor of exactly this type and shape, or an undefined one.
at::Tensor find(const Tensors& state, const std::string& name, at::ScalarType type, at::IntArrayRef shape) {
    const auto entry = state.find(name);
    const bool fits =
        entry != state.end() && entry->second.scalar_type() == type && entry->second.sizes() == shape;
    return fits ? entry->second.contiguous().clone() : at::Tensor();
}

Tensors sumsState(const ChannelSums& given) {
    ChannelSums sums = given;
    Tensors state;
    const auto tensors = tensorsOf(sums);
    for (size_t index = 0; index < tensors.size(); ++index)
        state[kSumNames[index]] = tensors[index]->to(at::kCPU, at::kDouble);
    return state;
}

Result<ChannelSums> sumsFromState(const Tensors& state, int64_t count, int64_t channels, at::ScalarType type,
                                  const std::string& where) {
    ChannelSums sums;
    sums.count = count;
    const auto tensors = tensorsOf(sums);
    for (size_t index = 0; index < tensors.size(); ++index) {
        *tensors[index] = find(state, kSumNames[index], at::kDouble, {channels});
        if (!tensors[index]->defined())
            return fault(where + kSumNames[index]);
    }
    sums.low = sums.low.to(type);
    sums.high = sums.high.to(type);
    return sums;
}

struct Setup {
    MomentOptions options;
    int64_t channels = 0, counted = 0, pending = 0;
};

at::Tensor setupTensor(const Setup& setup) {
    const MomentOptions& options = setup.options;
    return at::tensor(
        {double(setup.channels), double(setup.counted), double(setup.pending), double(options.chunkRows),
         options.precision == MomentPrecision::Float64 ? 1.0 : 0.0, double(options.histogramBins)},
        at::kDouble);
}

Result<Setup> readSetup(const Tensors& state) {
    const auto tensor = find(state, "setup", at::kDouble, {6});
    if (!tensor.defined())
        return fault("setup");
    const double* values = tensor.const_data_ptr<double>();
    for (int index = 0; index < 6; ++index)
        if (!(values[index] >= 0 && values[index] <= 0x1p53))
            return fault("setup");
    Setup setup;
    setup.channels = int64_t(values[0]);
    setup.counted = int64_t(values[1]);
    setup.pending = int64_t(values[2]);
    setup.options.chunkRows = int64_t(values[3]);
    setup.options.precision = values[4] != 0 ? MomentPrecision::Float64 : MomentPrecision::Float32;
    setup.options.histogramBins = int64_t(values[5]);
    if (!setup.options.validate() || setup.pending >= setup.options.chunkRows || setup.channels > 1 << 20 ||
        (setup.channels == 0 && setup.counted + setup.pending > 0))
        return fault("setup");
    return setup;
}

}  // namespace

Tensors stateBelow(const Tensors& state, const std::string& prefix) {
    Tensors below;
    for (const auto& [name, tensor] : state)
        if (name.starts_with(prefix + "."))
            below[name.substr(prefix.size() + 1)] = tensor;
    return below;
}

void putBelow(Tensors& into, const Tensors& state, const std::string& prefix) {
    for (const auto& [name, tensor] : state)
        into[prefix + "." + name] = tensor;
}

Tensors FeatureMoments::state() const {
    Tensors state{{"setup", setupTensor({options_, channels_, sums_.count, pendingRows_})}};
    putBelow(state, values_.state(), "values");
    putBelow(state, norms_.state(), "norms");
    if (channels_ == 0)
        return state;
    state["pending"] = pending_.narrow(0, 0, pendingRows_).cpu().clone();
    if (sums_.count == 0)
        return state;
    state["scatter"] = scatter_.cpu().clone();
    putBelow(state, sumsState(sums_), "sums");
    putBelow(state, sumsState(normSums_), "norm_sums");
    return state;
}

Result<FeatureMoments> FeatureMoments::fromState(const Tensors& state) {
    VITRINE_TRY(Setup setup, readSetup(state));
    FeatureMoments moments(setup.options);
    VITRINE_TRY(moments.values_, ValueHistograms::fromState(stateBelow(state, "values")));
    VITRINE_TRY(moments.norms_, ValueHistograms::fromState(stateBelow(state, "norms")));
    moments.options_.histogramRange = moments.values_.range();
    const bool counted = setup.counted > 0 && setup.options.histogramBins > 0;
    if (moments.values_.channels() != (counted ? setup.channels : 0))
        return fault("values.counts");
    if (moments.norms_.channels() != (counted ? 1 : 0))
        return fault("norms.counts");
    if (setup.channels == 0)
        return moments;
    moments.start(setup.channels, at::kCPU);
    const auto type = moments.pending_.scalar_type();
    const auto pending = find(state, "pending", type, {setup.pending, setup.channels});
    if (!pending.defined())
        return fault("pending");
    moments.pending_.narrow(0, 0, setup.pending).copy_(pending);
    moments.pendingRows_ = setup.pending;
    if (setup.counted == 0)
        return moments;
    moments.scatter_ = find(state, "scatter", at::kDouble, {setup.channels, setup.channels});
    if (!moments.scatter_.defined())
        return fault("scatter");
    VITRINE_TRY(moments.sums_,
                sumsFromState(stateBelow(state, "sums"), setup.counted, setup.channels, type, "sums."));
    VITRINE_TRY(moments.normSums_,
                sumsFromState(stateBelow(state, "norm_sums"), setup.counted, 1, type, "norm_sums."));
    return moments;
}

Result<void> FeatureMoments::save(const std::filesystem::path& file) const {
    return writeTensors(file, state(), {{"kind", "feature moments"}});
}

Result<FeatureMoments> FeatureMoments::load(const std::filesystem::path& file) {
    VITRINE_TRY(const auto source, openSafetensors(file));
    VITRINE_TRY(const auto tensors, readAllTensors(*source));
    auto moments = fromState(tensors);
    if (!moments)
        return fail(moments.error().in(file.string()));
    return moments;
}

}  // namespace vitrine
