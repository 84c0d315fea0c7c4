// What goes of one tensor when a structure of a model (a head, a hidden unit, a channel) is cut out: the
// structure's dependency group is a list of these.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace vitrine {

struct TouchedTensor {
    std::string name;
    std::vector<int64_t> shape;
    int64_t dimension = 0;                            // 0: rows go, 1: columns
    std::vector<std::pair<int64_t, int64_t>> places;  // first and number, along that dimension

    int64_t weights() const {  // that go
        int64_t across = 1, along = 0;
        for (size_t other = 0; other < shape.size(); ++other)
            across *= int64_t(other) == dimension ? 1 : shape[other];
        for (const auto& [first, count] : places)
            along += count;
        return across * along;
    }
};

}  // namespace vitrine
