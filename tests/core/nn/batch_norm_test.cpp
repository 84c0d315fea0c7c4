// Batch normalisation in training, against LibTorch's own.
#include "core/nn/batch_norm.h"

#include "core/nn/recompute.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <barrier>
#include <thread>

namespace vitrine::nn {
namespace {

constexpr int64_t kChannels = 5;
constexpr double kEpsilon = 1e-4;

struct Net : torch::nn::Module {
    Net() {
        norm = register_module("norm", std::make_shared<TrainableBatchNorm>(kChannels, kEpsilon));
        const at::NoGradGuard noGrad;
        norm->weight.copy_(at::linspace(0.5, 2, kChannels)).set_requires_grad(true);
        norm->bias.copy_(at::linspace(-1, 1, kChannels)).set_requires_grad(true);
    }
    std::shared_ptr<TrainableBatchNorm> norm;
};

at::Tensor maps(int64_t seed, int64_t batch = 6) {
    at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(uint64_t(seed));
    return at::randn({batch, kChannels, 3, 4}, generator, at::TensorOptions()) *
               at::linspace(0.2, 3, kChannels).view({1, -1, 1, 1}) +
           2;
}

// A loss that no normalisation makes trivial.
at::Tensor lossOf(const at::Tensor& y) {
    return (y * at::sin(y * 3)).mean();
}

void expectClose(const at::Tensor& a, const at::Tensor& b, const char* what, double tolerance = 1e-5) {
    EXPECT_LT((a - b).abs().max().item<double>(), tolerance * (1 + b.abs().max().item<double>())) << what;
}

TEST(BatchNorm, AStepIsLibTorchs) {
    Net net;
    BatchStatistics statistics(net);
    const at::Tensor weight = net.norm->weight.detach().clone().set_requires_grad(true);
    const at::Tensor bias = net.norm->bias.detach().clone().set_requires_grad(true);
    const at::Tensor mean = at::zeros({kChannels}), variance = at::ones({kChannels});
    for (int64_t step = 0; step < 4; ++step) {
        const at::Tensor x = maps(step).set_requires_grad(true),
                         same = x.detach().clone().set_requires_grad(true);
        const at::Tensor expected =
            at::batch_norm(same, weight, bias, mean, variance, true, 0.1, kEpsilon, false);
        lossOf(expected).backward();
        {
            BatchStatistics::Step training(statistics);
            at::Tensor y;
            {
                const auto recording = training.record();
                y = net.norm->forward(x);
            }
            lossOf(y).backward();
            expectClose(y, expected, "output");
            training.commit();
        }
        expectClose(x.grad(), same.grad(), "gradient of the input");
        expectClose(net.norm->weight.grad(), weight.grad(), "gradient of the weight");
        expectClose(net.norm->bias.grad(), bias.grad(), "gradient of the bias");
        expectClose(net.norm->runningMean, mean, "running mean");
        expectClose(net.norm->runningVar, variance, "running variance");
        EXPECT_EQ(net.norm->batchesSeen, step + 1);
    }
    // Outside a step it is the layer of evaluation.
    const at::NoGradGuard noGrad;
    const at::Tensor x = maps(9);
    EXPECT_TRUE(at::equal(net.norm->forward(x),
                          at::batch_norm(x, net.norm->weight, net.norm->bias, net.norm->runningMean,
                                         net.norm->runningVar, false, 0, kEpsilon, false)));
}

TEST(BatchNorm, PassesOfOneStepFoldOneAfterAnother) {
    Net net;
    BatchStatistics statistics(net);
    const at::Tensor mean = at::zeros({kChannels}), variance = at::ones({kChannels});
    BatchStatistics::Step training(statistics);
    for (const int64_t batch : {6, 2}) {
        at::batch_norm(maps(batch, batch), net.norm->weight, net.norm->bias, mean, variance, true, 0.1,
                       kEpsilon, false);
        const auto recording = training.record();
        net.norm->forward(maps(batch, batch));
    }
    EXPECT_EQ(net.norm->runningMean.abs().max().item<double>(), 0) << "before the step is done";
    training.commit();
    expectClose(net.norm->runningMean, mean, "running mean");
    expectClose(net.norm->runningVar, variance, "running variance");
    EXPECT_EQ(net.norm->batchesSeen, 2);
}

TEST(BatchNorm, WhatIsComputedAgainCountsOnce) {
    Net plain, again;
    BatchStatistics first(plain), second(again);
    at::Tensor gradients[2];
    for (const bool recompute : {false, true}) {
        Net& net = recompute ? again : plain;
        BatchStatistics::Step training(recompute ? second : first);
        const at::Tensor x = maps(3).set_requires_grad(true);
        at::Tensor y;
        {
            const auto recording = training.record();
            const auto pass = [&](const at::Tensor& input) { return net.norm->forward(input); };
            y = recompute ? recomputed(pass, x) : pass(x);
        }
        lossOf(y).backward();
        training.commit();
        gradients[recompute ? 1 : 0] = x.grad();
        EXPECT_EQ(net.norm->batchesSeen, 1);
    }
    EXPECT_TRUE(at::equal(gradients[0], gradients[1]));
    EXPECT_TRUE(at::equal(plain.norm->weight.grad(), again.norm->weight.grad()));
    EXPECT_TRUE(at::equal(plain.norm->runningMean, again.norm->runningMean));
    EXPECT_TRUE(at::equal(plain.norm->runningVar, again.norm->runningVar));
}

TEST(BatchNorm, AStepThatFailsLeavesTheStatistics) {
    Net net;
    BatchStatistics statistics(net);
    {
        BatchStatistics::Step training(statistics);
        const auto recording = training.record();
        net.norm->forward(maps(1));
    }
    EXPECT_EQ(net.norm->batchesSeen, 0);
    EXPECT_EQ(net.norm->runningMean.abs().max().item<double>(), 0);
    BatchStatistics::Step next(statistics);
    next.commit();
    EXPECT_EQ(net.norm->batchesSeen, 0) << "nothing of the failed step is left";
}

// Threads that stand for processes: each replaces its tensors by the mean of all.
class Meeting {
  public:
    explicit Meeting(int64_t count) : count_(count), all_(count), barrier_(count) {}
    Result<void> average(int64_t place, const std::vector<at::Tensor>& tensors) {
        const at::NoGradGuard noGrad;
        all_[size_t(place)].clear();
        for (const at::Tensor& tensor : tensors)
            all_[size_t(place)].push_back(tensor.clone());
        barrier_.arrive_and_wait();
        for (size_t i = 0; i < tensors.size(); ++i) {
            at::Tensor sum = at::zeros_like(tensors[i]);
            for (const auto& part : all_)
                sum += part[i];
            at::Tensor(tensors[i]).copy_(sum / double(count_));
        }
        barrier_.arrive_and_wait();
        return {};
    }

