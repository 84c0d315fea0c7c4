// Settings of a distillation. Defaults are those of RADIOv2.5 at a small size (AM-RADIO section 3, RADIOv2.5
// section 4, PHI-S section 4, C-RADIOv4).
#pragma once

#include "core/base/json.h"
#include "core/distill/grid_alignment.h"
#include "core/distill/normalizer.h"
#include "core/distill/optimizer.h"
#include "core/distill/student.h"

#include <ATen/ATen.h>

namespace vitrine {

enum class SummaryLoss { Cosine, Angle, Mse };  // AM-RADIO and v2.5: cosine; C-RADIOv4: angle² / dispersion
enum class FeatureLoss {
    Match,          // 0.9 cosine + 0.1 SmoothL1 on raw targets (AM-RADIO)
    Cosine,         // on raw targets
    Mse,            // against normalised targets (PHI-S, v2.5, v4)
    HybridMse,      // 0.9 cosine + 0.1 MSE on raw targets
    HybridSmoothL1  // the same with SmoothL1; the PHI-S paper's name for Match
};
enum class LossBalance {
    Equal,   // as weighted
    AdaLoss  // each term divided by its own moving average (momentum 0.99)
};

struct TeacherSettings {
    std::string name;
    double summaryWeight = 1, featureWeight = 1;
    NormalizerKind normalizer = NormalizerKind::PhiS;
    int64_t side = 0;     // pixels it looks at; 0: the student's, rounded to what it takes
    bool mosaic = false;  // its fixed size is filled with several student pictures
};

// Teachers that share a student resolution and a batch.
struct PartitionSettings {
    std::vector<int64_t> sides;  // pixels; one is drawn per step
    int64_t batch = 16;
    std::vector<std::string> teachers;  // empty: all
};

enum class TeacherCacheUse {
    Auto,  // where looks repeat within the run, all of them fit, and time is gained
    On,
    Off
};

struct DistillOptions {
    StudentOptions student;  // its teachers' widths are filled in from the teachers themselves
    std::vector<TeacherSettings> teachers;
    std::vector<PartitionSettings> partitions;

    SummaryLoss summaryLoss = SummaryLoss::Cosine;
    FeatureLoss featureLoss = FeatureLoss::Mse;
    GridPolicy gridPolicy = GridPolicy::Teacher;
    LossBalance balance = LossBalance::Equal;

    double shiftDeviation = 0;  // cells; 0: student and teachers see the same crop
    int64_t shiftLimit = 2;     // cells
    double mesaWeight = 0;      // self-consistency with the slow copy
    double slowDecay = 0;       // of the slow copy (EMA); 0: none
    double weightNoise = 0;     // DAMP deviation
    double degrade = 0;         // probability that the student sees a picture as through fewer pixels
    double positionDropout = 0.1;
    bool recompute = false;         // activations: about a third more time for a fraction of the memory
    bool trainingPositions = true;  // random crops of the position field (CPE)
    std::vector<int64_t>
        windowSizes;  // patches; one is drawn per step and partition, 0 stands for global attention

    // Fixed views of each picture that come back in turn, epoch by epoch; teachers then look at every picture
    // on its own, so that what they say of a view is the same to the bit in any batch. 0: fresh crops.
    int64_t views = 0;
    TeacherCacheUse teacherCache = TeacherCacheUse::Auto;
    int64_t teacherCacheBytes = int64_t(8) << 30;  // limit of the store that runs share
    at::ScalarType teacherType = at::kFloat;  // bfloat16: what teachers say is rounded to it, stored or not

    int64_t steps = 1000;
    int64_t statisticsBatches = 30;
    int64_t trunkFrozenSteps = 0;  // only the heads learn at first
    double learningRate = 1e-3, finalRate = 0;
    int64_t warmupSteps = 50;
    double clipNorm = 1;
    OptimizerOptions optimizer;
    uint64_t seed = 0;
    at::Device device = at::kCPU;
    at::ScalarType computeType = at::kFloat;  // bfloat16: autocast of the student

    Result<void> validate() const;
};

const char* summaryLossName(SummaryLoss loss);
const char* featureLossName(FeatureLoss loss);
// Of "settings" of a recipe of kind "distill", complete and valid (core/engine/distill_schema.h).
Result<DistillOptions> distillOptionsFrom(const Json& settings);

}  // namespace vitrine
