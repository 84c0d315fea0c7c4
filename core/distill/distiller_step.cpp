// One step of a distillation.
#include "core/distill/distiller_parts.h"
#include "core/distill/losses.h"
#include "core/distill/random_stream.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace vitrine {
namespace {

constexpr double kAdaLossMomentum = 0.99;

}  // namespace

void Distiller::Parts::useWeights() {
    const at::NoGradGuard noGrad;
    for (const auto& weights : {spectral.get(), slowSpectral.get()})
        if (weights)
            weights->apply(false);
}

Result<at::Tensor> Distiller::Parts::partitionLoss(size_t partition, nn::BatchStatistics::Step& statistics,
                                                   StepReport& report) {
    PartitionBatch batch;
    {
        const Stopwatch watch(report.loadSeconds);
        VITRINE_TRY(batch, load(step, partition));
    }
    // The source prepares what comes next while teachers and student compute.
    const bool last = partition + 1 == options.partitions.size();
    if (!last || step + 1 < options.steps)
        prefetch(last ? step + 1 : step, last ? 0 : partition + 1);
    std::vector<TeacherLook> looks;
    {
        const Stopwatch watch(report.teacherSeconds);
        VITRINE_TRY(looks, this->looks(batch, step, partition, report));
    }
    std::vector<std::string> heads;
    heads.reserve(looks.size());
    for (const TeacherLook& seen : looks)
        heads.push_back(options.teachers[seen.teacher].name);
    const Stopwatch watch(report.studentSeconds);
    const at::Tensor pixels = shownToStudent(cropOf(batch, batch.studentShift), partition);
    StudentOutput output;
    {
        const auto recording = statistics.record();
        output = lookAsStudent(pixels, batch, partition, heads);
    }
    VITRINE_TRY_VOID(statistics.check());
    report.pictures += pixels.size(0);
    at::Tensor total = at::zeros({}, pixels.options());
    for (const TeacherLook& seen : looks) {
        const TeacherSettings& settings = options.teachers[seen.teacher];
        const CellShift offset{seen.shift.row - batch.studentShift.row,
                               seen.shift.column - batch.studentShift.column};
        const TermLosses terms =
            targets[seen.teacher].compare(output.heads.at(settings.name), seen.output, offset);
        VITRINE_TRY(const at::Tensor weighted, weighTerms(settings, terms, report.teachers[settings.name]));
        total = total + weighted;
    }
    if (options.mesaWeight > 0) {
        const at::Tensor self = selfConsistency(output, batch, partition);
        report.selfConsistency += self.item<double>() / double(options.partitions.size());
        total = total + options.mesaWeight * self;
    }
    return total;
}

Result<at::Tensor> Distiller::Parts::weighTerms(const TeacherSettings& settings, const TermLosses& terms,
                                                TeacherLosses& report) {
    at::Tensor sum = at::zeros({}, terms.features.options());
    const auto add = [&](const at::Tensor& term, double weight, const char* what,
                         double& shown) -> Result<void> {
        if (!term.defined())
            return {};
        const double value = term.item<double>();
        shown = std::isnan(shown) ? value : shown + value;
        if (!std::isfinite(value))
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("the {} loss is not finite at step {}; step {} was the last good one",
                                    what, step + 1, step),
                        fmt::format("teacher {}", settings.name),
                        "Lower the learning rate, or compute in float32; the last checkpoint is whole");
        double scale = weight;
        if (options.balance == LossBalance::AdaLoss) {
            double whole = value;
            if (world) {
                const at::Tensor mean = term.detach().clone();
                VITRINE_TRY_VOID(world->average({mean}));
                whole = mean.item<double>();
            }
            double& moving = movingLoss.try_emplace(settings.name + "/" + what, whole).first->second;
            moving = kAdaLossMomentum * moving + (1 - kAdaLossMomentum) * whole;
            scale /= std::max(moving, 1e-12);
        }
        sum = sum + scale * term;
        return {};
    };
    VITRINE_TRY_VOID(add(terms.summary, settings.summaryWeight, "summary", report.summary));
    VITRINE_TRY_VOID(add(terms.features, settings.featureWeight, "features", report.features));
    report.weighted += sum.item<double>();
    return sum;
}

