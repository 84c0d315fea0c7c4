// What normalisers do to errors: where in the plane of two channels of a teacher the errors of length 1 of
// each normalised space lie, and how long they are by direction.
#pragma once

#include "core/engine/teacher_engine.h"
#include "widgets/teachers/facts_page.h"

#include <QImage>
#include <optional>

class QSpinBox;

namespace vitrine {

class Chart;

// The channels of the plane; -1: automatic.
struct ErrorChannels {
    int first = -1, second = -1;
    bool operator==(const ErrorChannels&) const = default;
};

class ErrorView : public FactsPage {
    Q_OBJECT
  public:
    explicit ErrorView(QWidget* parent = nullptr);

    void setContours(ErrorContours contours, const QString& title);
    ErrorChannels channels() const;
    void setChannels(const ErrorChannels& channels);

    // Both charts on white; null without contours.
    QImage toImage() const;
    // normalizer, degree, x, y, radius.
    QString toCsv() const;

  signals:
    void channelsChosen(ErrorChannels channels);

  private:
    void dropContent() override { contours_.reset(); }
    QSpinBox* addChannel(const QString& name, const QString& tip);

    std::optional<ErrorContours> contours_;
    QSpinBox* channels_[2];
    Chart* plane_;
    Chart* radius_;
};

}  // namespace vitrine
