// What goes with one channel, head or hidden unit of a model: every tensor that it touches, with the rows or
// columns that would be cut out.
#pragma once

#include "core/engine/compress_engine.h"
#include "widgets/base/data_table.h"

class QComboBox;
class QLabel;
class QSpinBox;

namespace vitrine {

class DependencyView : public QWidget {
    Q_OBJECT
  public:
    explicit DependencyView(QWidget* parent = nullptr);

    // Channels are those of language models.
    void setModel(const QString& title, bool language);
    StructureQuestion::Kind kind() const;
    int64_t layer() const;
    int64_t number() const;
    void setStructure(StructureQuestion::Kind kind, int64_t layer, int64_t number);
    void setGroup(const DependencyGroup& group);
    void setProblem(const QString& text);
    QString toCsv() const { return table_->toCsv(); }

  signals:
    void edited();

  private:
    QComboBox* kind_;
    QSpinBox *layer_, *number_;
    QLabel *model_, *facts_;
    DataTable* table_;
};

// One row for each tensor: name, shape, what goes along which dimension, and how many weights that are.
TableContent dependencyTable(const DependencyGroup& group);

}  // namespace vitrine