// C-RADIOv4's shift-equivariant MESA: backbone features against those of the slow copy at a crop of its own.
at::Tensor Distiller::Parts::selfConsistency(const StudentOutput& output, const PartitionBatch& batch,
                                             size_t partition) {
    CellShift shift = batch.studentShift;
    if (batch.margin)
        shift = drawShift(options.seed, step, fmt::format("partition {} slow copy", partition),
                          options.shiftDeviation, options.shiftLimit);
    StudentOutput slowOutput;
    {
        const at::NoGradGuard noGrad;
        StudentPass pass;
        pass.windowSize = batch.windowSize;
        pass.teachers = {""};  // no head
        slowOutput = runStudent(*slowModule, cropOf(batch, shift), pass);
    }
    return overlapMse(plainLayerNorm(output.features), plainLayerNorm(slowOutput.features),
                      {shift.row - batch.studentShift.row, shift.column - batch.studentShift.column});
}

// The same list on every process: which parameters learn depends on step and options alone.
Result<void> Distiller::Parts::averageGradients() {
    std::vector<at::Tensor> gradients;
    for (const OptimizedParameter& parameter : optimizer->parameters())
        if (parameter.tensor.grad().defined())
            gradients.push_back(parameter.tensor.grad());
    return world->average(gradients);
}

Result<void> Distiller::Parts::averageReport(StepReport& report) {
    std::vector<double*> values{&report.loss, &report.selfConsistency};
    for (auto& [name, losses] : report.teachers)
        values.insert(values.end(), {&losses.summary, &losses.features, &losses.weighted});
    const at::Tensor means = at::empty({int64_t(values.size())});
    for (size_t i = 0; i < values.size(); ++i)
        means[int64_t(i)] = *values[i];
    VITRINE_TRY_VOID(world->average({means}));
    for (size_t i = 0; i < values.size(); ++i)
        *values[i] = means[int64_t(i)].item<double>();
    report.pictures *= world->size();
    return {};
}

Result<StepReport> Distiller::Parts::train() {
    StepReport report;
    for (const TeacherSettings& teacher : options.teachers) {
        const double none = std::numeric_limits<double>::quiet_NaN();
        report.teachers[teacher.name] = {none, none, 0};
    }
    for (const OptimizedParameter& parameter : optimizer->parameters())
        at::Tensor(parameter.tensor)
            .set_requires_grad(step >= options.trunkFrozenSteps || learnsBeforeTrunk(parameter.name));
    if (spectral)
        spectral->apply(false);
    // The noise is on the weights that are computed with, not on what they are made of.
    WeightNoise noise(spectral ? spectral->inUse(optimizer->parameters()) : optimizer->parameters(),
                      options.weightNoise, randomStream(options.seed, step, "weight noise"));
    nn::BatchStatistics::Step statistics(*norms);
    optimizer->clearGradients();
    for (size_t partition = 0; partition < options.partitions.size(); ++partition) {
        VITRINE_TRY(const at::Tensor loss, partitionLoss(partition, statistics, report));
        report.loss += loss.item<double>();
        const Stopwatch watch(report.studentSeconds);
        loss.backward();
    }
    VITRINE_TRY_VOID(statistics.check());
    noise.finish();
    if (spectral)
        spectral->collect();
    if (world) {
        const Stopwatch watch(report.exchangeSeconds);
        VITRINE_TRY_VOID(averageGradients());
        VITRINE_TRY_VOID(averageReport(report));
    }
    VITRINE_TRY_VOID(moveWeights(statistics, report));
    report.step = ++step;
    return report;
}

Result<void> Distiller::Parts::moveWeights(nn::BatchStatistics::Step& statistics, StepReport& report) {
    const Stopwatch watch(report.optimizerSeconds);
    report.gradientNorm = optimizer->clipGradients(options.clipNorm);
    if (!std::isfinite(report.gradientNorm)) {
        const std::string bad = optimizer->firstBadGradient();
        optimizer->clearGradients();
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("the gradient is not finite at step {}; step {} was the last good one",
                                step + 1, step),
                    bad, "Lower the learning rate or the weight noise; the last checkpoint is whole");
    }
    report.learningRate =
        cosineRate(step, options.warmupSteps, options.steps, options.learningRate, options.finalRate);
    optimizer->step(report.learningRate);
    statistics.commit();
    if (slow)
        slow->follow(*student);
    if (!spectral)
        return {};
    // The power iteration goes on from the weights that the step has left: a checkpoint holds both.
    const at::NoGradGuard noGrad;
    spectral->apply(true);
    if (slowSpectral) {
        slowSpectral->follow(*spectral, 1 - options.slowDecay);
        slowSpectral->apply(false);
    }
    return {};
}

}  // namespace vitrine
