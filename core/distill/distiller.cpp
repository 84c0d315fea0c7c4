#include "core/distill/distiller.h"

#include "core/distill/distiller_parts.h"
#include "core/distill/random_stream.h"

#include <algorithm>

namespace vitrine {
namespace {

Result<const TeacherTarget*> targetOf(const std::vector<TeacherTarget>& targets, const std::string& name) {
    for (const TeacherTarget& target : targets)
        if (target.name() == name)
            return &target;
    return fail(ErrorCode::NotFound, fmt::format("there is no teacher \"{}\"", name));
}

// The same power iteration for the student and its slow copy.
std::unique_ptr<SpectralWeights> spectralWeights(torch::nn::Module& student, uint64_t seed) {
    SpectralOptions options;
    options.convolutions = false;
    options.separateParts = true;
    options.wanted = takesSpectralWeights;
    return std::make_unique<SpectralWeights>(student, "", randomStream(seed, 0, "singular vectors"), options);
}

}  // namespace

Distiller::Parts::Parts(DistillOptions wanted, std::shared_ptr<torch::nn::Module> learner,
                        std::vector<const Teacher*> frozen, PictureSource& pictures)
    : options(std::move(wanted)), teachers(std::move(frozen)), source(pictures), student(std::move(learner)) {
    student->to(options.device);
    norms = std::make_unique<nn::BatchStatistics>(*student);
    std::vector<OptimizedParameter> parameters = trainedParameters(*student, options.student.trunkRate);
    if (options.student.spectral) {
        spectral = spectralWeights(*student, options.seed);
        for (OptimizedParameter& scale : spectral->scales())
            parameters.push_back(std::move(scale));
    }
    optimizer = std::make_unique<Optimizer>(std::move(parameters), options.optimizer);
    if (options.slowDecay > 0) {
        slowModule = copyStudent(*student);
        slowModule->to(options.device);
        slow = std::make_unique<SlowCopy>(slowModule, *student, options.slowDecay);
        if (spectral)
            slowSpectral = spectralWeights(*slowModule, options.seed);
    }
    useWeights();
    for (size_t i = 0; i < teachers.size(); ++i)
        targets.emplace_back(options.teachers[i], *teachers[i], options);
}

Distiller::Distiller(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Distiller::~Distiller() = default;

Result<std::unique_ptr<Distiller>> Distiller::create(const DistillOptions& wanted,
                                                     std::vector<const Teacher*> teachers,
                                                     PictureSource& source) {
    DistillOptions options = wanted;
    if (teachers.size() != options.teachers.size())
        return fail(ErrorCode::InvalidArgument, fmt::format("{} teachers are set up, {} were given",
                                                            options.teachers.size(), teachers.size()));
    if (source.count() < 1)
        return fail(ErrorCode::InvalidArgument, "there are no pictures to learn from", "settings/images");
    options.student.teachers.clear();
    for (size_t i = 0; i < teachers.size(); ++i)
        options.student.teachers.push_back({options.teachers[i].name,
                                            options.teachers[i].mosaic ? 0 : teachers[i]->summaryWidth(),
                                            teachers[i]->featureWidth()});
    VITRINE_TRY_VOID(options.validate());
    VITRINE_TRY(std::shared_ptr<torch::nn::Module> student, openStudent(options.student, options.seed));
    auto parts = std::make_unique<Parts>(options, std::move(student), std::move(teachers), source);
    return std::unique_ptr<Distiller>(new Distiller(std::move(parts)));
}

Result<void> Distiller::estimateStatistics(JobContext& job) {
    Parts& p = *parts_;
    if (p.statisticsReady)
        return {};
    const at::NoGradGuard noGrad;
    job.beginStage("estimating teacher statistics",
                   p.options.statisticsBatches * int64_t(p.options.partitions.size()));
    for (int64_t batch = 1; batch <= p.options.statisticsBatches; ++batch)
        for (size_t partition = 0; partition < p.options.partitions.size(); ++partition) {
            VITRINE_TRY_VOID(job.checkStop());
            VITRINE_TRY(const PartitionBatch loaded, p.load(-batch, partition));
            StepReport ignored;
            VITRINE_TRY(const std::vector<TeacherLook> looks, p.looks(loaded, -batch, partition, ignored));
            for (const TeacherLook& seen : looks)
                VITRINE_TRY_VOID(p.targets[seen.teacher].observe(seen.output));
            job.advance();
        }
    for (TeacherTarget& target : p.targets)
        VITRINE_TRY_VOID(target.fit());
    p.statisticsReady = true;
    return {};
}

void Distiller::useCache(TeacherCache& cache) {
    parts_->cache = &cache;
}

Result<StepReport> Distiller::train() {
    if (!parts_->statisticsReady)
        return fail(ErrorCode::InvalidArgument, "the statistics of the teachers were not estimated yet");
    return parts_->train();
}

int64_t Distiller::step() const {
    return parts_->step;
}

Result<void> Distiller::change(const DistillOptions& options) {
    VITRINE_TRY_VOID(options.validate());
    if (options.teachers.size() != parts_->options.teachers.size())
        return fail(ErrorCode::InvalidArgument, "the teachers of a running distillation are fixed",
                    "settings/teachers");
    DistillOptions changed = options;
    changed.student = parts_->options.student;
    for (size_t i = 0; i < changed.teachers.size(); ++i) {
        TeacherSettings fixed = parts_->options.teachers[i];
        fixed.summaryWeight = options.teachers[i].summaryWeight;
        fixed.featureWeight = options.teachers[i].featureWeight;
        changed.teachers[i] = fixed;
    }
    changed.slowDecay = parts_->options.slowDecay;
    changed.optimizer = parts_->options.optimizer;
    changed.seed = parts_->options.seed;
    changed.device = parts_->options.device;
    changed.views = parts_->options.views;
    changed.teacherType = parts_->options.teacherType;
    parts_->options = std::move(changed);
    return {};
}

const torch::nn::Module& Distiller::student() const {
    return *parts_->student;
}
std::shared_ptr<torch::nn::Module> Distiller::evaluatedModule() const {
    return parts_->slow ? parts_->slowModule : parts_->student;
}
const torch::nn::Module& Distiller::evaluated() const {
    return *evaluatedModule();
}
StudentOptions Distiller::studentOptions() const {
    return parts_->options.student;
}

Result<at::Tensor> Distiller::normalizedTarget(const std::string& teacher, const at::Tensor& features) const {
    VITRINE_TRY(const TeacherTarget* target, targetOf(parts_->targets, teacher));
    return target->normalized(features);
}

Result<at::Tensor> Distiller::teacherSpace(const std::string& teacher,
                                           const at::Tensor& adaptorFeatures) const {
    VITRINE_TRY(const TeacherTarget* target, targetOf(parts_->targets, teacher));
    return target->inTeacherSpace(adaptorFeatures);
}

std::map<std::string, at::Tensor> Distiller::Parts::state() const {
    std::map<std::string, at::Tensor> state = optimizer->state();
    for (const auto& entry : student->named_parameters())
        state["student." + entry.key()] = entry.value().detach();
    for (const auto& [name, statistic] : nn::batchStatistics(*student))
        state["student." + name] = statistic;
    if (spectral)
        state.merge(spectral->state());
    if (slow)
        state.merge(slow->state());
    if (slowSpectral)
        state.merge(slowSpectral->state("slow."));
    for (const TeacherTarget& target : targets)
        state.merge(target.state());
    state["step"] = at::tensor({step}, at::kLong);
    state["statistics_ready"] = at::tensor({int64_t(statisticsReady)}, at::kLong);
    return state;
}

std::string Distiller::Parts::movingLosses() const {
    Json moving = Json::object();
    for (const auto& [term, value] : movingLoss)
        moving[term] = value;
    return moving.dump();
}

Result<void> Distiller::save(const std::filesystem::path& file) const {
    const Parts& p = *parts_;
    return writeTensors(file, p.state(),
                        {{"pictures", p.source.fingerprint()}, {"moving_losses", p.movingLosses()}});
}

Result<void> Distiller::restore(const std::filesystem::path& file) {
    Parts& p = *parts_;
    VITRINE_TRY(const auto source, openTensors(file));
    const auto& metadata = source->metadata();
    const auto pictures = metadata.find("pictures");
    if (pictures == metadata.end() || pictures->second != p.source.fingerprint())
        return fail(ErrorCode::InvalidArgument, "the checkpoint was made with other pictures", file.string(),
                    "Put back the folder as it was, or start a new run");
    VITRINE_TRY(const auto state, readAllTensors(*source));
    const auto moving = metadata.find("moving_losses");
    return p.adopt(state, moving == metadata.end() ? "{}" : moving->second)
        .map_error([&](const Error& error) { return error.in(file.string()); });
}

Result<void> Distiller::join(World& world) {
    Parts& p = *parts_;
    for (size_t i = 0; i < p.options.partitions.size(); ++i)
        if (const int64_t batch = p.options.partitions[i].batch; batch % world.size() != 0)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("a batch of {} cannot be shared by {} processes in equal parts", batch,
                                    world.size()),
                        fmt::format("settings/partitions/{}/batch", i),
                        fmt::format("Take a multiple of {}", world.size()));
    std::map<std::string, at::Tensor> state;
    std::string moving;
    if (world.isFirst()) {
        state = p.state();
        moving = p.movingLosses();
    }
    VITRINE_TRY_VOID(world.share(state));
    VITRINE_TRY_VOID(world.share(moving));
    if (!world.isFirst())
        VITRINE_TRY_VOID(p.adopt(state, moving));
    p.world = &world;
    p.norms->shareWith([&world](const std::vector<at::Tensor>& tensors) { return world.average(tensors); },
                       world.size());
    return {};
}

Result<void> Distiller::Parts::adopt(const std::map<std::string, at::Tensor>& state,
                                     const std::string& moving) {
    const at::NoGradGuard noGrad;
    for (auto& entry : student->named_parameters()) {
        const auto it = state.find("student." + entry.key());
        if (it == state.end() || it->second.sizes() != entry.value().sizes())
            return fail(ErrorCode::ShapeMismatch, "the checkpoint holds another student", entry.key(),
                        "Resume with the settings that the run was started with");
        entry.value().copy_(it->second);
    }
    VITRINE_TRY_VOID(nn::restoreBatchStatistics(*student, state, "student."));
    VITRINE_TRY_VOID(optimizer->restore(state));
    if (spectral)
        VITRINE_TRY_VOID(spectral->restore(state));
    if (slow)
        VITRINE_TRY_VOID(slow->restore(state));
    if (slowSpectral)
        VITRINE_TRY_VOID(slowSpectral->restore(state, "slow."));
    useWeights();
    for (TeacherTarget& target : targets)
        VITRINE_TRY_VOID(target.restore(state));
    if (!state.contains("step") || !state.contains("statistics_ready"))
        return fail(ErrorCode::InvalidFile, "this is no checkpoint of a distillation");
    step = state.at("step").item<int64_t>();
    statisticsReady = state.at("statistics_ready").item<int64_t>() != 0;
    VITRINE_TRY(const Json losses, parseJson(moving, "moving losses"));
    for (const auto& [term, value] : losses.items())
        movingLoss[term] = value;
    return {};
}

Result<void> Distiller::exportFolder(const std::filesystem::path& folder, at::ScalarType type) const {
    const Parts& p = *parts_;
    const at::NoGradGuard noGrad;
    const std::shared_ptr<torch::nn::Module> plain = copyStudent(evaluated());
    auto tensors = plain->named_parameters();
    if (p.spectral)
        for (const auto& [name, weight] : (p.slowSpectral ? p.slowSpectral : p.spectral)->folded())
            tensors[name].copy_(weight);
    for (const TeacherTarget& target : p.targets) {
        const std::string last = fmt::format("{}{}.feat_mlp.final.2.", headPrefix(*plain), target.name());
        VITRINE_TRY(const auto folded, target.folded(tensors[last + "weight"], tensors[last + "bias"]));
        tensors[last + "weight"].copy_(folded.weight);
        tensors[last + "bias"].copy_(folded.bias);
    }
    return writeStudentFolder(folder, *plain, p.options.student, type);
}

}  // namespace vitrine
