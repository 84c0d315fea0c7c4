// Where checkpoints keep their tensors, and what their architecture names stand for.
#include "core/models/radio/radio_architecture.h"
#include "core/models/radio/radio_config.h"

#include <algorithm>
#include <regex>

namespace vitrine {
namespace radio {
namespace {

// Sizes by how `args.model` begins.
constexpr ArchitectureRow kArchitectures[] = {
    {"vit_tiny", 192, 12, 3},    {"vit_small", 384, 12, 6},   {"vit_base", 768, 12, 12},
    {"vit_large", 1024, 24, 16}, {"vit_huge", 1280, 32, 16},  {"vit_so400m", 1152, 27, 16},
    {"vit_giant", 1536, 40, 24}, {"dino_v2_g", 1536, 40, 24},
};

}  // namespace

const ArchitectureRow* architectureByName(const std::string& name) {
    for (const ArchitectureRow& row : kArchitectures)
        if (name.rfind(row.name, 0) == 0)
            return &row;
    return nullptr;
}

int64_t trainingSize(const std::string& architecture) {
    static const std::regex pattern("_(\\d{2,5})$");
    std::smatch match;
    return std::regex_search(architecture, match, pattern) ? std::stoll(match[1]) : 224;
}

}  // namespace radio

int64_t RadioWindowing::period(int64_t depth) const {
    if (numWindowed)
        return std::max<int64_t>(0, *numWindowed) + 1;
    return std::max<int64_t>(1, depth / std::max<int64_t>(1, numGlobal.value_or(4)));
}

const TensorInfo* RadioLayout::find(const TensorSource& source, const std::string& name) const {
    if (const TensorInfo* info = source.find(trunk + name))
        return info;
    constexpr std::string_view suffix = ".weight";
    if (name.size() <= suffix.size() || name.compare(name.size() - suffix.size(), suffix.size(), suffix) != 0)
        return nullptr;
    return source.find(trunk + name.substr(0, name.size() - suffix.size()) +
                       ".parametrizations.weight.original");
}

std::optional<RadioLayout> findRadioLayout(const TensorSource& source, const std::string& prefix) {
    const std::pair<const char*, bool> roots[] = {{"radio_model.", false}, {"", true}, {"module.", true}};
    for (const auto& [root, hub] : roots)
        for (const bool inner : {false, true}) {
            RadioLayout layout;
            layout.root = prefix + root;
            layout.hub = hub;
            layout.inner = inner;
            layout.trunk = layout.root + (hub ? "base_model." : "model.") + (inner ? "inner." : "");
            if (layout.find(source, "patch_generator.embedder.weight"))
                return layout;
        }
    return std::nullopt;
}

}  // namespace vitrine
