#include "widgets/gallery/gallery_model.h"

#include "core/io/natural_order.h"
#include "widgets/base/selection_manager.h"

#include <QFileInfo>
#include <algorithm>
#include <vector>

namespace vitrine {

GalleryModel::GalleryModel(SelectionManager* selection, QObject* parent)
    : QAbstractListModel(parent), selection_(selection) {
    connect(selection_, &SelectionManager::filterChanged, this, &GalleryModel::rebuild);
}

void GalleryModel::setPaths(const QStringList& paths) {
    // Converted once: comparing UTF-16 through conversions would dominate the sort of 10,000 names.
    std::vector<std::pair<std::string, QString>> named;
    named.reserve(size_t(paths.size()));
    for (const QString& path : paths)
        named.emplace_back(path.toStdString(), path);
    std::sort(named.begin(), named.end(),
              [](const auto& a, const auto& b) { return naturalLess(a.first, b.first); });
    named.erase(std::unique(named.begin(), named.end()), named.end());
    all_.clear();
    for (auto& [bytes, path] : named)
        all_.append(std::move(path));
    rebuild();
}

void GalleryModel::addPaths(const QStringList& paths) {
    setPaths(all_ + paths);
}

void GalleryModel::setTextFilter(const QString& text) {
    text_ = text.trimmed();
    rebuild();
}

void GalleryModel::rebuild() {
    beginResetModel();
    shown_.clear();
    rows_.clear();
    for (const QString& path : all_) {
        if (!text_.isEmpty() && !path.contains(text_, Qt::CaseInsensitive))
            continue;
        if (!selection_->passes(path))
            continue;
        rows_.insert(path, int(shown_.size()));
        shown_.append(path);
    }
    endResetModel();
}

int GalleryModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : int(shown_.size());
}

QVariant GalleryModel::data(const QModelIndex& index, int role) const {
    const QString path = pathAt(index.row());
    if (path.isEmpty())
        return {};
    if (role == Qt::DisplayRole)
        return QFileInfo(path).fileName();
    return role == PathRole || role == Qt::ToolTipRole ? QVariant(path) : QVariant();
}

}  // namespace vitrine
