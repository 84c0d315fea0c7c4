// A list whose current text ends in "…" where it does not fit, instead of being cut; the whole text is its
// tooltip.
#pragma once

#include <QComboBox>

namespace vitrine {

class ElidedCombo : public QComboBox {
    Q_OBJECT
  public:
    // `tip`: what the list chooses.
    explicit ElidedCombo(const QString& tip = {}, QWidget* parent = nullptr);
    void setTip(const QString& tip);
    // Only an icon in place of the text, in the accent colour unless the first entry is chosen. Empty: the
    // text.
    void setCompact(const QString& icon);

  protected:
    void paintEvent(QPaintEvent* event) override;
    bool event(QEvent* event) override;

  private:
    QString tip_, compactIcon_;
};

}  // namespace vitrine
