// What a cache of teachers would hold and spare in the run that is set up.
#include "core/distill/distiller_parts.h"
#include "core/distill/random_stream.h"
#include "core/distill/teacher_cache.h"

#include <optional>
#include <unordered_set>

namespace vitrine {
namespace {

// Above so many looks only those of every n-th picture are followed, and stand for the others.
constexpr double kLooksFollowed = 4e6;

}  // namespace

int64_t Distiller::Parts::lookBytes(size_t teacher, int64_t side) const {
    const Teacher& said = *teachers[teacher];
    const int64_t cells = std::max<int64_t>(1, side / said.cellPixels());
    return TeacherCache::entryBytes(said.featureWidth() * cells * cells + said.summaryWidth(),
                                    options.teacherType);
}

// The same draws as the run's own, without pictures.
class Distiller::Parts::LookCounter {
  public:
    LookCounter(const Parts& parts, TeacherCacheEstimate& estimate) : p_(parts), estimate_(estimate) {
        double pictures = 0;
        for (const PartitionSettings& partition : p_.options.partitions)
            pictures += double(partition.batch);
        every_ = std::max<int64_t>(1, int64_t(pictures * batches() / kLooksFollowed));
    }

    void count() {
        for (size_t partition = 0; partition < p_.options.partitions.size(); ++partition) {
            order_.emplace(p_.source.count(), p_.options.seed + partition);
            for (int64_t back = 1; !p_.statisticsReady && back <= p_.options.statisticsBatches; ++back)
                follow(-back, partition);
            for (int64_t at = p_.step; at < p_.options.steps; ++at)
                follow(at, partition);
        }
        estimate_.readBytesPerStep = batches() > 0 ? repeatedBytes_ / batches() : 0;
    }

  private:
    double batches() const {
        return double(p_.options.steps - p_.step + (p_.statisticsReady ? 0 : p_.options.statisticsBatches));
    }

    void follow(int64_t atStep, size_t partition) {
        const int64_t batch = p_.options.partitions[partition].batch, count = p_.source.count();
        const int64_t begin = (atStep < 0 ? -atStep : atStep) * batch;
        const int64_t side = p_.wantedShape(atStep, partition).side;
        const CellShift student = p_.studentShift(atStep, partition);
        views_.clear();
        for (int64_t at = begin; p_.options.views > 0 && at < begin + batch; ++at)
            views_.push_back(order_->at(at) * p_.options.views + at / count % p_.options.views);
        for (size_t i = 0; i < p_.teachers.size(); ++i) {
            if (!p_.takesPart(partition, p_.options.teachers[i].name))
                continue;
            const Showing shown = p_.showing(i, side, student, atStep, partition);
            const uint64_t how = randomHash(uint64_t(side) << 32 ^ uint64_t(shown.side), int64_t(i),
                                            fmt::format("{} {}", shown.shift.row, shown.shift.column));
            const double bytes = double(p_.lookBytes(i, shown.side));
            if (views_.empty()) {
                add(1, bytes * double(batch), true);  // fresh crops are met once
            } else if (p_.lookSize(i, batch) > 1) {
                uint64_t key = how;
                for (const int64_t view : views_)
                    key = randomHash(key, view, "together");
                add(1, bytes * double(batch), known_.insert(key).second);
            } else {
                for (const int64_t view : views_)
                    if (view / p_.options.views % every_ == 0)
                        add(double(every_), bytes * double(every_),
                            known_.insert(randomHash(how, view, "alone")).second);
            }
        }
    }

    void add(double looks, double bytes, bool fresh) {
        estimate_.looks += looks;
        estimate_.freshLooks += fresh ? looks : 0;
        (fresh ? estimate_.bytes : repeatedBytes_) += bytes;
    }

    const Parts& p_;
    TeacherCacheEstimate& estimate_;
    int64_t every_ = 1;  // n-th picture
    double repeatedBytes_ = 0;
    std::unordered_set<uint64_t> known_;
    std::optional<BatchIndices> order_;  // of the partition
    std::vector<int64_t> views_;         // of the batch
};

Result<TeacherCacheEstimate> Distiller::estimateCache(bool measured) {
    Parts& p = *parts_;
    TeacherCacheEstimate estimate;
    estimate.views = p.options.views;
    Parts::LookCounter(p, estimate).count();
    if (!measured)
        return estimate;
    TeacherCache* const cache = std::exchange(p.cache, nullptr);  // teachers are measured, not the cache
    Result<StepReport> rehearsed = p.rehearse();
    if (rehearsed)
        rehearsed = p.rehearse();  // the first one warmed up
    p.cache = cache;
    VITRINE_TRY(const StepReport report, std::move(rehearsed));
    estimate.loadSeconds = report.loadSeconds;
    estimate.teacherSeconds = report.teacherSeconds;
    estimate.studentSeconds = report.studentSeconds;
    return estimate;
}

Result<StepReport> Distiller::Parts::rehearse() {
    StepReport report;
    for (size_t partition = 0; partition < options.partitions.size(); ++partition) {
        PartitionBatch batch;
        {
            const Stopwatch watch(report.loadSeconds);
            VITRINE_TRY(batch, load(step, partition));
        }
        std::vector<TeacherLook> seen;
        {
            const Stopwatch watch(report.teacherSeconds);
            VITRINE_TRY(seen, looks(batch, step, partition, report));
        }
        // Any loss over all outputs costs what the true one does; weights are not changed by it.
        const Stopwatch watch(report.studentSeconds);
        std::vector<std::string> heads;
        heads.reserve(seen.size());
        for (const TeacherLook& look : seen)
            heads.push_back(options.teachers[look.teacher].name);
        const StudentOutput output = lookAsStudent(
            shownToStudent(cropOf(batch, batch.studentShift), partition), batch, partition, heads);
        at::Tensor loss = at::zeros({}, batch.canvas.options());
        for (const auto& [name, head] : output.heads)
            for (const at::Tensor& part : {head.summary, head.features})
                if (part.defined())
                    loss = loss + part.square().mean();
        loss.backward();
        (void)optimizer->clipGradients(0);  // waits for what a device still computes
    }
    optimizer->clearGradients();
    return report;
}

}  // namespace vitrine
