// What calibration tells about the inputs x (k) of linear layers y = x Wᵀ: one pass serves Wanda (the
// diagonal), SparseGPT and GPTQ (twice C is their Hessian), EoRA and other low-rank paths (all of C).
//
//   CalibrationStatistics statistics;
//   VITRINE_TRY_VOID(statistics.add("model.layers.0.mlp.down_proj", x, batch));   // x (..., k), again and
//   again const LinearStatistics* found = statistics.find("model.layers.0.mlp.down_proj"); at::Tensor c =
//   found->secondMoment();                                         // (k, k), XᵀX / tokens
//
// Sums are float64 up to k = 4096 and float32 beyond, products float64 up to k = 1024; the diagonal and the
// means of |x| are float64 always. Not thread-safe. Memory: k² numbers for each layer that is kept.
#pragma once

#include "core/base/json.h"
#include "core/base/result.h"

#include <ATen/ATen.h>

#include <filesystem>
#include <map>
#include <string>

namespace vitrine {

enum class MomentExtent {
    Diagonal,  // k numbers: enough for magnitude and Wanda
    Full       // k² numbers
};

class LinearStatistics {
  public:
    explicit LinearStatistics(int64_t inputs = 0, MomentExtent extent = MomentExtent::Full);

    // x (..., k), floating. ShapeMismatch for another k; InvalidArgument for NaN or infinity (how many, and
    // the first input that has one). An error leaves everything as it was.
    Result<void> add(const at::Tensor& x);
    // Joins what another process saw. ShapeMismatch for other sizes.
    Result<void> merge(const LinearStatistics& other);

    int64_t inputs() const { return inputs_; }
    int64_t tokens() const { return tokens_; }
    MomentExtent extent() const { return extent_; }

    // C = XᵀX / tokens (k, k); undefined for MomentExtent::Diagonal or without tokens.
    at::Tensor secondMoment() const;
    // Its diagonal (k), float64, and its square root, what Wanda multiplies weights by.
    at::Tensor diagonal() const;
    at::Tensor inputNorm() const { return diagonal().sqrt(); }
    // Mean of |x_j| (k), float64.
    at::Tensor meanMagnitude() const;

    std::map<std::string, at::Tensor> state() const;
    static Result<LinearStatistics> fromState(const std::map<std::string, at::Tensor>& state);

  private:
    int64_t inputs_ = 0, tokens_ = 0;
    MomentExtent extent_ = MomentExtent::Full;
    at::Tensor products_;    // (k, k) sum of x xᵀ
    at::Tensor squares_;     // (k) sum of x²
    at::Tensor magnitudes_;  // (k) sum of |x|
};

// Where statistics come from: written with them, so that they are not taken for another model or text.
struct CalibrationSource {
    std::string modelHash, dataHash;  // SHA-256
    uint64_t seed = 0;
    int64_t windows = 0, windowLength = 0;
};

class CalibrationStatistics {
  public:
    explicit CalibrationStatistics(MomentExtent extent = MomentExtent::Full) : extent_(extent) {}

    // `batch` is named in errors together with the layer.
    Result<void> add(const std::string& layer, const at::Tensor& x, int64_t batch);
    Result<void> merge(const CalibrationStatistics& other);
    const LinearStatistics* find(const std::string& layer) const;
    const std::map<std::string, LinearStatistics>& layers() const { return layers_; }
    void clear() { layers_.clear(); }

    CalibrationSource source;

    // One safetensors file; the source is in its metadata.
    Result<void> save(const std::filesystem::path& file) const;
    static Result<CalibrationStatistics> load(const std::filesystem::path& file);
    // InvalidArgument where the statistics are those of another model (a hash that is not empty differs).
    Result<void> checkModel(const std::string& modelHash) const;

  private:
    MomentExtent extent_;
    std::map<std::string, LinearStatistics> layers_;
};

}  // namespace vitrine
