// One picture and how an encoder's features of it change: the picture, their PCA colours before and after,
// and where they differ, side by side.
#pragma once

#include "core/engine/compress_engine.h"

#include <QImage>
#include <QWidget>
#include <array>

namespace vitrine {

class PictureChangeView : public QWidget {
    Q_OBJECT
  public:
    explicit PictureChangeView(QWidget* parent = nullptr);

    // The file; what cannot be read is shown as a message of the answer.
    void setPicture(const QString& path);
    const QString& picture() const { return path_; }
    void setAnswer(const PictureWhatIf& answer);
    void clear();  // of answers
    QSize sizeHint() const override { return {640, 420}; }
    QSize minimumSizeHint() const override { return {240, 160}; }

  signals:
    void chooseRequested();  // a click on the picture

  protected:
    void paintEvent(QPaintEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;

  private:
    struct Tile {
        QString title;
        QImage image;
        bool cells = false;  // a pixel a cell: enlarged without smoothing
    };
    QRect cellOf(int index) const;

    QString path_;
    std::array<Tile, 4> tiles_;
};

}  // namespace vitrine
