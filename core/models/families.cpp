#include "core/models/families.h"

namespace vitrine {

std::vector<ModelFamily> builtInFamilies() {
    return {};
}

}  // namespace vitrine
