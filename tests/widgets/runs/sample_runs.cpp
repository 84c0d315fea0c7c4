#include "tests/widgets/runs/sample_runs.h"

#include "core/runs/metric_writer.h"
#include "core/runs/run_store.h"

#include <QBuffer>
#include <QImage>
#include <cmath>
#include <random>

namespace vitrine::testing {
namespace {

// A soft pattern that sharpens with `progress` (0 to 1).
std::string picture(int seed, double progress) {
    QImage image(96, 72, QImage::Format_RGB32);
    for (int y = 0; y < image.height(); ++y)
        for (int x = 0; x < image.width(); ++x) {
            const double wave = std::sin(x * 0.09 + seed) * std::cos(y * 0.11 - seed);
            const double value = std::tanh(wave * (0.5 + 6 * progress)) * 0.5 + 0.5;
            image.setPixelColor(x, y,
                                QColor::fromHsvF(float(std::fmod(1.55 + 0.1 * seed - 0.4 * value, 1.0)), 0.7f,
                                                 float(0.3 + 0.7 * value)));
        }
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    image.save(&buffer, "PNG");
    return bytes.toStdString();
}

Result<void> addPictures(const Project& project, RunStore& store, const Run& run, const SampleRuns& options,
                         int seed) {
    for (int i = 0; i < options.pictures; ++i)
        for (const char* name : {"pca.png", "similarity.png"}) {
            const double progress = double(i) / std::max(1, options.pictures - 1);
            VITRINE_TRY(const StoredFile file,
                        project.artifacts().putBytes(picture(seed + (name[0] == 's' ? 3 : 0), progress)));
            Artifact artifact;
            artifact.name = name;
            artifact.kind = "image";
            artifact.step = int64_t(progress * options.steps);
            artifact.sha256 = file.sha256;
            artifact.bytes = file.bytes;
            artifact.mediaType = "image/png";
            artifact.provenance = {{"layer", 11}, {"transform", "resize 224, centre crop"}};
            VITRINE_TRY_VOID(store.addArtifact(run, artifact));
        }
    return {};
}

Result<void> addRun(const Project& project, const SampleRuns& options, int configuration, int seed) {
    static const double rates[] = {1e-3, 3e-4, 1e-4, 3e-5};
    static const char* const losses[] = {"cosine", "smooth-l1", "phi-s", "mse"};
    RunStore store(project);
    NewRun fresh;
    fresh.name = fmt::format("distil-{}", losses[configuration % 4]);
    fresh.kind = "distil";
    fresh.seed = seed;
    fresh.device = "cpu";
    fresh.recipe = {{"kind", "distil"},
                    {"name", fresh.name},
                    {"seed", seed},
                    {"settings",
                     {{"lr", rates[configuration % 4]},
                      {"loss", losses[configuration % 4]},
                      {"batch", 64},
                      {"epochs", 3}}}};
    if (seed == 0)
        fresh.tags = {"baseline"};
    VITRINE_TRY(const Run run, store.create(fresh));
    VITRINE_TRY_VOID(store.setStatus(run, RunStatus::Running));
    VITRINE_TRY(auto writer, MetricWriter::open(project, run));
    std::mt19937 random(uint32_t(seed * 100 + configuration));
    std::normal_distribution<double> noise;
    for (int step = 1; step <= options.steps; ++step) {
        const double decay = std::exp(-step / (options.steps * (0.18 + 0.06 * configuration)));
        const double time = 1.7e9 + configuration * 4000 + seed * 900 + step * 2.5;
        writer->add("train/loss", step, 0.12 + 0.1 * configuration + 2.1 * decay + 0.05 * noise(random),
                    time);
        writer->add("val/accuracy", step, 0.82 - 0.05 * configuration - 0.6 * decay + 0.01 * noise(random),
                    time);
        writer->add("lr", step,
                    rates[configuration % 4] * (0.5 + 0.5 * std::cos(3.14159 * step / options.steps)), time);
        writer->add("time/step_ms", step, 18 + 2 * configuration + std::abs(noise(random)), time);
    }
    VITRINE_TRY_VOID(writer->flush());
    VITRINE_TRY_VOID(addPictures(project, store, run, options, seed + configuration));
    VITRINE_TRY_VOID(store.setEnvironment(run, {{"program", "vitrine 0.1.0"},
                                                {"host", "desk"},
                                                {"cpu", {{"name", "x86-64"}, {"threads", 8}}},
                                                {"git",
                                                 {{"commit", "4a42ef4c"},
                                                  {"branch", "main"},
                                                  {"dirty", true},
                                                  {"diff",
                                                   "diff --git a/recipe.json b/recipe.json\n@@ -3,2 +3,2 "
                                                   "@@\n-  \"lr\": 0.01,\n+  \"lr\": 0.001,\n"}}}}));
    VITRINE_TRY_VOID(store.addLineage(run, {run.id, "input", "dataset", "imagenet-100", "imagenet-100"}));
    VITRINE_TRY_VOID(store.addLineage(run, {run.id, "input", "model", "dinov2-small", "dinov2-small"}));
    const bool fails = configuration == options.configurations - 1 && seed == options.seeds - 1;
    return store.end(run, fails ? RunStatus::Failed : RunStatus::Finished,
                     fails ? "the loss became NaN at step 187" : "", "");
}

}  // namespace

Result<Project> makeSampleRuns(const std::filesystem::path& folder, const SampleRuns& options) {
    VITRINE_TRY(Project project, Project::create(folder, "sample"));
    for (int configuration = 0; configuration < options.configurations; ++configuration)
        for (int seed = 0; seed < options.seeds; ++seed)
            VITRINE_TRY_VOID(addRun(project, options, configuration, seed));
    return project;
}

}  // namespace vitrine::testing
