// Statistics of teachers on one page: table and remarks, spectrum, channel variances and balance before and
// after a normaliser, histograms.
#pragma once

#include "core/base/result.h"
#include "widgets/teachers/teacher_statistics.h"

#include <QImage>
#include <QWidget>
#include <filesystem>

class QComboBox;
class QGridLayout;
class QLabel;
class QMenu;

namespace vitrine {

class Chart;
class DataTable;

// What can be copied and saved on its own.
enum class StatisticsPart { Table, Spectrum, Variances, Balance, Histogram };
// "table", "spectrum", "variances", "balance", "histogram".
const char* statisticsPartName(StatisticsPart part);
Result<StatisticsPart> statisticsPartFromName(const std::string& name);

class StatisticsView : public QWidget {
    Q_OBJECT
  public:
    explicit StatisticsView(QWidget* parent = nullptr);

    // `caption`: what was measured, in a line. The normaliser stays if the new statistics have it.
    void setStatistics(TeacherStatisticsList list, const QString& caption);
    const TeacherStatisticsList& statistics() const { return list_; }
    const QString& normalizer() const { return normalizer_; }
    // InvalidArgument if it was not fitted.
    Result<void> setNormalizer(const QString& name);
    // The one that the next statistics are shown with, if they have it.
    void preferNormalizer(const QString& name) { normalizer_ = name; }
    // Norms of the vectors rather than values.
    void setShowNorms(bool norms);
    bool showsNorms() const { return norms_; }

    QString toCsv(StatisticsPart part) const;
    // On white; null for the table.
    QImage toImage(StatisticsPart part) const;
    // By the ending: .csv, for charts .png and .svg too.
    Result<void> save(StatisticsPart part, const std::filesystem::path& file) const;

  signals:
    void normalizerChosen(const QString& name);
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
    QString normalizer_ = "phi-s";
    bool norms_ = false;
    QLabel* caption_;
    QLabel* remarks_;
    QLabel* balanceText_;
    QComboBox* normalizers_;
    QComboBox* histogramOf_;
    DataTable* table_;
    Chart* charts_[4];
};

}  // namespace vitrine
