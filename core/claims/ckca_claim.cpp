// Procedural scenes (core/data: the data of every machine; no pictures are read) come in chunks with the same
// number of pictures of each class. A small ResNet learns chunk after chunk, each for as many epochs and from
// the full learning rate, under every way to go on.
#include "core/claims/ckca_claim.h"

#include "core/warm_start/incremental_trainer.h"

#include <array>

namespace vitrine {
namespace {

constexpr int64_t kSide = 16, kChunks = 8, kEach = 48, kTest = 2000, kEpochs = 60;
// Sizes and weights of the terms were looked for on seeds 0 to 2, so the claim is measured on others.
constexpr int64_t kFirstSeed = 10;
constexpr int64_t kDrawn = 13;  // tenths of what is dealt out: classes are drawn, not counted

IncrementalOptions common(const ClaimRequest& request) {
    IncrementalOptions options;
    options.network = {.kind = ClassifierKind::ResNet, .side = kSide, .classes = 8, .width = 8};
    options.network.blocksPerStage = 1;
    options.features = FeatureTerm::None;
    // Held all along, the features would stay where a few pictures put them.
    options.featureWeight = 0.1;
    options.featureFades = true;
    options.distillation = DistillationTerm::None;
    options.epochs = std::max<int64_t>(1, std::llround(double(kEpochs) * request.scale));
    options.batch = {32, 1, true};
    options.seed = uint64_t(kFirstSeed + request.seed);
    return options;
}

struct Arm {
    const char* name;
    void (*change)(IncrementalOptions&);
};

constexpr std::array<Arm, 10> kArms{
    {{"cold, new chunk", [](IncrementalOptions& o) { o.start = ChunkStart::Cold; }},
     {"cold, all chunks", [](IncrementalOptions& o) { o.start = ChunkStart::ColdAll; }},
     {"warm", [](IncrementalOptions&) {}},
     {"shrink and perturb", [](IncrementalOptions& o) { o.start = ChunkStart::ShrinkPerturb; }},
     {"warm, L2-SP", [](IncrementalOptions& o) { o.pullBack = 0.01; }},
     {"warm, constant distillation",
      [](IncrementalOptions& o) { o.distillation = DistillationTerm::Constant; }},
     {"features alone", [](IncrementalOptions& o) { o.features = FeatureTerm::Direction; }},
     {"distillation alone", [](IncrementalOptions& o) { o.distillation = DistillationTerm::Trust; }},
     {"CKCA",
      [](IncrementalOptions& o) {
          o.features = FeatureTerm::Direction;
          o.distillation = DistillationTerm::Trust;
      }},
     {"CKCA, consolidating", [](IncrementalOptions& o) {
          o.features = FeatureTerm::Both;
          o.distillation = DistillationTerm::Trust;
      }}}};

struct Lesson {
    std::vector<LabelledPictures> chunks;
    LabelledPictures test;
};

Result<Lesson> prepare(const ClaimRequest& request) {
    const auto seed = uint64_t(kFirstSeed + request.seed);
    Lesson lesson;
    const LabelledPictures all =
        shapeScenePictures(kChunks * kEach * kDrawn / 10, kSide, seed, "training", true);
    VITRINE_TRY(const auto parts, balancedParts(all, kChunks, seed));
    for (const at::Tensor& part : parts)
        lesson.chunks.push_back(all.at(part));
    lesson.test = shapeScenePictures(kTest, kSide, seed, "test", true);
    return lesson;
}

Result<std::map<std::string, double>> measureArm(const Arm& arm, const ClaimRequest& request,
                                                 const Lesson& lesson) {
    IncrementalOptions options = common(request);
    arm.change(options);
    VITRINE_TRY(const auto trainer, IncrementalTrainer::create(options, lesson.chunks));
    std::map<std::string, double> metrics;
    double mean = 0, falls = 0, before = 0, forgotten = 0;
    std::vector<double> after;  // of each chunk, on its own pictures right after it
    while (!trainer->isDone()) {
        VITRINE_TRY_VOID(request.job->checkStop());
        VITRINE_TRY(const IncrementalStep report, trainer->train());
        request.job->advance();
        if (!report.endsChunk)
            continue;
        const double accuracy = trainer->score(lesson.test).accuracy;
        metrics[fmt::format("accuracy after chunk {}", report.chunk + 1)] = accuracy;
        mean += accuracy / double(kChunks);
        falls = std::max(falls, before - accuracy);
        before = accuracy;
        after.push_back(trainer->score(lesson.chunks[size_t(report.chunk)]).accuracy);
        metrics["accuracy"] = accuracy;
    }
    for (size_t chunk = 0; chunk + 1 < after.size(); ++chunk)
        forgotten +=
            (after[chunk] - trainer->score(lesson.chunks[chunk]).accuracy) / double(after.size() - 1);
    metrics["mean accuracy"] = mean;
    metrics["largest fall from chunk to chunk"] = falls;
    metrics["forgotten of old chunks' pictures"] = forgotten;
    metrics["steps"] = double(trainer->totalSteps());
    return metrics;
}

Result<ClaimMeasurement> measure(const ClaimRequest& request) {
    VITRINE_TRY(const Lesson lesson, prepare(request));
    request.job->beginStage("learning chunk after chunk in each way", 0);
    ClaimMeasurement measurement;
    for (const Arm& arm : kArms) {
        VITRINE_TRY(measurement.arms[arm.name], measureArm(arm, request, lesson));
    }
    return measurement;
}

std::vector<ClaimCheck> judge(const ClaimTable& table) {
    const auto less = [&](const char* arm, const char* other, const char* metric) {
        return table.mean(arm, metric) - table.mean(other, metric);
    };
    return {
        atLeast("accuracy at the end, CKCA less the plain warm start", less("CKCA", "warm", "accuracy"),
                0.02),
        atLeast("mean accuracy, CKCA less constant distillation",
                less("CKCA", "warm, constant distillation", "mean accuracy"), 0),
        atLeast("accuracy at the end, constant distillation less the plain warm start",
                less("warm, constant distillation", "warm", "accuracy"), 0),
        atLeast("accuracy at the end, plain warm start less learning the last chunk alone",
                less("warm", "cold, new chunk", "accuracy"), 0.05),
        atLeast("accuracy at the end, learning all chunks anew less CKCA",
                less("cold, all chunks", "CKCA", "accuracy"), 0),
        atMost("largest fall of CKCA's accuracy from chunk to chunk",
               table.mean("CKCA", "largest fall from chunk to chunk"), 0.02),
    };
}

}  // namespace

ClaimExperiment ckcaClaim() {
    return {measure, judge};
}

}  // namespace vitrine
