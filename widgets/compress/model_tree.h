// The tensors of a model as a tree by their names: shapes, types, sizes, operations, zeros and N:M
// compliance, summed up for each part; a line of text finds tensors; a double click asks to see one.
#pragma once

#include <QString>
#include <QStringList>
#include <QWidget>
#include <vector>

class QLabel;
class QLineEdit;
class QTreeWidget;
class QTreeWidgetItem;

namespace vitrine {

struct TensorLine {
    QString name, shape, dtype;
    bool matrix = false;  // masks can be shown of it
    double elements = 0, bytes = 0;
    double operations = 0;  // of one token; 0: no matrix product
    double zeros = -1;      // part of the elements; negative: not read yet
    double groups = 0;      // of the pattern; 0: none, or not read yet
    double violatingGroups = 0;
};

struct ModelContent {
    QString title, path;
    QString facts;    // "llama · 5 layers · context 512"
    QString pattern;  // "2:4"
    std::vector<TensorLine> tensors;
    bool counted = false;  // zeros and patterns are known
    double elements = 0, bytes = 0, operations = 0;
};

class ModelTree : public QWidget {
    Q_OBJECT
  public:
    explicit ModelTree(QWidget* parent = nullptr);

    // An empty title: nothing is open.
    void setContent(ModelContent content);
    const ModelContent& content() const { return content_; }
    // What is being done or went wrong; empty: nothing.
    void setStatus(const QString& text, bool bad);
    QString toCsv() const;

  signals:
    void openRequested();
    void countRequested();  // read all tensors
    void tensorChosen(const QString& name);

  private:
    void rebuild();
    void filter();
    // Sums of the item's leaves into its cells.
    struct Sums {
        double elements = 0, bytes = 0, operations = 0, zeros = 0, counted = 0, groups = 0, violating = 0;
    };
    Sums fill(QTreeWidgetItem* item);
    void setCells(QTreeWidgetItem* item, const Sums& sums);

    ModelContent content_;
    QLabel *title_, *facts_, *status_;
    QLineEdit* find_;
    QTreeWidget* tree_;
};

// "260,032", "1.2 M", "3.4 G"; with a unit behind it.
QString countText(double count);
QString sizeText(double bytes);

}  // namespace vitrine
