#include "widgets/runs/media_steps.h"

#include <algorithm>
#include <set>

namespace vitrine {

void MediaSteps::setItems(const std::vector<MediaItem>& items) {
    items_.clear();
    std::set<QString> names;
    std::set<int64_t> steps;
    for (const MediaItem& item : items) {
        items_[{item.run, item.name}][item.step] = item;
        names.insert(item.name);
        if (item.step >= 0)
            steps.insert(item.step);
    }
    names_ = QStringList(names.begin(), names.end());
    steps_.assign(steps.begin(), steps.end());
}

std::optional<MediaItem> MediaSteps::at(int64_t run, const QString& name, int64_t step) const {
    const auto found = items_.find({run, name});
    if (found == items_.end())
        return std::nullopt;
    auto after = found->second.upper_bound(step);
    if (after == found->second.begin())
        return std::nullopt;
    return std::prev(after)->second;
}

int MediaSteps::indexOf(int64_t step) const {
    const auto after = std::upper_bound(steps_.begin(), steps_.end(), step);
    return std::max(0, int(after - steps_.begin()) - 1);
}

}  // namespace vitrine
