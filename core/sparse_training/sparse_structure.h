// Which weights of a network are in use: units (single weights of a tensor, or channels that several tensors
// share) with their masks, and what became of the units that entered.
#pragma once

#include "core/sparse_training/layer_densities.h"

#include <map>
#include <string>
#include <vector>

namespace vitrine {

enum class UnitKind { Weights, Channels };

// The units of one layer. `active` and the others have one element for each unit.
struct UnitLayer {
    std::string name;       // of the tensor that the units are weights or channels of
    ChannelGroup group;     // its members; for single weights one member, dimension unused
    double density = 1;     // part of the units that is in use
    bool fixed = false;     // all in use, never exchanged
    at::Tensor active;      // bool
    at::Tensor everActive;  // bool
    at::Tensor enteredAt;   // int64: cycle of the last entrance; -1: from the start or never

    int64_t unitCount() const { return active.numel(); }
    int64_t activeCount() const { return active.sum().item<int64_t>(); }
};

class SparseStructure {
  public:
    // Every layer dense. `network` outlives this object.
    static Result<SparseStructure> create(const ClassifierNetwork& network, UnitKind kind, double density,
                                          DensityLayout layout);

    UnitKind kind() const { return kind_; }
    const std::vector<UnitLayer>& layers() const { return layers_; }
    std::vector<UnitLayer>& layers() { return layers_; }
    // Any units of each layer, as many as its density allows, at least one.
    void keepRandom(const at::Generator& random);
    // The best of each layer by scores of its units: `counts` of them.
    void keepBest(const std::vector<at::Tensor>& scores, const std::vector<int64_t>& counts);
    static int64_t allowed(int64_t units, double density);  // how many of them, at least one

    // Sums over the members of each layer: elementwise values of the parameters -> values of the units.
    std::vector<at::Tensor> unitSums(const TensorList& values) const;
    // For each parameter a bool mask of its shape, undefined where nothing of it can go.
    TensorList parameterMasks() const;
    // The same for units of the caller's choice, one bool tensor for each layer.
    TensorList spread(const std::vector<at::Tensor>& units) const;

    std::vector<int64_t> activeCounts() const;  // of each layer
    double density() const;                     // of the weights that can go (with the fixed layers)
    void save(std::map<std::string, at::Tensor>& state) const;
    Result<void> restore(const std::map<std::string, at::Tensor>& state);

  private:
    const ClassifierNetwork* network_ = nullptr;
    UnitKind kind_ = UnitKind::Weights;
    std::vector<UnitLayer> layers_;
};

// Share of two sets in common: |a ∧ b| / |a ∨ b|, 1 for two empty ones.
double intersectionOverUnion(const at::Tensor& a, const at::Tensor& b);

}  // namespace vitrine
