#include "core/distill/student_rules.h"

#include "core/distill/student_sizes.h"

#include <algorithm>

namespace vitrine {
namespace {

constexpr int64_t kTrunkStride = 32;  // of EfficientNet-Lite, E-RADIO and MambaVision

Failure refuse(const std::string& message, const std::string& hint = {}) {
    return fail(ErrorCode::InvalidArgument, message, {}, hint);
}

}  // namespace

const char* studentTrunkCalled(const std::string& trunk) {
    return trunk == "convolutional" ? "a convolutional student"
           : trunk == "eradio"      ? "an E-RADIO"
           : trunk == "mambavision" ? "a MambaVision"
                                    : "a ViT";
}

bool trunkHasLevels(const std::string& trunk) {
    return trunk == "eradio" || trunk == "mambavision";
}

int64_t trunkSizeMultiple(const std::string& trunk, int64_t patchSize) {
    return trunk == "vit"             ? patchSize
           : trunk == "convolutional" ? std::max(kTrunkStride, patchSize)
                                      : kTrunkStride;
}

Result<void> checkVariant(const std::string& trunk, const std::string& variant) {
    if (variant == "own")
        return {};
    std::string known;
    for (const NamedStudentSize& size : namedStudentSizes(trunk)) {
        if (size.name == variant)
            return {};
        known += (known.empty() ? "" : ", ") + size.name;
    }
    return refuse(fmt::format("{} has no size \"{}\"", studentTrunkCalled(trunk), variant),
                  fmt::format("Take one of {}, or \"own\" with width and depths", known));
}

Result<void> checkSide(const std::string& trunk, int64_t patchSize, int64_t side) {
    const int64_t step = trunkSizeMultiple(trunk, patchSize);
    if (side >= step && side % step == 0)
        return {};
    return refuse(trunk == "vit"
                      ? fmt::format("{} pixels are not a multiple of the patch of {}", side, step)
                      : fmt::format("{} pixels are not a multiple of the trunk's stride of {}", side, step),
                  fmt::format("Nearest: {}", std::max(step, (side + step / 2) / step * step)));
}

Result<void> checkBatch(const std::string& trunk, int64_t batch) {
    if (!trunkHasLevels(trunk) || batch >= 2)
        return {};
    return refuse(
        fmt::format("{} learns with batch normalisation, which one picture alone has no statistics for",
                    studentTrunkCalled(trunk)),
        "Take 2 or more; 8 and more give steadier statistics");
}

Result<void> checkWindow(const std::string& trunk, int64_t patchSize, int64_t window, int64_t side) {
    if (window <= 0)
        return {};
    if (trunk != "vit")
        return refuse(fmt::format("{} has no attention windows to choose from", studentTrunkCalled(trunk)),
                      "Leave the list empty, or take a ViT");
    if (side % (patchSize * window) != 0)
        return refuse(fmt::format("windows of {} patches do not divide {} pixels", window, side));
    return {};
}

Result<void> checkStart(const std::string& trunk, const std::string& startFrom) {
    if (trunk == "convolutional" && startFrom.empty())
        return refuse("a convolutional student needs a trained EfficientNet-Lite to start from");
    if (trunk != "convolutional" && !startFrom.empty())
        return refuse(fmt::format("{} begins afresh: only a convolutional trunk starts from weights",
                                  studentTrunkCalled(trunk)));
    return {};
}

Result<void> checkCell(int64_t patchSize) {
    if (patchSize == 4 || patchSize == 8 || patchSize == 16 || patchSize == 32)
        return {};
    return refuse(fmt::format(
        "a convolutional student gives features of 4, 8, 16 or 32 pixels a cell, not of {}", patchSize));
}

Result<void> checkHeads(int64_t width, int64_t heads) {
    if (width >= 1 && heads >= 1 && width % heads == 0)
        return {};
    return refuse(fmt::format("{} heads do not divide a width of {}", heads, width));
}

Result<void> checkLevelWidth(const std::string& trunk, int64_t width) {
    // Of every level of attention: heads double with the width.
    const int64_t step = trunk == "mambavision" && width > kWideMambaVision ? 4 : 2;
    if (width >= 8 && width % step == 0)
        return {};
    return refuse(fmt::format("{} needs a first level of at least 8 channels that {} divides, not of {}",
                              studentTrunkCalled(trunk), step, width));
}

std::vector<SchemaProblem> studentProblems(const Json& settings) {
    std::vector<SchemaProblem> problems;
    const auto note = [&](const std::string& path, const Result<void>& checked) {
        if (!checked)
            problems.push_back({"$.settings." + path, checked.error().message, checked.error().hint});
    };
    const Json& student = settings["student"];
    const std::string trunk = student["trunk"];
    const int64_t patchSize = student["patch_size"];
    note("student.start_from", checkStart(trunk, student["start_from"]));
    if (trunkHasLevels(trunk)) {
        const std::string variant = student["variant"];
        note("student.variant", checkVariant(trunk, variant));
        if (variant == "own")
            note("student.width", checkLevelWidth(trunk, student["width"]));
    } else if (trunk == "vit") {
        note("student.heads", checkHeads(student["width"], student["heads"]));
    } else {
        note("student.patch_size", checkCell(patchSize));
    }
    std::vector<std::string> windows;  // told once each
    size_t index = 0;
    for (const Json& partition : settings["partitions"]) {
        const std::string place = fmt::format("partitions[{}]", index++);
        note(place + ".batch", checkBatch(trunk, partition["batch"]));
        for (const int64_t side : partition["sides"]) {
            const Result<void> fits = checkSide(trunk, patchSize, side);
            note(place + ".sides", fits);
            if (!fits)
                continue;
            for (const int64_t window : settings["window_sizes"]) {
                const Result<void> checked = checkWindow(trunk, patchSize, window, side);
                if (checked ||
                    std::find(windows.begin(), windows.end(), checked.error().message) != windows.end())
                    continue;
                windows.push_back(checked.error().message);
                note("window_sizes", checked);
            }
        }
    }
    return problems;
}

}  // namespace vitrine
