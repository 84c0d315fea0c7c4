#include "core/nn/batch_norm.h"

#include <torch/csrc/autograd/custom_function.h>

namespace vitrine::nn {
namespace {

at::Tensor perChannel(const at::Tensor& values) {
    return values.view({1, -1, 1, 1});
}

int64_t valuesPerChannel(const at::Tensor& x) {
    return x.numel() / x.size(1);
}

at::Tensor meanOf(const at::Tensor& x) {
    return x.mean({0, 2, 3});
}

template <typename Visit>
void forEachLayer(const torch::nn::Module& network, Visit visit) {
    for (const auto& entry : network.named_modules("", false))
        if (const auto layer = std::dynamic_pointer_cast<TrainableBatchNorm>(entry.value()))
            visit(entry.key(), layer);
}

}  // namespace

TrainableBatchNorm::TrainableBatchNorm(int64_t channels, double eps) : BatchNorm(channels, eps) {
    runningMean.zero_();
    runningVar.fill_(1);
}

at::Tensor TrainableBatchNorm::forward(const at::Tensor& x) const {
    return training_ && training_->active() ? training_->normalized(*this, x) : BatchNorm::forward(x);
}

BatchStatistics::BatchStatistics(const torch::nn::Module& network, double momentum) : momentum_(momentum) {
    forEachLayer(network, [&](const std::string&, const std::shared_ptr<TrainableBatchNorm>& layer) {
        layer->training_ = this;
        layer->place_ = layers_.size();
        layers_.push_back(layer);
    });
    recorded_.resize(layers_.size());
}

BatchStatistics::~BatchStatistics() {
    for (const auto& layer : layers_)
        layer->training_ = nullptr;
}

void BatchStatistics::shareWith(Average average, int64_t processes) {
    average_ = std::move(average);
    processes_ = processes;
}

// After an error the results are of no use, and the step says so: nothing is exchanged any more.
void BatchStatistics::average(const std::vector<at::Tensor>& tensors) {
    if (failure_)
        failure_ = average_(tensors);
}

at::Tensor BatchStatistics::normalized(const TrainableBatchNorm& layer, const at::Tensor& x) {
    Moments moments;
    at::Tensor y = average_ ? normalizedTogether(layer, x, moments) : normalizedAlone(layer, x, moments);
    if (recording_)
        recorded_[layer.place_].push_back(std::move(moments));
    return y;
}

at::Tensor BatchStatistics::normalizedAlone(const TrainableBatchNorm& layer, const at::Tensor& x,
                                            Moments& moments) const {
    // With a momentum of 1 LibTorch leaves the statistics of the batch itself.
    moments = {at::zeros_like(layer.runningMean), at::zeros_like(layer.runningVar)};
    return at::batch_norm(x, layer.weight, layer.bias, moments.mean, moments.variance, true, 1.0,
                          layer.epsilon, false);
}

// y = w (x - μ) / σ + b with μ and σ of all processes; the gradient of the input runs through μ and σ:
// dx = w / σ (dy - mean(dy) - x̂ mean(dy x̂)), means over all processes.
class BatchStatistics::Shared : public torch::autograd::Function<BatchStatistics::Shared> {
  public:
    struct Owner : torch::CustomClassHolder {
        explicit Owner(BatchStatistics& wanted) : statistics(&wanted) {}
        BatchStatistics* statistics;
    };

