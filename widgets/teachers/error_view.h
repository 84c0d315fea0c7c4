// What normalisers do to errors: where in the plane of two channels of a teacher the errors of length 1 of
// each normalised space lie, and how long they are by direction.
#pragma once

#include "core/engine/teacher_engine.h"

#include <QImage>
#include <QWidget>
#include <optional>

class QLabel;
class QSpinBox;
class QStackedWidget;

namespace vitrine {

class Chart;

// The channels of the plane; -1: automatic.
struct ErrorChannels {
    int first = -1, second = -1;
    bool operator==(const ErrorChannels&) const = default;
};

class ErrorView : public QWidget {
    Q_OBJECT
  public:
    explicit ErrorView(QWidget* parent = nullptr);

    void setContours(ErrorContours contours, const QString& title);
    ErrorChannels channels() const;
    void setChannels(const ErrorChannels& channels);
    bool isEmpty() const { return !contours_; }
    // Others are on their way: what is shown stays until then.
    void showWaiting();
    // Why there is nothing to show. The channels can still be chosen.
    void setMessage(const QString& message);

    // Both charts on white; null without contours.
    QImage toImage() const;
    // normalizer, degree, x, y, radius.
    QString toCsv() const;

  signals:
    void channelsChosen(ErrorChannels channels);
    void menuRequested(QPoint at);

  private:
    QSpinBox* addChannel(const QString& name, const QString& tip);

    std::optional<ErrorContours> contours_;
    QLabel* facts_;
    QLabel* message_;
    QStackedWidget* pages_;
    QSpinBox* channels_[2];
    Chart* plane_;
    Chart* radius_;
};

}  // namespace vitrine
