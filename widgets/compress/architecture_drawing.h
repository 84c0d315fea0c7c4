// An architecture layer by layer: two bars for each, as wide as their part of the parent's parameters, with
// the name of the variant, under a title that is cut where it is too long. Parts that another architecture
// has otherwise are framed.
#pragma once

#include "widgets/compress/puzzle_results.h"

#include <QWidget>

namespace vitrine {

class ArchitectureDrawing : public QWidget {
    Q_OBJECT
  public:
    explicit ArchitectureDrawing(QWidget* parent = nullptr);

    void setTitle(const QString& title);
    // `other`: what it is compared with; empty: nothing.
    void show(const std::vector<PuzzleLayer>& layers, const PuzzleChoice& choice,
              const PuzzleChoice& other = {});

  protected:
    void paintEvent(QPaintEvent*) override;

  private:
    struct Part {
        PuzzleVariant variant;
        bool differs = false;
    };
    QString title_;
    std::vector<std::pair<Part, Part>> rows_;
    std::vector<int> blocks_;  // of the parent, behind each row
};

}  // namespace vitrine
