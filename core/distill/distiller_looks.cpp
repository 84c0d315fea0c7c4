// How teachers look at the pictures of a step, and what is remembered of it.
#include "core/distill/distiller_parts.h"
#include "core/distill/teacher_cache.h"
#include "core/distill/teacher_place.h"
#include "core/nn/functional.h"

#include <algorithm>

namespace vitrine {
namespace {

constexpr int kFormat = 1;  // of keys and of how pictures are prepared: raise it when either changes

// Of the parts of a batch, one after the other; those of one part as they are.
at::Tensor joined(const std::vector<at::Tensor>& parts) {
    if (parts.empty() || !parts.front().defined())
        return {};
    return parts.size() == 1 ? parts.front() : at::cat(parts);
}

}  // namespace

Distiller::Parts::Showing Distiller::Parts::showing(size_t teacher, int64_t side, CellShift studentShift,
                                                    int64_t atStep, size_t partition) const {
    const TeacherSettings& settings = options.teachers[teacher];
    Showing shown;
    shown.side = teachers[teacher]->nearestSide(settings.side > 0 ? settings.side : side);
    shown.shift = studentShift;
    if (!settings.mosaic && options.shiftDeviation > 0)
        shown.shift =
            drawShift(options.seed, atStep, fmt::format("partition {} {}", partition, settings.name),
                      options.shiftDeviation, options.shiftLimit);
    return shown;
}

int64_t Distiller::Parts::lookSize(size_t teacher, int64_t batch) const {
    return options.views > 0 && !options.teachers[teacher].mosaic ? 1 : batch;
}

Result<std::vector<TeacherLook>> Distiller::Parts::looks(const PartitionBatch& batch, int64_t atStep,
                                                         size_t partition, StepReport& report) {
    std::vector<TeacherLook> seen;
    std::vector<Showing> shown;
    for (size_t i = 0; i < teachers.size(); ++i) {
        if (!takesPart(partition, options.teachers[i].name))
            continue;
        shown.push_back(showing(i, batch.side, batch.studentShift, atStep, partition));
        seen.push_back({i, {}, shown.back().shift});
    }
    std::vector<std::vector<at::Tensor>> summaries(seen.size()), features(seen.size());
    // Teachers within pictures: those of one encoder share its pass over the same pixels.
    for (int64_t begin = 0; begin < batch.canvas.size(0); ++begin)
        for (size_t i = 0; i < seen.size(); ++i) {
            const int64_t count = lookSize(seen[i].teacher, batch.canvas.size(0));
            if (begin % count != 0)
                continue;
            VITRINE_TRY(const TeacherOutput output,
                        lookAt(seen[i].teacher, shown[i], batch, begin, count, report));
            features[i].push_back(output.features);
            summaries[i].push_back(output.summary);
        }
    for (size_t i = 0; i < seen.size(); ++i)
        seen[i].output = {joined(summaries[i]), joined(features[i])};
    return seen;
}

Result<TeacherOutput> Distiller::Parts::lookAt(size_t index, const Showing& shown,
                                               const PartitionBatch& batch, int64_t begin, int64_t count,
                                               StepReport& report) {
    ++report.looks;
    std::string key;
    if (cache) {
        key = lookKey(index, shown, batch, begin, count);
        if (auto known = cache->find(key)) {
            ++report.cachedLooks;
            for (at::Tensor* part : {&known->summary, &known->features})
                if (part->defined())
                    *part = part->to(options.device);
            return std::move(*known);
        }
    }
    const Teacher& teacher = *teachers[index];
    at::Tensor pixels = cropOf(batch, shown.shift).narrow(0, begin, count).contiguous();
    TeacherOutput output;
    if (options.teachers[index].mosaic) {
        VITRINE_TRY(output, lookAtMosaic(teacher, pixels, shown.side));
    } else {
        if (shown.side != batch.side)
            pixels = nn::resizeMap(pixels, shown.side, shown.side, "bilinear", true).clamp(0, 1);
        VITRINE_TRY(output, teacher.look(pixels, begin));
    }
    for (at::Tensor* said : {&output.summary, &output.features})
        if (said->defined() && options.teacherType != at::kFloat)
            *said = said->to(options.teacherType).to(at::kFloat);
    if (cache)
        cache->keep(key, output);
    return output;
}

Result<TeacherOutput> Distiller::Parts::lookAtMosaic(const Teacher& teacher, const at::Tensor& pictures,
                                                     int64_t canvasSide) {
    const Mosaic mosaic = mosaicFor(canvasSide, teacher.cellPixels(), pictures.size(2));
    const int64_t field = std::min<int64_t>(pictures.size(2), mosaic.cell * mosaic.tokenPixels);
    const at::Tensor fitted =
        field == pictures.size(2) ? pictures : nn::resizeMap(pictures, field, field, "bilinear", true);
    VITRINE_TRY(TeacherOutput output, teacher.look(composeMosaic(fitted, mosaic, canvasSide)));
    output.features = cutMosaic(output.features, mosaic, pictures.size(0));
    output.summary = at::Tensor();  // of the whole canvas: says nothing about one picture
    return output;
}

std::string Distiller::Parts::lookKey(size_t teacher, const Showing& shown, const PartitionBatch& batch,
                                      int64_t begin, int64_t count) const {
    std::string key = fmt::format(
        "teacher features {}\n{}\n{}\n{} of {} pixels in a margin of {}, shifted {} {} by {}{}{}\n", kFormat,
        teachers[teacher]->identity(), teacherPlace(options.device), shown.side, batch.side, batch.margin,
        shown.shift.row, shown.shift.column, options.student.patchSize,
        options.teachers[teacher].mosaic ? ", mosaic" : "",
        options.teacherType == at::kFloat ? "" : ", bfloat16");
    for (int64_t i = begin; i < begin + count; ++i)
        key += batch.names[size_t(i)] + "\n";
    return key;
}

}  // namespace vitrine