  private:
    int64_t count_;
    std::vector<std::vector<at::Tensor>> all_;
    std::barrier<> barrier_;
};

TEST(BatchNorm, SharedBatchesAreOneBatch) {
    constexpr int64_t kProcesses = 3;
    const at::Tensor whole = maps(4).set_requires_grad(true);
    Net alone;
    BatchStatistics statistics(alone);
    at::Tensor expected;
    {
        BatchStatistics::Step training(statistics);
        {
            const auto recording = training.record();
            expected = alone.norm->forward(whole);
        }
        lossOf(expected).backward();
        training.commit();
    }
    Meeting meeting(kProcesses);
    std::vector<Net> nets(kProcesses);
    std::vector<at::Tensor> parts(kProcesses), outputs(kProcesses);
    std::vector<std::thread> threads;
    for (int64_t place = 0; place < kProcesses; ++place)
        threads.emplace_back([&, place] {
            Net& net = nets[size_t(place)];
            BatchStatistics shared(net);
            shared.shareWith(
                [&, place](const std::vector<at::Tensor>& tensors) {
                    return meeting.average(place, tensors);
                },
                kProcesses);
            parts[size_t(place)] = maps(4).narrow(0, 2 * place, 2).clone().set_requires_grad(true);
            BatchStatistics::Step training(shared);
            {
                const auto recording = training.record();
                outputs[size_t(place)] = net.norm->forward(parts[size_t(place)]);
            }
            lossOf(outputs[size_t(place)]).backward();
            training.commit();
        });
    for (std::thread& thread : threads)
        thread.join();
    expectClose(at::cat(outputs), expected, "output");
    at::Tensor weight = at::zeros({kChannels}), bias = at::zeros({kChannels});
    std::vector<at::Tensor> inputs;
    for (int64_t place = 0; place < kProcesses; ++place) {
        const Net& net = nets[size_t(place)];
        weight += net.norm->weight.grad() / double(kProcesses);
        bias += net.norm->bias.grad() / double(kProcesses);
        inputs.push_back(parts[size_t(place)].grad() / double(kProcesses));
        expectClose(net.norm->runningMean, alone.norm->runningMean, "running mean");
        expectClose(net.norm->runningVar, alone.norm->runningVar, "running variance");
        EXPECT_TRUE(at::equal(net.norm->runningVar, nets[0].norm->runningVar));
    }
    expectClose(at::cat(inputs), whole.grad(), "gradient of the input");
    expectClose(weight, alone.norm->weight.grad(), "gradient of the weight");
    expectClose(bias, alone.norm->bias.grad(), "gradient of the bias");
}

TEST(BatchNorm, ALostProcessIsTold) {
    Net net;
    BatchStatistics statistics(net);
    statistics.shareWith(
        [](const std::vector<at::Tensor>&) { return fail(ErrorCode::IoFailure, "a process was lost"); }, 2);
    BatchStatistics::Step training(statistics);
    ASSERT_TRUE(training.check());
    net.norm->forward(maps(1));
    ASSERT_FALSE(training.check());
    EXPECT_EQ(training.check().error().message, "a process was lost");
}

TEST(BatchNorm, StatisticsArePutBackOrRefused) {
    Net from, to;
    {
        BatchStatistics statistics(from);
        BatchStatistics::Step training(statistics);
        {
            const auto recording = training.record();
            from.norm->forward(maps(2));
        }
        training.commit();
    }
    std::map<std::string, at::Tensor> stored;
    for (const auto& [name, tensor] : batchStatistics(from))
        stored["x." + name] = tensor.clone();
    ASSERT_TRUE(restoreBatchStatistics(to, stored, "x."));
    EXPECT_TRUE(at::equal(to.norm->runningVar, from.norm->runningVar));
    EXPECT_EQ(to.norm->batchesSeen, 1);
    stored.erase("x.norm.running_mean");
    const auto refused = restoreBatchStatistics(to, stored, "x.");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().where, "x.norm.running_mean");
}

}  // namespace
}  // namespace vitrine::nn
