// The inside of the distiller: what it holds and how one step goes. For distiller*.cpp only.
#pragma once

#include "core/base/stopwatch.h"
#include "core/distill/crops.h"
#include "core/distill/distiller.h"
#include "core/distill/spectral_weights.h"
#include "core/distill/teacher_cache.h"
#include "core/distill/teacher_target.h"
#include "core/distill/weight_noise.h"
#include "core/nn/batch_norm.h"

#include <chrono>

namespace vitrine {

// One partition's share of a step, on the training device.
struct PartitionBatch {
    int64_t side = 0, margin = 0, windowSize = 0;
    at::Tensor canvas;               // (B, 3, side + 2 margin, side + 2 margin) in [0, 1]
    std::vector<std::string> names;  // of the canvases, where a cache is asked
    CellShift studentShift;
};

// What a teacher says of the batch, and where its crop lay.
struct TeacherLook {
    size_t teacher = 0;
    TeacherOutput output;
    CellShift shift;
};

struct Distiller::Parts {
    DistillOptions options;
    std::vector<const Teacher*> teachers;
    PictureSource& source;
    std::shared_ptr<torch::nn::Module> student;
    std::unique_ptr<nn::BatchStatistics> norms;  // of students that learn with batch normalisation
    std::unique_ptr<SpectralWeights> spectral, slowSpectral;  // null without the re-parametrisation
    std::unique_ptr<Optimizer> optimizer;
    std::unique_ptr<SlowCopy> slow;
    std::shared_ptr<torch::nn::Module> slowModule;
    std::vector<TeacherTarget> targets;        // as teachers
    std::map<std::string, double> movingLoss;  // AdaLoss
    TeacherCache* cache = nullptr;             // none: teachers look at everything themselves
    std::map<size_t, BatchIndices> indices;    // by partition
    World* world = nullptr;                    // the processes that share each batch; none: this one alone
    int64_t step = 0;
    bool statisticsReady = false;

    Parts(DistillOptions wanted, std::shared_ptr<torch::nn::Module> learner,
          std::vector<const Teacher*> frozen, PictureSource& pictures);

    // Everything that a resumed run or another process needs, and the same put back.
    std::map<std::string, at::Tensor> state() const;
    std::string movingLosses() const;  // JSON
    Result<void> adopt(const std::map<std::string, at::Tensor>& state, const std::string& movingLosses);

    // --- looking (distiller_batch.cpp)
    // What the source is asked for: a pure function of step and partition, so that it can be asked for ahead.
    struct Wanted {
        BatchDraw draw;  // canvases: side + 2 margin
        int64_t side, windowSize, margin;
    };
    Wanted wanted(int64_t atStep, size_t partition);
    Wanted wantedShape(int64_t atStep, size_t partition) const;  // without the draw
    CellShift studentShift(int64_t atStep, size_t partition) const;
    // This process's part of a partition's batch: positions begin .. begin + count.
    struct Part {
        int64_t begin, count;
    };
    Part part(size_t partition) const;
    // Steps below 0 are those of the statistics (which one process takes for all, in whole batches), so that
    // training sees the same draws however many there
    // were.
    Result<PartitionBatch> load(int64_t atStep, size_t partition);
    void prefetch(int64_t atStep, size_t partition);
    at::Tensor cropOf(const PartitionBatch& batch, CellShift shift) const;
    bool takesPart(size_t partition, const std::string& teacher) const;
    // --- teachers (distiller_looks.cpp)
    // How a teacher is shown a partition's pictures: what decides whether a look is one of before.
    struct Showing {
        int64_t side = 0;  // pixels that it looks at
        CellShift shift;
    };
    Showing showing(size_t teacher, int64_t side, CellShift studentShift, int64_t atStep,
                    size_t partition) const;
    // All teachers that take part, in their order.
    Result<std::vector<TeacherLook>> looks(const PartitionBatch& batch, int64_t atStep, size_t partition,
                                           StepReport& report);
    // Pictures that a teacher looks at together: of these what it says may depend on all.
    int64_t lookSize(size_t teacher, int64_t batch) const;
    Result<TeacherOutput> lookAt(size_t teacher, const Showing& shown, const PartitionBatch& batch,
                                 int64_t begin, int64_t count, StepReport& report);
    Result<TeacherOutput> lookAtMosaic(const Teacher& teacher, const at::Tensor& pictures,
                                       int64_t canvasSide);
    std::string lookKey(size_t teacher, const Showing& shown, const PartitionBatch& batch, int64_t begin,
                        int64_t count) const;
    // What the student is shown of its crop: some pictures as through fewer pixels (options.degrade).
    at::Tensor shownToStudent(const at::Tensor& pixels, size_t partition) const;
    StudentOutput lookAsStudent(const at::Tensor& pixels, const PartitionBatch& batch, size_t partition,
                                const std::vector<std::string>& heads);

    // --- the cache's worth (distiller_estimate.cpp)
    int64_t lookBytes(size_t teacher, int64_t side) const;  // of one picture, stored
    class LookCounter;
    // One step's batches without their effect, for the times.
    Result<StepReport> rehearse();

    // --- learning (distiller_step.cpp)
    // Weights in use of what originals and scales are now, of the student and of its slow copy.
    void useWeights();
    Result<at::Tensor> partitionLoss(size_t partition, nn::BatchStatistics::Step& statistics,
                                     StepReport& report);
    Result<at::Tensor> weighTerms(const TeacherSettings& settings, const TermLosses& terms,
                                  TeacherLosses& report);
    at::Tensor selfConsistency(const StudentOutput& output, const PartitionBatch& batch, size_t partition);
    // Means over the processes: gradients, and what the report says.
    Result<void> averageGradients();
    Result<void> averageReport(StepReport& report);
    Result<void> moveWeights(nn::BatchStatistics::Step& statistics, StepReport& report);
    Result<StepReport> train();
};

}  // namespace vitrine
