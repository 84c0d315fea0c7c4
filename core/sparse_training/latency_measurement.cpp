#include "core/sparse_training/latency_measurement.h"

#include "core/distill/random_stream.h"

#include <ATen/Parallel.h>

#include <cmath>
#include <map>
#include <set>

namespace vitrine {
namespace {

constexpr double kNormEpsilon = 1e-5;

// A layer alone, as the network computes it: the one that makes the channels with its activation. Times do
// not depend on values, as long as they are ordinary numbers.
PreparedWork layerWork(const ClassifierParameter& parameter, bool makes, int64_t inputs, int64_t outputs,
                       int64_t batch) {
    const auto& shape = parameter.shape;
    const int64_t places = parameter.uses, stride = parameter.stride;
    const auto value = [](const std::vector<int64_t>& sizes) { return at::full(sizes, 0.01); };
    if (shape.size() == 4) {
        const int64_t window = shape[2], side = std::llround(std::sqrt(double(places))) * stride;
        return [=]() -> std::function<void()> {
            const at::Tensor x = value({batch, inputs, side, side}),
                             weight = value({outputs, inputs, window, window}), scale = value({outputs});
            return [=] {
                const at::Tensor y = at::batch_norm(at::conv2d(x, weight, {}, stride, window / 2), scale,
                                                    scale, scale, scale, false, 0, kNormEpsilon, false);
                if (makes)
                    (void)at::relu(y);
            };
        };
    }
    return [=]() -> std::function<void()> {
        const at::Tensor x = value({batch, places, inputs}), weight = value({outputs, inputs}),
                         bias = value({outputs});
        return [=] {
            const at::Tensor y = at::linear(x, weight, bias);
            if (makes)
                (void)at::relu(y);
        };
    };
}

PreparedWork forwardWork(const ClassifierNetwork& network, const ClassifierTensors& tensors, int64_t batch) {
    return [&network, &tensors, batch]() -> std::function<void()> {
        const int64_t side = network.shape().side;
        return [&network, &tensors, pixels = at::full({batch, 3, side, side}, 0.01)] {
            TensorList buffers = tensors.buffers;  // mode Evaluate changes none of them
            (void)network.forward(pixels, tensors.weights, buffers, NormMode::Evaluate);
        };
    };
}

// What is timed, equal layers once.
class LayerWorks {
  public:
    LayerWorks(const ClassifierNetwork& network, int64_t batch) : network_(network), batch_(batch) {
        for (const ChannelGroup& channels : network.channelGroups())
            makers_.insert(channels.members.front().parameter);
    }

    size_t add(const LayerLatency& layer, int64_t inputs, int64_t outputs) {
        const size_t number = network_.index(layer.layer);
        const ClassifierParameter& parameter = network_.parameters()[number];
        const bool makes = makers_.contains(number);
        const std::string key =
            fmt::format("{} {} {} {} {} {}", inputs, outputs, parameter.uses, parameter.stride,
                        parameter.shape.size() == 4 ? parameter.shape[2] : 0, makes);
        const auto [place, isNew] = places_.emplace(key, works_.size());
        if (isNew)
            works_.push_back(layerWork(parameter, makes, inputs, outputs, batch_));
        return place->second;
    }
    std::vector<PreparedWork>& all() { return works_; }

  private:
    const ClassifierNetwork& network_;
    int64_t batch_;
    std::set<size_t> makers_;  // of channels that can be cut
    std::map<std::string, size_t> places_;
    std::vector<PreparedWork> works_;
};

Result<std::vector<double>> measure(const std::vector<PreparedWork>& works, const TimingOptions& timing,
                                    JobContext& job) {
    const at::NoGradGuard plain;
    job.beginStage("measuring latencies", int64_t(works.size()) * timing.rounds);
    return medianMs(works, timing, [&]() -> Result<void> {
        VITRINE_TRY_VOID(job.checkStop());
        job.advance();
        return {};
    });
}

}  // namespace

Result<LatencyTable> measureLatencyTable(const ClassifierNetwork& network, int64_t group,
                                         const LatencyMeasurement& measurement, JobContext& job) {
    LatencyTable table;
    table.batch = measurement.batch;
    table.threads = at::get_num_threads();
    table.layers = latencyLayers(network, group);
    LayerWorks works(network, measurement.batch);
    const ClassifierTensors dense{network.freshWeights(randomStream(0, 0, "latency")),
                                  network.freshBuffers()};
    works.all().push_back(forwardWork(network, dense, measurement.batch));
    std::vector<std::vector<std::vector<size_t>>> places;  // of each layer's times among the works
    for (const LayerLatency& layer : table.layers) {
        auto& rows = places.emplace_back();
        for (const int64_t inputs : layer.inputs) {
            auto& row = rows.emplace_back();
            for (const int64_t outputs : layer.outputs)
                row.push_back(works.add(layer, inputs, outputs));
        }
    }
    VITRINE_TRY(const std::vector<double> ms, measure(works.all(), measurement.timing, job));
    table.outsideMs = ms.front();
    for (size_t index = 0; index < table.layers.size(); ++index) {
        LayerLatency& layer = table.layers[index];
        for (size_t row = 0; row < layer.inputs.size(); ++row)
            for (size_t column = 0; column < layer.outputs.size(); ++column)
                layer.ms[row][column] = ms[places[index][row][column]];
        table.outsideMs -= layer.ms.back().back();
    }
    return table;
}

Result<std::vector<double>> measureForwardMs(const ClassifierNetwork& network,
                                             const std::vector<ClassifierTensors>& tensors,
                                             const LatencyMeasurement& measurement, JobContext& job) {
    std::vector<PreparedWork> works;
    works.reserve(tensors.size());
    for (const ClassifierTensors& each : tensors)
        works.push_back(forwardWork(network, each, measurement.batch));
    return measure(works, measurement.timing, job);
}

}  // namespace vitrine
