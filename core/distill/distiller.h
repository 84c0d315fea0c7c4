// Agglomerative distillation: one student learns from several frozen teachers. One engine carries AM-RADIO,
// RADIOv2.5, PHI-S and C-RADIOv4; they differ in its options only.
//
// A step: for each partition draw a resolution, take a batch, let student and teachers look (each at its own
// shifted crop where shifting is on, or at a mosaic where the teacher has one fixed size), compare adaptor
// outputs with the normalised targets, add up the partitions' mean losses, take one optimiser step.
// Everything that is random depends on (seed, step) alone, so that a resumed run goes on exactly.
//
// Usage:
//   Distiller distiller(options, teachers, source);
//   VITRINE_TRY_VOID(distiller.estimateStatistics(job));
//   while (distiller.step() < options.steps) VITRINE_TRY(StepReport report, distiller.train());
#pragma once

#include "core/base/job_context.h"
#include "core/distill/distill_options.h"
#include "core/distill/picture_source.h"
#include "core/distill/student.h"
#include "core/distill/teacher.h"
#include "core/distill/teacher_cache_estimate.h"
#include "core/distributed/world.h"

#include <memory>

namespace vitrine {

class TeacherCache;

// Losses of one teacher in one step, unweighted means over the partitions that it took part in; NaN where it
// did not.
struct TeacherLosses {
    double summary = 0, features = 0;
    double weighted = 0;  // its share of the total, weights applied
};

struct StepReport {
    int64_t step = 0;  // steps done after this one
    double loss = 0;
    std::map<std::string, TeacherLosses> teachers;
    double selfConsistency = 0;  // MESA
    double gradientNorm = 0;     // before clipping
    double learningRate = 0;
    int64_t pictures = 0;
    // Wall-clock seconds of its parts.
    double loadSeconds = 0, teacherSeconds = 0, studentSeconds = 0, optimizerSeconds = 0;
    double exchangeSeconds = 0;  // between processes
    // Looks of teachers that were wanted, and those of them that the cache had.
    int64_t looks = 0, cachedLooks = 0;
};

class Distiller {
  public:
    // The teachers outlive the distiller. Throws nothing; what is wrong with the options is an error of
    // create.
    static Result<std::unique_ptr<Distiller>> create(const DistillOptions& options,
                                                     std::vector<const Teacher*> teachers,
                                                     PictureSource& source);
    ~Distiller();

    // From now on each batch is shared by the processes of `world`, which outlives the distiller: every one
    // takes its part of it, gradients are averaged, and all hold the same weights. Losses with mosaics
    // compose each process's part on its own. Call after estimateStatistics or restore on the first process;
    // the others take its state over. Errors: InvalidArgument if a batch is not a multiple of the number of
    // processes; IoFailure if one was lost.
    Result<void> join(World& world);
    // From now on what teachers say is looked for in `cache` first, and kept there; it outlives the
    // distiller. Results are the same to the bit as without.
    void useCache(TeacherCache& cache);
    // What a cache would hold and spare over the whole run; nothing is changed. `measured`: takes a step's
    // batches for the times of its parts, after others to warm up. Errors: those of looking at the pictures.
    Result<TeacherCacheEstimate> estimateCache(bool measured);
    // Streams options.statisticsBatches batches through the teachers and fits every normaliser and summary
    // cone; then they are frozen. A second call does nothing.
    Result<void> estimateStatistics(JobContext& job);
    // One step. InvalidArgument with teacher, tensor and step if a loss or gradient is not finite; the
    // weights are then those of the last good step.
    Result<StepReport> train();
    // After such an error: the first tensor on the way from the pictures to the heads that is not finite
    // ("the student: the output of block 2 of 6, picture 1 of 16 in the batch"), from another pass over the
    // step's pictures without weight noise and position draws. Empty: that pass is finite.
    std::string firstNonFinite();

    int64_t step() const;
    // Takes effect from the next step on: learning rate, weights, losses' weights. Not the student or the
    // teachers.
    Result<void> change(const DistillOptions& options);

    const torch::nn::Module& student() const;
    // The slow copy where there is one, else the student: what is evaluated and exported.
    const torch::nn::Module& evaluated() const;
    std::shared_ptr<torch::nn::Module> evaluatedModule() const;
    StudentOptions studentOptions() const;
    // Teacher features in the space that the student is compared in, for views: (B, C, h, w).
    Result<at::Tensor> normalizedTarget(const std::string& teacher, const at::Tensor& features) const;
    // Adaptor features back in the teacher's own space.
    Result<at::Tensor> teacherSpace(const std::string& teacher, const at::Tensor& adaptorFeatures) const;

    // Everything a resumed run needs: weights, optimiser, slow copy, statistics, step.
    Result<void> save(const std::filesystem::path& file) const;
    // Errors: NotFound or ShapeMismatch names the tensor; InvalidArgument if the pictures are others.
    Result<void> restore(const std::filesystem::path& file);
    // A folder as writeStudentFolder makes it, of the family that the student is of. The inverse normalisers
    // are folded into the last layers of the heads, so that adaptors give values in the teachers' own spaces.
    Result<void> exportFolder(const std::filesystem::path& folder, at::ScalarType type) const;

  private:
    struct Parts;
    explicit Distiller(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

}  // namespace vitrine
