// A small ResNet learns procedural scenes (core/data: the data of every machine; no pictures are read) with a
// twentieth of its weights, under every method with the same steps, rates and first structure.
#include "core/claims/iee_claim.h"

#include "core/sparse_training/sparse_trainer.h"

#include <array>

namespace vitrine {
namespace {

constexpr int64_t kSide = 16, kTraining = 8000, kTest = 2000, kSteps = 4000;  // 32 epochs in batches of 64

// The set-up was looked for on seeds 0 to 2, so the claim is measured on others.
constexpr int64_t kFirstSeed = 10;

SparseTrainingOptions common(const ClaimRequest& request) {
    SparseTrainingOptions options;
    options.network = {.kind = ClassifierKind::ResNet, .side = kSide, .classes = 8, .width = 8};
    options.network.blocksPerStage = 1;
    options.density = 0.05;
    options.steps = std::max<int64_t>(4, scaledSteps(kSteps, request));
    options.batch = {64, 1, true};
    options.seed = uint64_t(kFirstSeed + request.seed);
    return options;
}

struct Arm {
    const char* name;
    SparseMethod method;
    void (*change)(SparseTrainingOptions&);
};

constexpr auto kAsItIs = [](SparseTrainingOptions&) {};
constexpr std::array<Arm, 9> kArms{
    {{"static", SparseMethod::Static, kAsItIs},
     {"gradual magnitude", SparseMethod::Gradual, kAsItIs},
     {"SET", SparseMethod::Set, kAsItIs},
     {"RigL", SparseMethod::Rigl, kAsItIs},
     {"IEE", SparseMethod::Iee, kAsItIs},
     {"IEE (Taylor)", SparseMethod::Iee, [](SparseTrainingOptions& o) { o.saliency = Saliency::Taylor; }},
     {"no reactivation", SparseMethod::Iee, [](SparseTrainingOptions& o) { o.reactivate = false; }},
     {"no freezing", SparseMethod::Iee, [](SparseTrainingOptions& o) { o.freezeInExploration = false; }},
     {"from zero", SparseMethod::Iee, [](SparseTrainingOptions& o) { o.exploreFrom = ComingBack::Zero; }}}};

Result<std::map<std::string, double>> measureArm(const Arm& arm, const ClaimRequest& request,
                                                 const LabelledPictures& training,
                                                 const LabelledPictures& test) {
    SparseTrainingOptions options = common(request);
    options.method = arm.method;
    arm.change(options);
    VITRINE_TRY(const auto trainer, SparseTrainer::create(options, training));
    double survived = 0, overlap = 0, looked = 0, exchanges = 0, ever = 0, cost = 0;
    while (trainer->step() < options.steps) {
        VITRINE_TRY_VOID(request.job->checkStop());
        VITRINE_TRY(const SparseStep report, trainer->train());
        cost = report.cost;
        if (report.exchange) {
            overlap += report.exchange->intersectionOverUnion;
            ever = report.exchange->everActive;
            ++exchanges;
        }
        if (report.exchange && report.exchange->survival) {
            survived += *report.exchange->survival;
            ++looked;
        }
        request.job->advance();
    }
    const ClassifierScore score = trainer->score(test);
    std::map<std::string, double> metrics{{"accuracy", score.accuracy},
                                          {"cross-entropy", score.crossEntropy},
                                          {"cost (dense runs)", cost},
                                          {"density", trainer->structure().density()}};
    if (exchanges > 0) {
        metrics["overlap of structures"] = overlap / exchanges;
        metrics["ever in use"] = ever;
    }
    if (looked > 0)
        metrics["survival of the entered"] = survived / looked;
    return metrics;
}

Result<ClaimMeasurement> measure(const ClaimRequest& request) {
    const auto seed = uint64_t(kFirstSeed + request.seed);
    const LabelledPictures training = shapeScenePictures(kTraining, kSide, seed, "training"),
                           test = shapeScenePictures(kTest, kSide, seed, "test");
    request.job->beginStage("training a sparse network with each method",
                            int64_t(kArms.size()) * common(request).steps);
    ClaimMeasurement measurement;
    for (const Arm& arm : kArms) {
        VITRINE_TRY(measurement.arms[arm.name], measureArm(arm, request, training, test));
    }
    return measurement;
}

std::vector<ClaimCheck> judge(const ClaimTable& table) {
    const auto more = [&](const char* arm) {
        return table.mean("IEE", "accuracy") - table.mean(arm, "accuracy");
    };
    return {
        atLeast("accuracy, IEE less IEE without reactivation", more("no reactivation"), 0.05),
        atLeast("accuracy, IEE less a static structure", more("static"), 0),
        atLeast("accuracy, IEE less SET", more("SET"), 0),
        atLeast("accuracy, IEE less RigL", more("RigL"), 0),
        atLeast("accuracy, IEE less IEE that explores from zero", more("from zero"), 0),
        atLeast("accuracy, IEE less IEE without freezing", more("no freezing"), 0),
        atLeast("survival of what entered, IEE less RigL",
                table.mean("IEE", "survival of the entered") - table.mean("RigL", "survival of the entered"),
                0)};
}

}  // namespace

ClaimExperiment ieeClaim() {
    return {measure, judge};
}

}  // namespace vitrine
