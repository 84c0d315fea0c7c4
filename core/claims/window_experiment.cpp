// A teacher whose features depend on the whole picture, and a student that attends within ViTDet windows in
// most of its blocks. Its windows are drawn anew at each step of training, global attention among them;
// another student only ever attends globally. Both are then looked at in every window.
#include "core/claims/c_radio_v4_experiments.h"
#include "core/claims/fixed_size_teacher.h"
#include "core/claims/small_student.h"
#include "core/data/soft_scenes.h"
#include "core/distill/losses.h"
#include "core/distill/random_stream.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>
#include <limits>

namespace vitrine {
namespace {

constexpr int64_t kPatch = FixedSizeTeacher::kPatch, kChannels = FixedSizeTeacher::kChannels, kSide = 96;
constexpr std::array<int64_t, 3> kWindows{3, 4, 6};               // patches a side; 12 are the whole picture
constexpr std::array<int64_t, 4> kTimedSides{96, 192, 288, 384};  // pixels
constexpr int64_t kSteps = 200, kBatch = 8, kTestPictures = 128, kTimings = 5;

constexpr const char* kKept = "smallest share of the fidelity kept in a window";
constexpr const char* kLargestCost = "largest time in a window over global at 384 px";
constexpr const char* kRise = "largest change of that share from 96 to 384 px, as a factor";
constexpr const char* kGlobal = "fidelity with global attention";
constexpr const char* kWorst = "smallest fidelity in a window";

struct Arm {
    const char* name;
    bool windows;
};
constexpr Arm kArms[] = {{"windows: random ones", true}, {"windows: global alone", false}};

// Every place of a frozen patch network answers to the mean of the picture too.
class ContextTeacher {
  public:
    explicit ContextTeacher(const at::Generator& random)
        : patches_(kSide, kSide, random),
          mix_(at::randn({kChannels, kChannels, 1, 1}, random, at::TensorOptions())) {
        const at::Tensor sample = softScenes(256, kSide, random);
        contextDeviation_ = context(sample).std({0, 2, 3}, false, true);
        const at::Tensor said = raw(sample);
        mean_ = said.mean({0, 2, 3}, true);
        deviation_ = said.std({0, 2, 3}, false, true);
    }
    // pictures (B, 3, 96, 96) -> (B, C, 12, 12), channels of unit variance.
    at::Tensor look(const at::Tensor& pictures) const { return (raw(pictures) - mean_) / deviation_; }

