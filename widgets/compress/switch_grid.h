// Parts of a model as a grid of switches: a row for each layer, a cell for its attention, each head and its
// feed-forward part. A click switches one, a drag several, a click on a title all of it.
#pragma once

#include <QWidget>
#include <optional>
#include <set>
#include <vector>

namespace vitrine {

struct Switches {
    std::set<int64_t> attentionOff, feedForwardOff;
    std::set<std::pair<int64_t, int64_t>> headsOff;  // layer, head
    bool operator==(const Switches&) const = default;
    bool none() const { return attentionOff.empty() && feedForwardOff.empty() && headsOff.empty(); }
};

class SwitchGrid : public QWidget {
    Q_OBJECT
  public:
    explicit SwitchGrid(QWidget* parent = nullptr);

    void setShape(int64_t layers, int64_t heads);
    void setSwitches(const Switches& switches);
    const Switches& switches() const { return switches_; }
    int64_t layers() const { return layers_; }
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return {160, 120}; }

  signals:
    void edited();

  protected:
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    bool event(QEvent* event) override;

  private:
    // Column 0: attention; then the heads; the last one: feed-forward. Row -1: the titles.
    struct Cell {
        int row = 0, column = 0;
        bool operator==(const Cell&) const = default;
    };
    int columns() const { return int(heads_) + 2; }
    QRectF rectOf(Cell cell) const;
    std::optional<Cell> cellAt(QPointF position) const;
    bool isOff(Cell cell) const;
    void setOff(Cell cell, bool off);
    QString textOf(Cell cell) const;
    void announce();

    int64_t layers_ = 0, heads_ = 0;
    Switches switches_;
    bool draggingOff_ = false;
    std::optional<Cell> last_;
};

}  // namespace vitrine
