// A few pictures with captions, the first one larger: a picture and those nearest to it. A click chooses one.
#pragma once

#include <QHash>
#include <QImage>
#include <QStringList>
#include <QWidget>
#include <vector>

namespace vitrine {

class ThumbnailStore;

struct StripPicture {
    QString path;
    QString caption;  // below its name: "cosine 0.912"
};

class PictureStrip : public QWidget {
    Q_OBJECT
  public:
    // `thumbnails` is asked for these pictures only: a store of its own, as each request drops what waited.
    explicit PictureStrip(ThumbnailStore* thumbnails, QWidget* parent = nullptr);

    void setPictures(std::vector<StripPicture> pictures);
    const std::vector<StripPicture>& pictures() const { return pictures_; }
    // Where a picture is drawn.
    QRect rectOf(int index) const { return rectOf(index, size()); }
    // All of them on white.
    QImage toImage(QSize size = {1200, 800}) const;
    QSize sizeHint() const override { return {360, 320}; }

  signals:
    void chosen(const QString& path);

  protected:
    void paintEvent(QPaintEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;
    bool event(QEvent* event) override;

  private:
    struct Grid {
        int columns = 1;
        QSize first, cell;
    };
    Grid gridFor(QSize area) const;
    QRect rectOf(int index, QSize area) const;
    int indexAt(QPoint position) const;
    void paint(QPainter& painter, QSize area, const QColor& text, const QColor& secondary,
               const QColor& mark) const;

    ThumbnailStore* thumbnails_;
    std::vector<StripPicture> pictures_;
    int hovered_ = -1;
};

}  // namespace vitrine
