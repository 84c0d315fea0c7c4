// Handwritten digits (real pictures of every machine: resources/pictures/digits) come in chunks with the same
// number of pictures of each class; what is in no chunk is for testing. A network of four layers learns chunk
// after chunk, each for as many epochs and from the full learning rate, under every way to go on.
#include "core/claims/ckca_claim.h"

#include "core/image_training/digit_pictures.h"
#include "core/warm_start/incremental_trainer.h"

#include <array>

namespace vitrine {
namespace {

constexpr int64_t kChunks = 8, kOfClass = 5, kEpochs = 20;  // kOfClass: pictures of each class in a chunk

IncrementalOptions common(const ClaimRequest& request) {
    IncrementalOptions options;
    options.network = {.kind = ClassifierKind::Plain, .side = 8, .classes = 10, .width = 24};
    options.features = FeatureTerm::None;
    options.distillation = DistillationTerm::None;
    options.epochs = scaledSteps(kEpochs, request);
    options.batch = {.size = 32, .shift = 1, .mirror = false};  // a mirrored digit is none
    options.warmup = 0;  // of 31 steps: every chunk begins at the full rate
    options.seed = uint64_t(request.seed);
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
    VITRINE_TRY(const LabelledPictures all, readDigitPictures(digitsFile()));
    const int64_t fewest = all.labels.bincount().min().item<int64_t>();
    VITRINE_TRY(const auto parts, balancedParts(all, fewest / kOfClass, uint64_t(request.seed)));
    Lesson lesson;
    const at::Tensor left = at::ones({all.count()}, at::kBool);
    for (int64_t chunk = 0; chunk < kChunks; ++chunk) {
        lesson.chunks.push_back(all.at(parts[size_t(chunk)]));
        left.index_fill_(0, parts[size_t(chunk)], 0);
    }
    lesson.test = all.at(left.nonzero().flatten());
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
