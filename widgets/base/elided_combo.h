// A drop-down list in tight places: a text that is too long ends in an ellipsis, and the tip says it in full;
// as an icon it takes the place of a button.
#pragma once

#include <QComboBox>

namespace vitrine {

class ElidedCombo : public QComboBox {
    Q_OBJECT
  public:
    explicit ElidedCombo(const QString& tip = {}, QWidget* parent = nullptr);

    // What the list is for; the tooltip adds the chosen entry.
    void setTip(const QString& tip);
    // Shows this icon in place of the text; empty: the text. The icon is highlighted when another entry than
    // the first is chosen.
    void setCompact(const QString& icon);
    // Takes just the width that the chosen entry needs, and gives it away down to `narrowest` where there is
    // less.
    void setHugging(int narrowest);
    // Width at which the chosen entry is shown in full.
    int fullWidth() const;

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

  protected:
    void paintEvent(QPaintEvent* event) override;
    bool event(QEvent* event) override;

  private:
    int textRoom(int width) const;

    QString tip_, compactIcon_;
    int narrowest_ = 0;  // 0: as QComboBox sizes itself
};

}  // namespace vitrine
