// Batch normalisation of networks that are trained here (Ioffe and Szegedy 2015). Outside a training step a
// layer computes with its running statistics, as nn::BatchNorm does. Within one it normalises by the mean and
// variance of what it is given, and the running statistics move towards those once the step is done:
//
//   nn::BatchStatistics statistics(network);
//   nn::BatchStatistics::Step step(statistics);
//   {
//       const auto recording = step.record();
//       loss = network.forward(batch);
//   }
//   loss.backward();   // blocks that are computed again for their gradients count once
//   step.commit();     // without it the running statistics stay as they were
#pragma once

#include "core/base/result.h"
#include "core/nn/layers.h"

#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace vitrine::nn {

class BatchStatistics;

// Maps (B, C, H, W); parameters and buffers as nn::BatchNorm.
class TrainableBatchNorm : public BatchNorm {
  public:
    TrainableBatchNorm(int64_t channels, double epsilon);
    // Not finite where a training step gives it a single value per channel.
    at::Tensor forward(const at::Tensor& x) const;

    int64_t batchesSeen = 0;  // "num_batches_tracked"

  private:
    friend class BatchStatistics;
    BatchStatistics* training_ = nullptr;
    size_t place_ = 0;  // among its layers
};

class BatchStatistics {
  public:
    // Replaces each tensor by its mean over the processes that share a batch.
    using Average = std::function<Result<void>(const std::vector<at::Tensor>&)>;
    // Share of a batch in the running statistics: PyTorch's default, which E-RADIO and MambaVision keep.
    static constexpr double kMomentum = 0.1;

    // Of all TrainableBatchNorm layers in `network`; one of these at a time.
    explicit BatchStatistics(const torch::nn::Module& network, double momentum = kMomentum);
    BatchStatistics(const BatchStatistics&) = delete;
    BatchStatistics& operator=(const BatchStatistics&) = delete;
    ~BatchStatistics();

    // From now on mean and variance are those of the parts of all processes together, and so are gradients
    // ("synchronised" batch normalisation): each process gives equally many values.
    void shareWith(Average average, int64_t processes);

    // A pass whose statistics are kept, for as long as this lives.
    class Recording {
      public:
        explicit Recording(BatchStatistics& owner) : owner_(owner) { owner_.recording_ = true; }
        Recording(const Recording&) = delete;
        Recording& operator=(const Recording&) = delete;
        ~Recording() { owner_.recording_ = false; }

      private:
        BatchStatistics& owner_;
    };

    class Step {
      public:
        explicit Step(BatchStatistics& owner);
        Step(const Step&) = delete;
        Step& operator=(const Step&) = delete;
        ~Step();
        Recording record() { return Recording(owner_); }
        // Error of the exchange between processes, if one failed so far; results are then meaningless.
        Result<void> check() const { return owner_.failure_; }
        // Running statistics take in the recorded passes, one after another:
        // r ← (1 - momentum) r + momentum · batch, the variance with n - 1.
        void commit();

      private:
        BatchStatistics& owner_;
    };

  private:
    friend class TrainableBatchNorm;
    class Shared;  // the layer over several processes
    struct Moments {
        at::Tensor mean, variance;  // (C); the variance with n - 1
    };
    bool active() const { return active_; }
    at::Tensor normalized(const TrainableBatchNorm& layer, const at::Tensor& x);
    at::Tensor normalizedAlone(const TrainableBatchNorm& layer, const at::Tensor& x, Moments& moments) const;
    at::Tensor normalizedTogether(const TrainableBatchNorm& layer, const at::Tensor& x, Moments& moments);
    void average(const std::vector<at::Tensor>& tensors);

    double momentum_;
    std::vector<std::shared_ptr<TrainableBatchNorm>> layers_;
    std::vector<std::vector<Moments>> recorded_;  // of each layer, in the order of the passes
    bool active_ = false, recording_ = false;
    Average average_;
    int64_t processes_ = 1;
    Result<void> failure_;
};

// What training changes in a network beside its parameters, under the names of its layers: running_mean,
// running_var and num_batches_tracked. The first two are the layers' own tensors.
std::map<std::string, at::Tensor> batchStatistics(const torch::nn::Module& network);
// Puts them back. NotFound names a tensor that is missing or of another shape, with `prefix` before it.
Result<void> restoreBatchStatistics(torch::nn::Module& network,
                                    const std::map<std::string, at::Tensor>& stored,
                                    const std::string& prefix = {});

}  // namespace vitrine::nn
