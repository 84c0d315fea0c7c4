// A small MambaVision tells the dominant shape of pictures, with each of four mixers (the paper's ablation).
// All four see the same fresh scenes step by step, so that a step from one mixer to the next is measured in
// pairs.
#include "core/claims/mamba_vision_experiments.h"
#include "core/claims/mixer_network.h"
#include "core/claims/paired_interval.h"
#include "core/data/shape_scenes.h"
#include "core/distill/optimizer.h"
#include "core/distill/random_stream.h"
#include "core/models/tower_outputs.h"

#include <array>

namespace vitrine {
namespace {

using mixers::Design;
using mixers::Network;

constexpr int64_t kSteps = 1000, kBatch = 32, kTestPictures = 4096, kTestBatch = 512;
constexpr double kRate = 3e-3, kWeightDecay = 0.05;
constexpr const char* kAccuracy = "accuracy on shapes";

// In the order of mixers::kDesigns.
constexpr std::array kArms{"mixer: causal", "mixer: regular", "mixer: gated", "mixer: concatenated"};
struct Step {
    size_t from, to;  // indices into kArms
    const char* name;
};
constexpr Step kMixerSteps[] = {{0, 1, "regular less causal convolution"},
                                {1, 2, "a gating second branch less none"},
                                {2, 3, "concatenation less gating"},
                                {0, 3, "MambaVision's mixer less the causal one"}};

using Metrics = std::map<std::string, double>;

struct Student {
    std::shared_ptr<Network> network;
    std::unique_ptr<nn::BatchStatistics> statistics;
    Optimizer optimizer;
};

Student begun(Design design, uint64_t seed) {
    const auto network =
        std::make_shared<Network>(design, kSceneShapeCount, randomStream(seed, 0, "mixer network"));
    std::vector<OptimizedParameter> parameters;
    for (auto& entry : network->named_parameters()) {
        const bool decays = entry.value().dim() >= 2 && !entry.key().ends_with("A_log");
        parameters.push_back({entry.key(), entry.value(), 1, decays});
    }
    return {network, std::make_unique<nn::BatchStatistics>(*network),
            Optimizer(parameters, {.kind = OptimizerKind::AdamW, .weightDecay = kWeightDecay})};
}

ScenePictures scenes(int64_t count, const at::Generator& random) {
    return renderShapeScenes(drawShapeScenes(count, random), Network::kSide);
}

void learn(Student& student, const ScenePictures& batch, double rate) {
    nn::BatchStatistics::Step step(*student.statistics);
    student.optimizer.clearGradients();
    {
        const auto recording = step.record();
        at::cross_entropy_loss(student.network->forward(batch.pictures), batch.dominant).backward();
    }
    step.commit();
    student.optimizer.clipGradients(1);
    student.optimizer.step(rate);
}

Result<void> teach(std::vector<Student>& students, const ClaimRequest& request) {
    const int64_t steps = scaledSteps(kSteps, request);
    const at::AutoGradMode withGradients(true);
    for (int64_t step = 0; step < steps; ++step) {
        const ScenePictures batch =
            scenes(kBatch, randomStream(uint64_t(request.seed), step, "mixer scenes"));
        for (Student& student : students) {
            VITRINE_TRY_VOID(request.job->checkStop());
            learn(student, batch, cosineRate(step, steps / 15, steps, kRate));
            request.job->advance();
        }
    }
    return {};
}

Result<std::vector<Metrics>> evaluated(const std::vector<Student>& students, const ClaimRequest& request) {
    const at::NoGradGuard noGrad;
    const int64_t batches = scaledCount(kTestPictures / kTestBatch, request);
    std::vector<Metrics> metrics(students.size());
    for (int64_t index = 0; index < batches; ++index) {
        VITRINE_TRY_VOID(request.job->checkStop());
        const ScenePictures test =
            scenes(kTestBatch, randomStream(uint64_t(request.seed), index, "mixer test scenes"));
        for (size_t i = 0; i < students.size(); ++i) {
            const at::Tensor logits = students[i].network->forward(test.pictures);
            metrics[i][kAccuracy] +=
                logits.argmax(1).eq(test.dominant).to(at::kDouble).mean().item<double>() / double(batches);
            metrics[i]["cross-entropy on shapes"] +=
                at::cross_entropy_loss(logits, test.dominant).item<double>() / double(batches);
        }
    }
    return metrics;
}

Result<ClaimMeasurement> measure(const ClaimRequest& request) {
    std::vector<Student> students;
    for (const Design design : mixers::kDesigns)
        students.push_back(begun(design, uint64_t(request.seed)));
    request.job->beginStage("training one network per mixer",
                            int64_t(students.size()) * scaledSteps(kSteps, request));
    VITRINE_TRY_VOID(teach(students, request));
    VITRINE_TRY(const std::vector<Metrics> metrics, evaluated(students, request));
    ClaimMeasurement measurement;
    for (size_t i = 0; i < students.size(); ++i) {
        measurement.arms[kArms[i]] = metrics[i];
        measurement.arms[kArms[i]]["thousand parameters"] =
            double(countParameters(*students[i].network)) / 1000;
    }
    return measurement;
}

// Steps of about a point are small against what one seed varies by: the rule asks for their order in the mean
// and tells how sure it is.
std::vector<ClaimCheck> judge(const ClaimTable& table) {
    std::vector<ClaimCheck> checks;
    for (const Step& step : kMixerSteps) {
        const PairedInterval interval = pairedInterval(table.values(kArms[step.from], kAccuracy),
                                                       table.values(kArms[step.to], kAccuracy));
        checks.push_back(
            atLeast(fmt::format("shapes, {} ({})", step.name, interval.text()), interval.mean, 0));
    }
    return checks;
}

}  // namespace

ClaimExperiment mixerExperiment() {
    return {measure, judge};
}

}  // namespace vitrine
