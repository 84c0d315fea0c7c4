// The pictures of the open folders in natural order, filtered by text and by the selection manager.
#pragma once

#include <QAbstractListModel>
#include <QHash>
#include <QStringList>

namespace vitrine {

class SelectionManager;

class GalleryModel : public QAbstractListModel {
    Q_OBJECT
  public:
    enum Role { PathRole = Qt::UserRole + 1 };

    explicit GalleryModel(SelectionManager* selection, QObject* parent = nullptr);

    // Replaces all pictures; they are put in natural order of their paths.
    void setPaths(const QStringList& paths);
    // Adds pictures that are not there yet.
    void addPaths(const QStringList& paths);
    const QStringList& allPaths() const { return all_; }
    const QStringList& shownPaths() const { return shown_; }
    // Only paths that hold `text`, ignoring case.
    void setTextFilter(const QString& text);

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QString pathAt(int row) const { return shown_.value(row); }
    int rowOf(const QString& path) const { return rows_.value(path, -1); }

  private:
    void rebuild();

    SelectionManager* selection_;
    QStringList all_, shown_;
    QHash<QString, int> rows_;
    QString text_;
};

}  // namespace vitrine
