// Statistics of teachers on one page: table and remarks, spectrum, channel variances and balance before and
// after a normaliser, histograms.
#pragma once

#include "core/base/result.h"
#include "widgets/teachers/teacher_statistics.h"

#include <QImage>
#include <QWidget>
#include <filesystem>
#include <optional>

class QComboBox;
class QGridLayout;
class QLabel;

namespace vitrine {

class Chart;
class DataTable;

// What this view can copy and save on its own.
enum class StatisticsPart { Table, Spectrum, Variances, Balance, Histogram };
// "table", "spectrum", "variances", "balance", "histogram".
const char* statisticsPartName(StatisticsPart part);
std::optional<StatisticsPart> statisticsPartFromName(const std::string& name);

class StatisticsView : public QWidget {
    Q_OBJECT
  public:
    explicit StatisticsView(QWidget* parent = nullptr);

    // `normalizer`: of what is drawn after; one that was not fitted has no curves.
    void setStatistics(TeacherStatisticsList list, const QString& normalizer);
    const TeacherStatisticsList& statistics() const { return list_; }
    void setNormalizer(const QString& name);
    // Norms of the vectors rather than values.
    void setShowNorms(bool norms);
    bool showsNorms() const { return norms_; }

    QString toCsv(StatisticsPart part) const;
    // On white; null for the table.
    QImage toImage(StatisticsPart part) const;
    // By the ending: .csv, for charts .png and .svg too.
    Result<void> save(StatisticsPart part, const std::filesystem::path& file) const;

  signals:
    void normsChosen(bool norms);
    // A context menu is wanted for this part, at a place of the screen.
    void menuRequested(StatisticsPart part, QPoint at);

  private:
    void addCard(QGridLayout* grid, int row, int column, StatisticsPart part, const QString& title,
                 QWidget* control);
    void buildControls();
    void refreshNormalized();
    void refreshHistogram();
    Chart* chart(StatisticsPart part) const;

    TeacherStatisticsList list_;
    QString normalizer_;
    bool norms_ = false;
    QLabel* remarks_;
    QLabel* balanceText_;
    QComboBox* histogramOf_;
    DataTable* table_;
    Chart* charts_[4];
};

}  // namespace vitrine
