// Dark and light palettes with one accent colour. Views that paint themselves ask for colors() and repaint on
// changed().
#pragma once

#include <QColor>
#include <QObject>
#include <QString>

namespace vitrine {

struct ThemeColors {
    QColor window;  // behind panels
    QColor panel;   // docks, menus, cards
    QColor raised;  // buttons, fields
    QColor border;
    QColor canvas;  // behind pictures
    QColor text;
    QColor secondaryText;
    QColor disabledText;
    QColor accent;
    QColor accentText;  // on accent
    QColor selection;   // rows, cells
    QColor good, warning, bad;
};

class Theme : public QObject {
    Q_OBJECT
  public:
    static Theme& instance();

    bool isDark() const { return dark_; }
    QColor accent() const { return accent_; }
    const ThemeColors& colors() const { return colors_; }
    // Sets palette, style sheet and colours of the whole application.
    void apply(bool dark, const QColor& accent);
    void setDark(bool dark) { apply(dark, accent_); }
    void setAccent(const QColor& accent) { apply(dark_, accent); }

    // Six accents that are told apart by colour-blind eyes (after Okabe and Ito, 2008).
    static const QList<QPair<QString, QColor>>& accents();

  signals:
    void changed();

  private:
    Theme();
    bool dark_ = true;
    QColor accent_;
    ThemeColors colors_;
};

}  // namespace vitrine
