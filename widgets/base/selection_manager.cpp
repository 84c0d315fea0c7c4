#include "widgets/base/selection_manager.h"

#include <algorithm>

namespace vitrine {

void SelectionManager::select(const QStringList& items, const QString& source) {
    QStringList unique;
    QSet<QString> set;
    for (const QString& item : items) {
        if (set.contains(item))
            continue;
        set.insert(item);
        unique.append(item);
    }
    if (unique == selected_)
        return;
    selected_ = unique;
    selectedSet_ = set;
    emit selectionChanged(source);
}

void SelectionManager::toggle(const QString& item, const QString& source) {
    QStringList items = selected_;
    if (!items.removeOne(item))
        items.append(item);
    select(items, source);
}

void SelectionManager::highlight(const QString& item, const QString& source) {
    if (item == highlighted_)
        return;
    highlighted_ = item;
    emit highlightChanged(source);
}

void SelectionManager::setFilter(const QString& source, const QSet<QString>& items) {
    const auto existing = filters_.constFind(source);
    if (existing != filters_.constEnd() && *existing == items)
        return;
    filters_.insert(source, items);
    emit filterChanged(source);
}

void SelectionManager::clearFilter(const QString& source) {
    if (filters_.remove(source) > 0)
        emit filterChanged(source);
}

bool SelectionManager::passes(const QString& item) const {
    return std::all_of(filters_.cbegin(), filters_.cend(),
                       [&](const QSet<QString>& filter) { return filter.contains(item); });
}

}  // namespace vitrine
