#include "core/engine/probe_maps.h"

#include "core/engine/pca_picture.h"
#include "core/media/image_reader.h"
#include "core/media/image_writer.h"
#include "core/media/resample.h"
#include "core/nn/functional.h"
#include "core/runs/run_context.h"

#include <algorithm>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kShownSide = 224;  // pixels of the kept pictures, at least

// The centre square, `side` pixels.
Result<at::Tensor> probePixels(const fs::path& file, int64_t side) {
    VITRINE_TRY(const Image loaded, readImage(file));
    const Image picture = loaded.toRgb8();
    const int64_t shortSide = std::min(picture.width(), picture.height());
    Image square({shortSide, shortSide}, 3, SampleType::U8);
    const int64_t left = (picture.width() - shortSide) / 2, top = (picture.height() - shortSide) / 2;
    for (int64_t y = 0; y < shortSide; ++y)
        std::copy_n(picture.row<uint8_t>(top + y) + 3 * left, 3 * shortSide, square.row<uint8_t>(y));
    VITRINE_TRY(Image fitted, resize(square, {side, side}, Resampling::Bicubic));
    return at::from_blob(fitted.data(), {side, side, 3}, at::kByte)
        .permute({2, 0, 1})
        .to(at::kFloat)
        .div(255);
}

}  // namespace

Result<std::unique_ptr<ProbeMaps>> ProbeMaps::create(const std::vector<fs::path>& files,
                                                     const StudentOptions& student,
                                                     const std::vector<std::unique_ptr<Teacher>>& teachers,
                                                     fs::path folder, bool fresh) {
    std::unique_ptr<ProbeMaps> probes(new ProbeMaps);
    probes->folder_ = std::move(folder);
    probes->fresh_ = fresh;
    std::vector<at::Tensor> pixels;
    for (size_t i = 0; i < files.size(); ++i) {
        VITRINE_TRY(pixels.emplace_back(), probePixels(files[i], student.preferredSide));
        probes->names_.push_back(fmt::format("{} {}", i + 1, files[i].stem().string()));
    }
    probes->pixels_ = at::stack(pixels);
    for (const auto& teacher : teachers) {
        const int64_t side = teacher->nearestSide(student.preferredSide);
        const at::Tensor seen =
            side == student.preferredSide
                ? probes->pixels_
                : nn::resizeMap(probes->pixels_, side, side, "bilinear", true).clamp(0, 1);
        VITRINE_TRY(const TeacherOutput output, teacher->look(seen));
        probes->raw_[teacher->name()] = output.features;
    }
    return probes;
}

Result<const PcaBasis*> ProbeMaps::basisFor(const std::string& teacher, const at::Tensor& targets) {
    if (const auto it = bases_.find(teacher); it != bases_.end())
        return &it->second;
    const fs::path file = folder_ / fmt::format("probe-basis-{}.safetensors", teacher);
    std::error_code ignored;
    if (fs::exists(file, ignored)) {
        VITRINE_TRY(bases_[teacher], loadPcaBasis(file));
    } else {
        VITRINE_TRY(PcaBasis basis, fitPca(nn::tokensFromMap(targets).flatten(0, 1).cpu()));
        VITRINE_TRY_VOID(savePcaBasis(basis, file));
        bases_[teacher] = std::move(basis);
    }
    return &bases_[teacher];
}

Result<void> ProbeMaps::keepMap(const at::Tensor& features, const PcaBasis& basis, const std::string& name,
                                int64_t step, RunContext& run) const {
    VITRINE_TRY(const Image picture, pcaPicture(features, basis, kShownSide));
    VITRINE_TRY(const std::string png, encodeImage(picture, ".png"));
    const Json provenance{{"map", "pca"}, {"basis", basis.note}, {"step", step}};
    VITRINE_TRY(
        [[maybe_unused]] const StoredFile stored,
        run.putArtifact(name, png,
                        {.kind = "image", .step = step, .mediaType = "image/png", .provenance = provenance}));
    return {};
}

// As the student sees them.
Result<void> ProbeMaps::keepPictures(int64_t step, RunContext& run) const {
    for (size_t i = 0; i < names_.size(); ++i) {
        const at::Tensor pixels =
            pixels_[int64_t(i)].permute({1, 2, 0}).mul(255).round().clamp(0, 255).to(at::kByte);
        VITRINE_TRY(const std::string png, encodeImage(imageOfColors(pixels), ".png"));
        VITRINE_TRY([[maybe_unused]] const StoredFile stored,
                    run.putArtifact(fmt::format("probe/{}/picture.png", names_[i]), png,
                                    {.kind = "image", .step = step, .mediaType = "image/png"}));
    }
    return {};
}

Result<void> ProbeMaps::keep(const Distiller& distiller, RunContext& run) {
    const at::NoGradGuard noGrad;
    const at::Device device = distiller.student().parameters().front().device();
    const StudentOutput output = runStudent(distiller.evaluated(), pixels_.to(device), {});
    const int64_t step = distiller.step();
    if (fresh_)
        VITRINE_TRY_VOID(keepPictures(step, run));
    for (const auto& [teacher, features] : raw_) {
        VITRINE_TRY(const at::Tensor targets, distiller.normalizedTarget(teacher, features));
        VITRINE_TRY(const PcaBasis* basis, basisFor(teacher, targets));
        const at::Tensor learned = output.heads.at(teacher).features;
        for (size_t i = 0; i < names_.size(); ++i) {
            if (fresh_)
                VITRINE_TRY_VOID(keepMap(targets[int64_t(i)], *basis,
                                         fmt::format("probe/{}/{} teacher.png", names_[i], teacher), step,
                                         run));
            VITRINE_TRY_VOID(keepMap(learned[int64_t(i)], *basis,
                                     fmt::format("probe/{}/{} student.png", names_[i], teacher), step, run));
        }
        const at::Tensor aligned =
            nn::resizeMap(targets.to(device), learned.size(2), learned.size(3), "bilinear");
        const double error = (learned - aligned).square().mean().item<double>();
        const double variance = aligned.var({0, 2, 3}, false).mean().item<double>();
        run.metric("probe error/" + teacher, step, error / std::max(variance, 1e-12));
    }
    fresh_ = false;
    return {};
}

}  // namespace vitrine
