// Methods and settings whose combinations are the plans of a sweep.
#pragma once

#include "core/base/json.h"
#include "core/base/result.h"

#include <QStringList>
#include <QWidget>

class QLabel;
class QLineEdit;
class QToolButton;

namespace vitrine {

struct SweepGrid {
    QStringList prune{"magnitude", "wanda", "sparsegpt"};  // as in the recipe; "none" with a format only
    QStringList patterns{"2:4"};
    QStringList formats{""};  // "": weights keep their type
    QStringList rounding{"gptq"};
    QStringList lowRank{""};  // "": none
    QStringList ranks{"16"};

    bool operator==(const SweepGrid&) const = default;
};

// Every combination that does something, each once: patterns only where something is pruned, rounding only
// with a format, ranks only with a low-rank path. InvalidArgument for an empty choice or a rank that is no
// number.
Result<Json> plansOfGrid(const SweepGrid& grid);
// The grid whose combinations are these plans, in any order; nothing if there is none.
std::optional<SweepGrid> gridOfPlans(const Json& plans);

class SweepGridView : public QWidget {
    Q_OBJECT
  public:
    explicit SweepGridView(QWidget* parent = nullptr);

    // `own`: the plans are no grid; the choices say how it would begin.
    void setGrid(const SweepGrid& grid, bool own);
    const SweepGrid& grid() const { return grid_; }

  signals:
    void edited();

  private:
    struct Choice {
        QString value;
        QToolButton* button;
    };
    void addChoices(class QGridLayout* layout, int row, const QString& title, const QString& name,
                    QStringList SweepGrid::*member,
                    const QList<std::tuple<QString, QString, QString>>& choices);
    void addTexts(class QGridLayout* layout, int row, const QString& title, const QString& name,
                  QStringList SweepGrid::*member, const QString& tip);
    void show();
    void take();

    SweepGrid grid_;
    std::vector<std::pair<QStringList SweepGrid::*, std::vector<Choice>>> choices_;
    std::vector<std::pair<QStringList SweepGrid::*, QLineEdit*>> texts_;
    QLabel* note_;
};

}  // namespace vitrine