  private:
    at::Tensor context(const at::Tensor& pictures) const {
        return at::conv2d(patches_.look(pictures).mean({2, 3}, true), mix_);
    }
    at::Tensor raw(const at::Tensor& pictures) const {
        return at::tanh(patches_.look(pictures) + context(pictures) / contextDeviation_);
    }
    FixedSizeTeacher patches_;
    at::Tensor mix_, contextDeviation_, mean_, deviation_;
};

StudentOptions studentOptions() {
    StudentOptions options;
    options.width = 32;
    options.depth = 12;  // four blocks attend globally, eight in windows
    options.headCount = 2;
    options.patchSize = kPatch;
    options.positionGridSide = kTimedSides.back() / kPatch;
    options.registers = 0;
    options.headHidden = 48;
    options.preferredSide = kSide;
    options.teachers = {{"teacher", 0, kChannels}};
    return options;
}

at::Tensor predicted(const RadioModule& student, const at::Tensor& pictures, int64_t window) {
    StudentPass pass;
    pass.windowSize = window;
    return runStudent(student, pictures, pass).heads.at("teacher").features;
}

using Metrics = std::map<std::string, double>;

void addFidelities(Metrics& metrics, const RadioModule& student, const ContextTeacher& teacher,
                   const at::Tensor& test) {
    const at::Tensor target = teacher.look(test);
    const double variance = target.var({0, 2, 3}, false).mean().item<double>();
    const auto fidelity = [&](int64_t window) {
        return variance / (predicted(student, test, window) - target).square().mean().item<double>();
    };
    metrics[kGlobal] = fidelity(0);
    metrics[kWorst] = std::numeric_limits<double>::infinity();
    for (const int64_t window : kWindows) {
        const double windowed = metrics[fmt::format("fidelity in windows of {}", window)] = fidelity(window);
        metrics[kWorst] = std::min(metrics[kWorst], windowed);
    }
    metrics[kKept] = metrics[kWorst] / metrics[kGlobal];
}

double threadSeconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return double(now.tv_sec) + double(now.tv_nsec) * 1e-9;
}

// Of this thread, which computes alone: unlike the time on the wall it does not grow when others compute.
double processorSeconds(const RadioModule& student, const at::Tensor& picture, int64_t window) {
    const double start = threadSeconds();
    predicted(student, picture, window);
    return threadSeconds() - start;
}

double median(std::vector<double> values) {
    const auto middle = values.begin() + std::ptrdiff_t(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

// Windows take turns with global attention; the median is over the ratios of neighbouring timings.
struct Timing {
    double globalSeconds = 0;         // of all pictures
    std::map<int64_t, double> share;  // window -> its time over that of global attention
};
Timing timingOf(const RadioModule& student, const at::Tensor& pictures, int64_t turns) {
    processorSeconds(student, pictures, 0);  // the first pass also makes positions and buffers
    std::vector<double> globals;
    std::map<int64_t, std::vector<double>> shares;
    for (int64_t turn = 0; turn < turns; ++turn) {
        globals.push_back(processorSeconds(student, pictures, 0));
        for (const int64_t window : kWindows)
            shares[window].push_back(processorSeconds(student, pictures, window) / globals.back());
    }
    Timing timing{median(globals), {}};
    for (const auto& [window, values] : shares)
        timing.share[window] = median(values);
    return timing;
}

void addLatencies(Metrics& metrics, const RadioModule& student, const ClaimRequest& request) {
    std::map<int64_t, Timing> timings;
    for (const int64_t side : kTimedSides) {
        // A small picture passes too fast for the clock: as many as have the pixels of the largest.
        const int64_t largest = kTimedSides.back(), count = largest * largest / (side * side);
        const at::Tensor pictures = softScenes(1, side, randomStream(uint64_t(request.seed), side, "timed"));
        const Timing& timing = timings[side] =
            timingOf(student, pictures.repeat({count, 1, 1, 1}), scaledCount(kTimings, request));
        metrics[fmt::format("milliseconds with global attention at {:3} px", side)] =
            1e3 * timing.globalSeconds / double(count);
        for (const auto& [window, share] : timing.share)
            metrics[fmt::format("time in windows of {} over global at {:3} px", window, side)] = share;
    }
    metrics[kLargestCost] = metrics[kRise] = 0;
    for (const int64_t window : kWindows) {
        const double small = timings.begin()->second.share.at(window),
                     large = timings.rbegin()->second.share.at(window);
        metrics[kLargestCost] = std::max(metrics[kLargestCost], large);
        metrics[kRise] = std::max(metrics[kRise], large / small);
    }
}

Result<Metrics> measureArm(const Arm& arm, const ContextTeacher& teacher, const ClaimRequest& request) {
    const auto seed = uint64_t(request.seed);
    const auto lossOf = [&](const RadioModule& student, int64_t step) {
        const at::Tensor pictures = softScenes(kBatch, kSide, randomStream(seed, step, "window pictures"));
        const uint64_t drawn = randomHash(seed, step, "window") % (kWindows.size() + 1);
        const int64_t window = !arm.windows || drawn == kWindows.size() ? 0 : kWindows[drawn];
        return meanOver(meanSquaredDistance(predicted(student, pictures, window), teacher.look(pictures), 1));
    };
    VITRINE_TRY(const auto student, taughtStudent(studentOptions(), kSteps, request, lossOf, 1));
    const at::NoGradGuard noGrad;
    Metrics metrics;
    addFidelities(metrics, *student, teacher,
                  softScenes(kTestPictures, kSide, randomStream(seed, 0, "window test")));
    if (arm.windows)
        addLatencies(metrics, *student, request);
    return metrics;
}

Result<ClaimMeasurement> measure(const ClaimRequest& request) {
    const ContextTeacher teacher(randomStream(uint64_t(request.seed), 0, "window teacher"));
    request.job->beginStage("training one student per choice of windows",
                            int64_t(std::size(kArms)) * scaledSteps(kSteps, request));
    ClaimMeasurement measurement;
    for (const Arm& arm : kArms) {
        VITRINE_TRY(measurement.arms[arm.name], measureArm(arm, teacher, request));
    }
    return measurement;
}

std::vector<ClaimCheck> judge(const ClaimTable& table) {
    const char *const random = kArms[0].name, *const global = kArms[1].name;
    return {
        atLeast("share of the fidelity kept in every window, random windows", table.mean(random, kKept), 0.9),
        atLeast("that share less the one of a student of global attention alone",
                table.mean(random, kKept) - table.mean(global, kKept), 0),
        atLeast("fidelity in windows, random windows, over global attention alone without windows",
                table.mean(random, kWorst) / table.mean(global, kGlobal), 0.9),
        atMost("processor time at 384 px, windows over global attention", table.mean(random, kLargestCost),
               0.5),
        atMost("that share over the one at 96 px", table.mean(random, kRise), 1),
    };
}

}  // namespace

ClaimExperiment windowExperiment() {
    return {measure, judge};
}

}  // namespace vitrine
