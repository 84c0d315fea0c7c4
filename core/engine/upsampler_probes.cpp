#include "core/engine/upsampler_probes.h"

#include "core/engine/folder_picture_source.h"
#include "core/engine/pca_picture.h"
#include "core/media/image_writer.h"
#include "core/nn/functional.h"
#include "core/runs/run_context.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kShownSide = 224;  // pixels of the kept pictures, at least
constexpr int64_t kViews = 4;        // of each probe picture that fidelity is measured on

}  // namespace

Result<std::unique_ptr<UpsamplerProbes>> UpsamplerProbes::create(const std::vector<fs::path>& files,
                                                                 const UpsamplerTrainer& trainer,
                                                                 fs::path folder) {
    std::unique_ptr<UpsamplerProbes> probes(new UpsamplerProbes);
    probes->folder_ = std::move(folder);
    FolderPictureOptions options;
    options.largestSide = trainer.options().pictureSide(trainer.encoder());
    options.smallestCrop = 1;
    options.flips = false;
    VITRINE_TRY(const auto source, openFolderPictures(files, options));
    BatchDraw draw;
    draw.side = options.largestSide;
    for (size_t i = 0; i < files.size(); ++i) {
        draw.indices.push_back(int64_t(i));
        probes->names_.push_back(fmt::format("{} {}", i + 1, files[i].stem().string()));
    }
    VITRINE_TRY(DrawnPictures drawn, source->pictures(draw));
    probes->pixels_ = std::move(drawn.pixels);
    return probes;
}

Result<void> UpsamplerProbes::prepareBasis(const at::Tensor& coarse) {
    if (basis_)
        return {};
    const fs::path file = folder_ / "probe-basis.safetensors";
    if (std::error_code ignored; fs::exists(file, ignored)) {
        VITRINE_TRY(basis_, loadPcaBasis(file));
        return {};
    }
    VITRINE_TRY(basis_, fitPca(nn::tokensFromMap(coarse).flatten(0, 1).cpu()));
    basis_->note = "the encoder's features of the probe pictures at the start";
    return savePcaBasis(*basis_, file);
}

Result<void> UpsamplerProbes::keepMap(const at::Tensor& map, const std::string& name, int64_t step,
                                      RunContext& run) const {
    VITRINE_TRY(const Image image, pcaPicture(map, *basis_, kShownSide));
    VITRINE_TRY(const std::string png, encodeImage(image, ".png"));
    const Json provenance{{"map", "pca"}, {"basis", basis_->note}, {"step", step}};
    VITRINE_TRY(
        [[maybe_unused]] const StoredFile stored,
        run.putArtifact(name, png,
                        {.kind = "image", .step = step, .mediaType = "image/png", .provenance = provenance}));
    return {};
}

Result<void> UpsamplerProbes::keep(UpsamplerTrainer& trainer, RunContext& run) {
    const int64_t step = trainer.step();
    VITRINE_TRY(const UpsamplerMaps maps, trainer.maps(pixels_));
    VITRINE_TRY_VOID(prepareBasis(maps.coarse));
    const std::pair<const char*, at::Tensor> shown[] = {
        {"coarse", maps.coarse}, {"guided", maps.guided}, {"tiles", maps.tiles}, {"fine", maps.fine}};
    for (size_t i = 0; i < names_.size(); ++i)
        for (const auto& [what, map] : shown)
            if (map.defined())
                VITRINE_TRY_VOID(
                    keepMap(map[int64_t(i)], fmt::format("probe/{}/{}.png", names_[i], what), step, run));
    if (trainer.bias().defined() && step > 0)
        VITRINE_TRY_VOID(keepMap(trainer.bias()[0], "position noise.png", step, run));
    VITRINE_TRY(const UpsamplerScores scores, trainer.score(pixels_, kViews, 0));
    run.metric("probe/fidelity", step, scores.fidelity);
    if (std::isfinite(scores.seamRatio))
        run.metric("probe/seam ratio", step, scores.seamRatio);
    return {};
}

}  // namespace vitrine
