// One selection for gallery, table, plots and maps. Three verbs: *filter* (what is shown at all), *select*
// (what the user works with), *highlight* (what is under the mouse). Items are named by strings: picture
// paths, run ids. Each change carries the name of the view that made it, so that the view does not answer to
// itself; filters are kept per source, because several may hold at once.
#pragma once

#include <QMap>
#include <QObject>
#include <QSet>
#include <QString>
#include <QStringList>
#include <optional>

namespace vitrine {

class SelectionManager : public QObject {
    Q_OBJECT
  public:
    using QObject::QObject;

    // Selected items in the order in which they were selected; the last one is current.
    const QStringList& selected() const { return selected_; }
    bool isSelected(const QString& item) const { return selectedSet_.contains(item); }
    QString current() const { return selected_.isEmpty() ? QString() : selected_.last(); }
    void select(const QStringList& items, const QString& source);
    void toggle(const QString& item, const QString& source);
    void clearSelection(const QString& source) { select({}, source); }

    QString highlighted() const { return highlighted_; }
    void highlight(const QString& item, const QString& source);

    // Only the items in `items` pass this source's filter.
    void setFilter(const QString& source, const QSet<QString>& items);
    void clearFilter(const QString& source);
    QStringList filterSources() const { return filters_.keys(); }
    // True if the item passes the filters of all sources.
    bool passes(const QString& item) const;
    bool isFiltered() const { return !filters_.isEmpty(); }

  signals:
    void selectionChanged(const QString& source);
    void highlightChanged(const QString& source);
    void filterChanged(const QString& source);

  private:
    QStringList selected_;
    QSet<QString> selectedSet_;
    QString highlighted_;
    QMap<QString, QSet<QString>> filters_;
};

}  // namespace vitrine
