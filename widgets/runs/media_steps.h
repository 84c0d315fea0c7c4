// Which picture each run shows at a step: the newest one at or before it, so that one slider serves runs that
// logged at different steps. Pictures without a step (-1) show at every step.
#pragma once

#include <QString>
#include <QStringList>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace vitrine {

struct MediaItem {
    int64_t run = 0;
    QString name;
    int64_t step = -1;
    QString path;  // of the stored file
    QString mediaType;
};

class MediaSteps {
  public:
    void setItems(const std::vector<MediaItem>& items);

    const QStringList& names() const { return names_; }  // sorted
    const std::vector<int64_t>& steps() const {
        return steps_;
    }  // every step that some picture has, ascending
    std::optional<MediaItem> at(int64_t run, const QString& name, int64_t step) const;
    // Position in steps() of the newest step at or before `step`; 0 if there is none.
    int indexOf(int64_t step) const;

  private:
    QStringList names_;
    std::vector<int64_t> steps_;
    std::map<std::pair<int64_t, QString>, std::map<int64_t, MediaItem>> items_;
};

}  // namespace vitrine
