// Parsing of a safetensors header, apart from the file it stands in.
#pragma once

#include "core/base/result.h"
#include "core/io/dtype.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace vitrine {

struct SafetensorsHeader {
    struct Tensor {
        std::string name;
        DType dtype = DType::F32;
        std::vector<int64_t> shape;
        uint64_t begin = 0;  // bytes from the start of the data part
        uint64_t end = 0;
    };
    std::vector<Tensor> tensors;  // by `begin`
    std::map<std::string, std::string> metadata;
};

// `text` is the JSON; `dataSize` the bytes that follow it, which the tensors must tile exactly.
Result<SafetensorsHeader> parseSafetensorsHeader(std::string_view text, uint64_t dataSize,
                                                 const std::string& where);

}  // namespace vitrine
