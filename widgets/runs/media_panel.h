// Pictures of the selected runs side by side, one column a run, one row a name, with one step slider for all.
#pragma once

#include "widgets/runs/media_steps.h"

#include <QColor>
#include <QHash>
#include <QImage>
#include <QWidget>

class QComboBox;
class QLabel;
class QScrollArea;
class QSlider;
class QTimer;
class QToolButton;

namespace vitrine {

struct MediaRun {
    int64_t run = 0;
    QString label;
    QColor color;
};

// The grid of pictures; asks for those that it needs.
class MediaGrid : public QWidget {
    Q_OBJECT
  public:
    explicit MediaGrid(QWidget* parent = nullptr);

    void setRuns(std::vector<MediaRun> runs, const MediaSteps& steps);
    void setStep(int64_t step);
    void setName(const QString& name);  // "" for all names
    void setCellSide(int side);
    void setImage(const QString& path, const QImage& image, const QString& error);
    // What is on show now, row by row; for tests.
    std::vector<MediaItem> shownItems() const;

  signals:
    void imageWanted(const QString& path);

  protected:
    void paintEvent(QPaintEvent* event) override;
    bool event(QEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;

  private:
    QStringList rows() const;
    QRect cell(int row, int column) const;
    std::optional<MediaItem> itemAt(const QPoint& position) const;
    void updateSize();

    std::vector<MediaRun> runs_;
    MediaSteps steps_;
    int64_t step_ = 0;
    QString name_;
    int side_ = 220;
    struct Picture {
        QImage image;
        QString error;
    };
    QHash<QString, Picture> pictures_;
    QSet<QString> asked_;
};

class MediaPanel : public QWidget {
    Q_OBJECT
  public:
    explicit MediaPanel(QWidget* parent = nullptr);

    void setMedia(std::vector<MediaRun> runs, const std::vector<MediaItem>& items);
    void setImage(const QString& path, const QImage& image, const QString& error) {
        grid_->setImage(path, image, error);
    }
    int64_t step() const;
    void setStep(int64_t step);
    MediaGrid* grid() { return grid_; }

  signals:
    void imageWanted(const QString& path);
    void stepChanged(qint64 step);

  private:
    void showStep(int index);

    MediaSteps steps_;
    MediaGrid* grid_;
    QSlider* slider_;
    QLabel* stepText_;
    QLabel* empty_;
    QScrollArea* scroll_;
    QComboBox* names_;
    QSlider* size_;
    QToolButton* play_;
    QTimer* player_;
};

}  // namespace vitrine