    static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                              const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& mean,
                              const at::Tensor& inverse, const c10::intrusive_ptr<Owner>& owner) {
        context->save_for_backward({x, weight, mean, inverse});
        context->saved_data["owner"] = c10::IValue::make_capsule(owner);
        const at::Tensor y =
            (x.to(at::kFloat) - perChannel(mean)) * perChannel(inverse * weight) + perChannel(bias);
        return y.to(x.scalar_type());
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   const torch::autograd::variable_list& gradients) {
        const auto saved = context->get_saved_variables();
        const auto owner =
            c10::static_intrusive_pointer_cast<Owner>(context->saved_data["owner"].toCapsule());
        const at::Tensor &x = saved[0], &weight = saved[1], &mean = saved[2], &inverse = saved[3];
        const at::Tensor dy = gradients[0].to(at::kFloat);
        const at::Tensor normal = (x.to(at::kFloat) - perChannel(mean)) * perChannel(inverse);
        const at::Tensor dyMean = meanOf(dy), productMean = meanOf(dy * normal);
        const double count = double(valuesPerChannel(x));
        // The parameters' gradients are averaged with all others after the step.
        const at::Tensor dWeight = productMean * count, dBias = dyMean * count;
        owner->statistics->average({dyMean, productMean});
        const at::Tensor dx =
            (dy - perChannel(dyMean) - normal * perChannel(productMean)) * perChannel(inverse * weight);
        return {dx.to(x.scalar_type()), dWeight, dBias, at::Tensor(), at::Tensor(), at::Tensor()};
    }
};

at::Tensor BatchStatistics::normalizedTogether(const TrainableBatchNorm& layer, const at::Tensor& x,
                                               Moments& moments) {
    at::Tensor inverse;
    {
        // The variance about the common mean: a difference of squares would lose digits.
        const at::NoGradGuard noGrad;
        const at::Tensor values = x.detach().to(at::kFloat);
        moments.mean = meanOf(values);
        average({moments.mean});
        moments.variance = meanOf((values - perChannel(moments.mean)).square());
        average({moments.variance});
        inverse = (moments.variance + layer.epsilon).rsqrt();
        const double count = double(valuesPerChannel(x)) * double(processes_);
        moments.variance = moments.variance * (count / (count - 1));
    }
    return Shared::apply(x, layer.weight, layer.bias, moments.mean, inverse,
                         c10::make_intrusive<Shared::Owner>(*this));
}

BatchStatistics::Step::Step(BatchStatistics& owner) : owner_(owner) {
    owner_.active_ = true;
    owner_.failure_ = {};
}

BatchStatistics::Step::~Step() {
    owner_.active_ = owner_.recording_ = false;
    for (auto& passes : owner_.recorded_)
        passes.clear();
}

void BatchStatistics::Step::commit() {
    const at::NoGradGuard noGrad;
    for (size_t i = 0; i < owner_.layers_.size(); ++i) {
        TrainableBatchNorm& layer = *owner_.layers_[i];
        for (const Moments& batch : owner_.recorded_[i]) {
            layer.runningMean.mul_(1 - owner_.momentum_).add_(batch.mean, owner_.momentum_);
            layer.runningVar.mul_(1 - owner_.momentum_).add_(batch.variance, owner_.momentum_);
            ++layer.batchesSeen;
        }
        owner_.recorded_[i].clear();
    }
}

std::map<std::string, at::Tensor> batchStatistics(const torch::nn::Module& network) {
    std::map<std::string, at::Tensor> statistics;
    forEachLayer(network, [&](const std::string& name, const std::shared_ptr<TrainableBatchNorm>& layer) {
        statistics[name + ".running_mean"] = layer->runningMean;
        statistics[name + ".running_var"] = layer->runningVar;
        statistics[name + ".num_batches_tracked"] = at::scalar_tensor(layer->batchesSeen, at::kLong);
    });
    return statistics;
}

Result<void> restoreBatchStatistics(torch::nn::Module& network,
                                    const std::map<std::string, at::Tensor>& stored,
                                    const std::string& prefix) {
    const at::NoGradGuard noGrad;
    for (auto& [name, tensor] : batchStatistics(network)) {
        const auto it = stored.find(prefix + name);
        if (it == stored.end() || it->second.sizes() != tensor.sizes())
            return fail(ErrorCode::NotFound, "this tensor of the running statistics is not there",
                        prefix + name, "They belong to another network");
        if (tensor.is_floating_point())
            at::Tensor(tensor).copy_(it->second);
    }
    forEachLayer(network, [&](const std::string& name, const std::shared_ptr<TrainableBatchNorm>& layer) {
        layer->batchesSeen = stored.at(prefix + name + ".num_batches_tracked").item<int64_t>();
    });
    return {};
}

}  // namespace vitrine::nn
