// Speed of a distillation on the CPU: the PHI-S fit of 1,280 channels from their covariance (wanted: 2 s at
// most), and a whole training step of a small student with two ViT teachers, which distill_peer.py measures
// beside the same step in eager PyTorch.
//   distill_bench [--case fit|step] [--teachers small|base] [--rounds N] [--threads N] [--batch N]
//                 [--size PIXELS] [--export FOLDER]
// One JSON line per case. Teachers: ViT-S/16 or ViT-B/16. --export writes pixels, teachers, and the student
// before and after the steps.
#include "core/base/freed_memory.h"
#include "core/distill/distiller.h"
#include "core/distill/normalizer.h"
#include "core/models/radio/radio_model.h"
#include "core/nn/weights.h"
#include "tests/bench/bench_measures.h"
#include "tests/bench/bench_options.h"

#include <ATen/Parallel.h>

#include <filesystem>

namespace vitrine {
namespace {

using namespace bench;

constexpr int64_t kFitChannels = 1280;
constexpr int64_t kWarmUp = 2;  // steps

struct Options {
    std::string name, teachers = "base", exportFolder;
    int64_t rounds = 7, batch = 8, size = 224;
};

void fitCase(const Options& options) {
    // Channels of decaying strength, mixed: as features are.
    const at::Tensor mixed = at::randn({4 * kFitChannels, kFitChannels}, at::kDouble)
                                 .mul(at::arange(1, kFitChannels + 1, at::kDouble).pow(-0.5))
                                 .matmul(at::randn({kFitChannels, kFitChannels}, at::kDouble));
    const at::Tensor covariance = at::cov(mixed.t()), mean = mixed.mean(0);
    std::vector<double> seconds;
    for (int64_t round = 0; round <= options.rounds; ++round) {
        const double took =
            secondsOf([&] { must(Normalizer::fit(NormalizerKind::PhiS, mean, covariance, mixed.size(0))); });
        if (round > 0)
            seconds.push_back(took);
    }
    const Spread spread = spreadOf(std::move(seconds));
    printLine({{"case", "phi-s fit"},
               {"channels", kFitChannels},
               {"threads", at::get_num_threads()},
               {"seconds", spread.median},
               {"seconds_range", {spread.fastest, spread.slowest}},
               {"peak_rss_mb", peakMegabytes()}});
}

int64_t teacherWidth(const Options& options) {
    return options.teachers == "small" ? 384 : 768;
}

// With one class and four register tokens, random weights.
std::shared_ptr<RadioModule> teacherModule(int64_t width, uint64_t seed) {
    RadioConfig config;
    config.width = width;
    config.depth = 12;
    config.headCount = width / 64;
    config.block = {.width = width, .headCount = width / 64, .hidden = 4 * width};
    config.gridSide = 32;
    config.classTokens = 1;
    config.registers = 4;
    config.finalNorm = true;
    auto module = std::make_shared<RadioModule>(config);
    at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(seed);
    const at::NoGradGuard noGrad;
    for (auto& entry : module->named_parameters()) {
        const bool isNorm = entry.key().find("norm") != std::string::npos && entry.key().ends_with("weight");
        entry.value().normal_(isNorm ? 1.0 : 0.0, 0.05, generator);
    }
    return module;
}

std::map<std::string, at::Tensor> tensorsOf(const torch::nn::Module& module) {
    std::map<std::string, at::Tensor> tensors;
    for (const auto& entry : module.named_parameters())
        tensors[entry.key()] = entry.value().detach();
    for (const auto& entry : module.named_buffers())
        tensors[entry.key()] = entry.value();
    return tensors;
}

DistillOptions stepOptions(const Options& options) {
    DistillOptions distill;
    distill.student.width = 192;
    distill.student.depth = 6;
    distill.student.headCount = 3;
    distill.student.patchSize = 16;
    distill.student.positionGridSide = 32;
    distill.student.preferredSide = options.size;
    distill.teachers = {{.name = "first"}, {.name = "second"}};
    distill.partitions = {{{options.size}, options.batch, {}}};
    distill.trainingPositions = false;  // drawn by LibTorch's generator: another program's would differ
    distill.steps = kWarmUp + options.rounds;
    distill.warmupSteps = 0;
    distill.statisticsBatches = 2;
    return distill;
}

void stepCase(const Options& options) {
    std::vector<std::shared_ptr<RadioModule>> modules{teacherModule(teacherWidth(options), 1),
                                                      teacherModule(teacherWidth(options), 2)};
    std::vector<std::unique_ptr<Teacher>> teachers;
    for (size_t i = 0; i < modules.size(); ++i)
        teachers.push_back(must(makeEncoderTeacher(
            std::make_shared<RadioModel>(modules[i], "teacher"),
            EncoderTeacherOptions{
                .name = i == 0 ? "first" : "second", .identity = {}, .adaptor = {}, .mean = {}, .std = {}})));
    // As many pictures as a batch, whole: each step sees all of them, so that both programs learn alike.
    const at::Tensor pixels = at::rand({options.batch, 3, options.size, options.size},
                                       at::make_generator<at::CPUGeneratorImpl>(3), at::TensorOptions());
    TensorPictureSource source(pixels, 1, false);
    const DistillOptions wanted = stepOptions(options);
    const auto distiller = must(Distiller::create(wanted, {teachers[0].get(), teachers[1].get()}, source));
    JobContext job;
    must(distiller->estimateStatistics(job));
    const std::filesystem::path folder = options.exportFolder;
    if (!folder.empty()) {
        std::filesystem::create_directories(folder);
        must(writeTensors(folder / "pixels.safetensors", {{"pixels", pixels}}));
        for (size_t i = 0; i < modules.size(); ++i)
            must(writeTensors(folder / fmt::format("teacher{}.safetensors", i), tensorsOf(*modules[i])));
        must(distiller->save(folder / "state.safetensors"));
        must(writeTensors(folder / "student.safetensors", tensorsOf(distiller->student())));
    }
    std::vector<double> seconds, processor, losses;
    StepReport parts;
    for (int64_t step = 0; step < wanted.steps; ++step) {
        const double busy = processorSeconds();
        StepReport report;
        const double took = secondsOf([&] { report = must(distiller->train()); });
        losses.push_back(report.loss);
        if (step < kWarmUp)
            continue;
        seconds.push_back(took);
        processor.push_back(processorSeconds() - busy);
        parts.teacherSeconds += report.teacherSeconds / double(options.rounds);
        parts.studentSeconds += report.studentSeconds / double(options.rounds);
        parts.optimizerSeconds += report.optimizerSeconds / double(options.rounds);
    }
    const Spread spread = spreadOf(std::move(seconds));
    printLine({{"case", "step"},
               {"teachers", options.teachers},
               {"teacher_heads", teacherWidth(options) / 64},
               {"size", options.size},
               {"batch", options.batch},
               {"threads", at::get_num_threads()},
               {"seconds", spread.median},
               {"seconds_range", {spread.fastest, spread.slowest}},
               {"cpu_seconds", spreadOf(std::move(processor)).median},
               {"teacher_seconds", parts.teacherSeconds},
               {"student_seconds", parts.studentSeconds},
               {"optimizer_seconds", parts.optimizerSeconds},
               {"losses", losses},
               {"learning_rate", wanted.learningRate},
               {"weight_decay", wanted.optimizer.weightDecay},
               {"peak_rss_mb", peakMegabytes()}});
}

}  // namespace
}  // namespace vitrine

int main(int argumentCount, char** arguments) {
    vitrine::keepFreedMemory();  // as `vitrine run` does for a distillation
    using namespace vitrine::bench;
    vitrine::Options options;
    if (!readBenchOptions(
            argumentCount, arguments,
            {{.key = "--case", .value = &options.name, .choices = {"fit", "step"}},
             {.key = "--teachers", .value = &options.teachers, .choices = {"small", "base"}},
             {.key = "--rounds", .value = &options.rounds},
             {.key = "--threads", .value = [](int64_t count) { at::set_num_threads(int(count)); }},
             {.key = "--batch", .value = &options.batch},
             {.key = "--size", .value = &options.size, .least = 16},
             {.key = "--export", .value = &options.exportFolder}}))
        return kUsageError;
    options.size = options.size / 16 * 16;
    if (options.name.empty() || options.name == "fit")
        vitrine::fitCase(options);
    if (options.name.empty() || options.name == "step")
        vitrine::stepCase(options);
    return 0;
}
