#include "core/distill/student_levels.h"

#include "core/distill/random_stream.h"
#include "core/distill/student_rules.h"
#include "core/distill/student_sizes.h"
#include "core/models/mambavision/mamba_vision_network.h"
#include "core/models/radio/eradio_model.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

constexpr size_t kLevels = 4;
constexpr int64_t kLargestWindow = 64;

template <typename Adaptors>
void addHeads(const StudentOptions& options, int64_t summaryWidth, int64_t featureWidth, Adaptors& adaptors) {
    for (const StudentTeacher& teacher : options.teachers) {
        RadioAdaptorConfig adaptor;
        adaptor.name = teacher.name;
        if (teacher.summaryWidth > 0)
            adaptor.summary = studentHead(options, summaryWidth, teacher.summaryWidth);
        adaptor.features = studentHead(options, featureWidth, teacher.featureWidth);
        adaptors.push_back(std::move(adaptor));
    }
}

void startConvolutions(torch::nn::Module& module, const at::Generator& random) {
    const at::NoGradGuard noGrad;
    const auto start = [&](const auto& layer) {
        const double bound = 1 / std::sqrt(double(layer.weight.numel()) / double(layer.weight.size(0)));
        at::Tensor(layer.weight).uniform_(-bound, bound, random);
        if (layer.bias.defined())
            at::Tensor(layer.bias).uniform_(-bound, bound, random);
    };
    for (const auto& each : module.modules(false)) {
        if (const auto* convolution = dynamic_cast<const nn::Conv2d*>(each.get()))
            start(*convolution);
        else if (const auto* transposed = dynamic_cast<const nn::ConvTranspose2d*>(each.get()))
            start(*transposed);
    }
}

}  // namespace

const char* studentTrunkKey(StudentTrunk trunk) {
    switch (trunk) {
        case StudentTrunk::Vit:
            return "vit";
        case StudentTrunk::Convolutional:
            return "convolutional";
        case StudentTrunk::Eradio:
            return "eradio";
        case StudentTrunk::MambaVision:
            return "mambavision";
    }
    return "";
}

Result<StudentVariant> studentVariant(StudentTrunk trunk, const std::string& name) {
    const std::string key = studentTrunkKey(trunk);
    for (const NamedStudentSize& size : namedStudentSizes(key))
        if (size.name == name)
            return StudentVariant{size.name, size.width, size.depths};
    auto known = checkVariant(key, name);
    if (known)  // "own" is no size that has a name
        known = fail(ErrorCode::InvalidArgument, fmt::format("\"{}\" is no named size", name));
    known.error().where = "settings/student/variant";
    return fail(known.error());
}

int64_t levelStudentPatch(StudentTrunk trunk) {
    return trunk == StudentTrunk::Eradio ? 16 : 32;
}

Result<void> checkLevelStudent(const StudentOptions& options) {
    const char* name = studentTrunkName(options.trunk);
    const auto refuse = [&](const char* where, const std::string& message, const std::string& hint = {}) {
        return fail(ErrorCode::InvalidArgument, message, fmt::format("student/{}", where), hint);
    };
    if (options.patchSize != levelStudentPatch(options.trunk))
        return refuse("patch_size", fmt::format("{} gives features of {} pixels a cell, not of {}", name,
                                                levelStudentPatch(options.trunk), options.patchSize));
    const auto sensible = [](int64_t depth) { return depth >= 1 && depth <= 64; };
    if (options.depths.size() != kLevels ||
        !std::all_of(options.depths.begin(), options.depths.end(), sensible))
        return refuse("depths", fmt::format("{} has four levels of 1 to 64 blocks each", name),
                      "For example [1, 3, 4, 5]");
    if (const auto width = checkLevelWidth(studentTrunkKey(options.trunk), options.width); !width)
        return refuse("width", width.error().message);
    if (options.window < 0 || options.window > kLargestWindow)
        return refuse("window", fmt::format("a window of {} cells", options.window),
                      fmt::format("0 to {}", kLargestWindow));
    return {};
}

EradioConfig eradioStudent(const StudentOptions& options) {
    constexpr int64_t kStem = 64, kHeads = 2;
    EradioConfig config;
    config.width = options.width;
    config.stemWidth = std::min(kStem, options.width);
    config.neckWidth = options.width << (kLevels - 1);
    config.mean = options.mean;
    config.std = options.std;
    config.patchSize = options.patchSize;
    config.preferredHeight = config.preferredWidth = options.preferredSide;
    config.maxSide = options.maxSide;
    const int64_t window = options.window > 0 ? options.window : optimalEradioWindow(options.preferredSide);
    for (size_t i = 0; i < kLevels; ++i) {
        EradioLevelConfig level;
        level.width = options.width << i;
        level.depth = options.depths[i];
        level.attention = i >= 2;
        level.downsample = i + 1 < kLevels;
        level.headCount = kHeads << i;
        if (level.attention)
            level.ratios = i + 1 < kLevels ? std::vector<int64_t>{2, 1} : std::vector<int64_t>{1};
        level.windows.assign(level.ratios.size(), window);
        config.levels.push_back(std::move(level));
    }
    addHeads(options, config.featureWidth(), config.featureWidth(), config.adaptors);
    return config;
}

mambavision::MambaVisionConfig mambaVisionStudent(const StudentOptions& options) {
    mambavision::MambaVisionConfig config;
    config.width = options.width;
    config.stemWidth = options.width > 80 ? 64 : std::min<int64_t>(32, options.width);
    std::copy(options.depths.begin(), options.depths.end(), config.depths.begin());
    if (options.width > kWideMambaVision)
        config.headCounts = {4, 8, 16, 32};
    config.layerScale = options.width > 96;
    const int64_t window =
        options.window > 0 ? options.window : std::max<int64_t>(2, options.preferredSide / 16);
    config.windows = {8, 8, window, (window + 1) / 2};
    config.classCount = 0;
    config.imageSide = options.preferredSide;
    const int64_t width = config.widthOf(kLevels - 1);
    addHeads(options, width, width, config.adaptors);
    return config;
}

std::shared_ptr<torch::nn::Module> makeLevelStudent(const StudentOptions& options, uint64_t seed) {
    const at::Generator random = randomStream(seed, 0, "student");
    std::shared_ptr<torch::nn::Module> module;
    if (options.trunk == StudentTrunk::Eradio) {
        module = std::make_shared<EradioModule>(eradioStudent(options));
        nn::initialize(*module, random);
    } else {
        module = std::make_shared<mambavision::MambaVisionNetwork>(mambaVisionStudent(options));
        mambavision::initializeTokenBlocks(*module, random);
    }
    startConvolutions(*module, random);
    return module;
}

}  // namespace vitrine
