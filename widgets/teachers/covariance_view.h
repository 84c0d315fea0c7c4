// The covariance of one stream of features before and after a normaliser, side by side: one cursor, one range
// of channels, which the wheel narrows around the cursor and a double click makes whole again.
#pragma once

#include "widgets/teachers/covariance_map.h"
#include "widgets/teachers/facts_page.h"

class QComboBox;

namespace vitrine {

class CovarianceView : public FactsPage {
    Q_OBJECT
  public:
    explicit CovarianceView(QWidget* parent = nullptr);

    // `title`: of the stream; `normalizer`: that of the map after. Of a stream with as many channels the
    // range stays.
    void setMaps(std::shared_ptr<const CovarianceMaps> maps, const QString& title, const QString& normalizer);
    void setShowCorrelation(bool correlation);
    bool showsCorrelation() const { return correlation_; }
    // `count` channels a side; what lies outside is brought inside.
    void setRange(int firstRow, int firstColumn, int count);

    // Both maps on white; null without maps.
    QImage toImage() const;
    // which,channel, then one column for each channel of the range.
    QString toCsv() const;

  signals:
    void correlationChosen(bool correlation);

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;  // wheel and double clicks on the maps
    void resizeEvent(QResizeEvent* event) override;

  private:
    void dropContent() override { maps_.reset(); }
    void refresh();
    void zoom(HeatMapView& view, double notches);
    int cellsThatFit() const;
    CovarianceSection section(bool after, int cells) const;

    std::shared_ptr<const CovarianceMaps> maps_;
    QString title_, normalizer_;
    bool correlation_ = true;
    int firstRow_ = 0, firstColumn_ = 0, count_ = 0;
    int shownCells_ = 0;
    QComboBox* values_;
    HeatMapView* views_[2];  // before, after
};

}  // namespace vitrine
