#include "core/sparse_training/sparse_structure.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

UnitLayer layerOf(std::string name, ChannelGroup group, int64_t units, double density) {
    UnitLayer layer;
    layer.name = std::move(name);
    layer.group = std::move(group);
    layer.density = density;
    layer.fixed = SparseStructure::allowed(units, density) == units;
    layer.active = at::ones({units}, at::kBool);
    layer.everActive = at::ones({units}, at::kBool);
    layer.enteredAt = at::full({units}, -1, at::kLong);
    return layer;
}

}  // namespace

int64_t SparseStructure::allowed(int64_t units, double density) {
    return std::clamp<int64_t>(std::llround(density * double(units)), 1, units);
}

Result<SparseStructure> SparseStructure::create(const ClassifierNetwork& network, UnitKind kind,
                                                double density, DensityLayout layout) {
    SparseStructure structure;
    structure.network_ = &network;
    structure.kind_ = kind;
    VITRINE_TRY(const auto densities, layerDensities(network.parameters(), density, layout));
    if (kind == UnitKind::Weights) {
        for (size_t index = 0; index < network.parameters().size(); ++index)
            if (densities[index]) {
                const ClassifierParameter& parameter = network.parameters()[index];
                const int64_t count = at::empty(parameter.shape, at::kByte).numel();
                structure.layers_.push_back(
                    layerOf(parameter.name, {parameter.name, count, {{index, 0}}}, count, *densities[index]));
            }
        return structure;
    }
    // Channels of one density everywhere: their layers differ in what one channel costs, not in how many
    // there should be.
    for (const ChannelGroup& group : network.channelGroups())
        structure.layers_.push_back(layerOf(group.name, group, group.channels, density));
    return structure;
}

void SparseStructure::keepRandom(const at::Generator& random) {
    std::vector<at::Tensor> scores;
    std::vector<int64_t> counts;
    for (const UnitLayer& layer : layers_) {
        scores.push_back(at::rand({layer.unitCount()}, random, at::TensorOptions()));
        counts.push_back(allowed(layer.unitCount(), layer.density));
    }
    keepBest(scores, counts);
}

void SparseStructure::keepBest(const std::vector<at::Tensor>& scores, const std::vector<int64_t>& counts) {
    for (size_t index = 0; index < layers_.size(); ++index) {
        UnitLayer& layer = layers_[index];
        const auto best = std::get<1>(scores[index].topk(counts[index]));
        layer.active = at::zeros({layer.unitCount()}, at::kBool);
        layer.active.index_fill_(0, best, true);
        layer.everActive = layer.active.clone();
        layer.enteredAt.fill_(-1);
    }
}

std::vector<at::Tensor> SparseStructure::unitSums(const TensorList& values) const {
    std::vector<at::Tensor> sums;
    for (const UnitLayer& layer : layers_) {
        at::Tensor sum;
        for (const ChannelGroup::Member& member : layer.group.members) {
            const at::Tensor& value = values[member.parameter];
            const at::Tensor part =
                kind_ == UnitKind::Weights
                    ? value.flatten()
                    : value.movedim(member.dimension, 0).reshape({layer.unitCount(), -1}).sum(1);
            sum = sum.defined() ? sum + part : part;
        }
        sums.push_back(sum);
    }
    return sums;
}

TensorList SparseStructure::parameterMasks() const {
    std::vector<at::Tensor> units;
    for (const UnitLayer& layer : layers_)
        units.push_back(layer.active);
    return spread(units);
}

TensorList SparseStructure::spread(const std::vector<at::Tensor>& units) const {
    TensorList masks(network_->parameters().size());
    for (size_t index = 0; index < layers_.size(); ++index)
        for (const ChannelGroup::Member& member : layers_[index].group.members) {
            const auto& shape = network_->parameters()[member.parameter].shape;
            at::Tensor mask;
            if (kind_ == UnitKind::Weights) {
                mask = units[index].view(shape).clone();
            } else {
                std::vector<int64_t> places(shape.size(), 1);
                places[size_t(member.dimension)] = units[index].numel();
                mask = units[index].view(places).expand(shape).contiguous();
            }
            at::Tensor& whole = masks[member.parameter];
            whole = whole.defined() ? whole.logical_and(mask) : mask;
        }
    return masks;
}

std::vector<int64_t> SparseStructure::activeCounts() const {
    std::vector<int64_t> counts;
    for (const UnitLayer& layer : layers_)
        counts.push_back(layer.activeCount());
    return counts;
}

double SparseStructure::density() const {
    double kept = 0, all = 0;
    for (const at::Tensor& mask : parameterMasks())
        if (mask.defined()) {
            kept += mask.sum().item<double>();
            all += double(mask.numel());
        }
    return all > 0 ? kept / all : 1;
}

void SparseStructure::save(std::map<std::string, at::Tensor>& state) const {
    for (const UnitLayer& layer : layers_) {
        state["active." + layer.name] = layer.active;
        state["ever_active." + layer.name] = layer.everActive;
        state["entered_at." + layer.name] = layer.enteredAt;
    }
}

Result<void> SparseStructure::restore(const std::map<std::string, at::Tensor>& state) {
    for (UnitLayer& layer : layers_)
        for (const auto& [prefix, tensor] : {std::pair<const char*, at::Tensor*>{"active.", &layer.active},
                                             {"ever_active.", &layer.everActive},
                                             {"entered_at.", &layer.enteredAt}}) {
            const auto found = state.find(prefix + layer.name);
            if (found == state.end() || found->second.sizes() != tensor->sizes() ||
                found->second.scalar_type() != tensor->scalar_type())
                return fail(ErrorCode::InvalidFile, "the checkpoint has no such tensor of this shape",
                            prefix + layer.name);
            *tensor = found->second.clone();
        }
    return {};
}

double intersectionOverUnion(const at::Tensor& a, const at::Tensor& b) {
    const auto all = a.logical_or(b).sum().item<int64_t>();
    return all == 0 ? 1 : double(a.logical_and(b).sum().item<int64_t>()) / double(all);
}

}  // namespace vitrine
