// Sizes of students that have a name, and what a student weighs before it is built. No LibTorch here: forms
// read it too.
#pragma once

#include "core/base/json.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vitrine {

// An E-RADIO or MambaVision that has a name: channels of the first of four levels, which double from one to
// the next, and the blocks of each.
struct NamedStudentSize {
    std::string name;
    int64_t width = 0;
    std::vector<int64_t> depths;
};
// Of "eradio" or "mambavision", the smallest first; of other trunks none.
const std::vector<NamedStudentSize>& namedStudentSizes(const std::string& trunk);

// Channels of a first level from which MambaVision has twice as many heads in each level: of the larger
// published models.
constexpr int64_t kWideMambaVision = 128;

// Parameters of the trunk that `student` (as in a recipe: "trunk", "variant", "width"...) describes, without
// adaptor heads, whose widths are the teachers'. A ViT has a class token for each of `teacherCount` teachers.
// None for a convolutional trunk, whose size is that of the file it starts from, and where a value is missing
// or no number.
std::optional<int64_t> studentParameters(const Json& student, int64_t teacherCount);

}  // namespace vitrine
