// Sizes of the published architectures (`args.model`).
#pragma once

#include <cstdint>
#include <string>

namespace vitrine::radio {

struct ArchitectureRow {
    const char* name;
    int64_t width, depth, headCount;
};

// Row of the architecture that `name` begins with ("vit_huge_patch16_224"), or null.
const ArchitectureRow* architectureByName(const std::string& name);

// Side of the pictures that the base model's own positions were made for: "vit_base_patch16_224" -> 224.
int64_t trainingSize(const std::string& architecture);

}  // namespace vitrine::radio
