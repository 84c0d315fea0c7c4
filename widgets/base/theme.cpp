#include "widgets/base/theme.h"

#include <QApplication>
#include <QFont>
#include <QPalette>
#include <QStyleFactory>

namespace vitrine {
namespace {

ThemeColors darkColors(const QColor& accent) {
    ThemeColors colors;
    colors.window = QColor("#17181b");
    colors.panel = QColor("#1e2024");
    colors.raised = QColor("#2a2d33");
    colors.border = QColor("#34383f");
    colors.canvas = QColor("#101114");
    colors.text = QColor("#e7e9ec");
    colors.secondaryText = QColor("#9aa1ab");
    colors.disabledText = QColor("#5c626b");
    colors.accent = accent.lightness() < 120 ? accent.lighter(135) : accent;
    colors.accentText = QColor("#0d0f12");
    colors.selection = QColor::fromRgbF(accent.redF() * 0.35f + 0.07f, accent.greenF() * 0.35f + 0.07f,
                                        accent.blueF() * 0.35f + 0.08f);
    colors.good = QColor("#4cc38a");
    colors.warning = QColor("#f0b429");
    colors.bad = QColor("#ff6369");
    return colors;
}

ThemeColors lightColors(const QColor& accent) {
    ThemeColors colors;
    colors.window = QColor("#eceef1");
    colors.panel = QColor("#f8f9fa");
    colors.raised = QColor("#ffffff");
    colors.border = QColor("#d3d7dd");
    colors.canvas = QColor("#dde0e5");
    colors.text = QColor("#1b1e23");
    colors.secondaryText = QColor("#5b636e");
    colors.disabledText = QColor("#a3aab4");
    colors.accent = accent.lightness() > 110 ? accent.darker(135) : accent;
    colors.accentText = QColor("#ffffff");
    colors.selection = QColor::fromRgbF(accent.redF() * 0.25f + 0.72f, accent.greenF() * 0.25f + 0.72f,
                                        accent.blueF() * 0.25f + 0.72f);
    colors.good = QColor("#18794e");
    colors.warning = QColor("#946800");
    colors.bad = QColor("#cd2b31");
    return colors;
}

QPalette paletteOf(const ThemeColors& colors) {
    QPalette palette;
    palette.setColor(QPalette::Window, colors.panel);
    palette.setColor(QPalette::WindowText, colors.text);
    palette.setColor(QPalette::Base, colors.raised);
    palette.setColor(QPalette::AlternateBase, colors.panel);
    palette.setColor(QPalette::Text, colors.text);
    palette.setColor(QPalette::Button, colors.raised);
    palette.setColor(QPalette::ButtonText, colors.text);
    palette.setColor(QPalette::BrightText, colors.bad);
    palette.setColor(QPalette::ToolTipBase, colors.raised);
    palette.setColor(QPalette::ToolTipText, colors.text);
    palette.setColor(QPalette::PlaceholderText, colors.secondaryText);
    palette.setColor(QPalette::Highlight, colors.selection);
    palette.setColor(QPalette::HighlightedText, colors.text);
    palette.setColor(QPalette::Link, colors.accent);
    palette.setColor(QPalette::Mid, colors.border);
    palette.setColor(QPalette::Dark, colors.window);
    palette.setColor(QPalette::Shadow, colors.window);
    for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText})
        palette.setColor(QPalette::Disabled, role, colors.disabledText);
    return palette;
}

const char* const kStyleSheet = R"(
QMainWindow, QMainWindow::separator { background: @window; }
QMainWindow::separator { width: 5px; height: 5px; }
QMainWindow::separator:hover { background: @accent; }
QMenuBar { background: @panel; padding: 2px 6px; }
QMenuBar::item { padding: 4px 9px; border-radius: 4px; background: transparent; }
QMenuBar::item:selected { background: @raised; }
QMenu { background: @panel; border: 1px solid @border; padding: 5px; }
QMenu::item { padding: 5px 26px 5px 22px; border-radius: 4px; }
QMenu::item:selected { background: @selection; }
QMenu::item:disabled { color: @disabled; }
QMenu::separator { height: 1px; background: @border; margin: 5px 8px; }
QToolBar { background: @panel; border: none; border-bottom: 1px solid @border; padding: 4px 8px; spacing: 5px; }
QToolBar::separator { width: 1px; background: @border; margin: 5px 6px; }
QToolButton { border: 1px solid transparent; border-radius: 5px; padding: 4px 6px; background: transparent; }
QToolButton:hover { background: @raised; border-color: @border; }
QToolButton:pressed, QToolButton:checked { background: @selection; }
QToolButton::menu-indicator { image: none; }
QPushButton { background: @raised; border: 1px solid @border; border-radius: 5px; padding: 5px 14px; }
QPushButton:hover { border-color: @accent; }
QPushButton:pressed { background: @selection; }
QPushButton:disabled { color: @disabled; }
QPushButton:default { background: @accent; color: @accentText; border-color: @accent; }
QLineEdit, QPlainTextEdit, QTextBrowser, QSpinBox, QDoubleSpinBox { background: @raised; border: 1px solid @border;
  border-radius: 5px; padding: 4px 7px; selection-background-color: @selection; selection-color: @text; }
QLineEdit:focus, QPlainTextEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus { border-color: @accent; }
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button { border: none; background: transparent; width: 18px; }
QAbstractSpinBox::up-button:hover, QAbstractSpinBox::down-button:hover { background: @border; }
QAbstractSpinBox::up-arrow { image: url(@arrowUp); width: 8px; height: 8px; }
QAbstractSpinBox::down-arrow { image: url(@arrow); width: 8px; height: 8px; }
QTextBrowser { border: none; background: @panel; }
QToolButton#paletteButton { background: @raised; border-color: @border; color: @secondary; padding: 4px 12px; }
QComboBox { background: @raised; border: 1px solid @border; border-radius: 5px; padding: 3px 8px; min-height: 20px; }
QComboBox::drop-down { border: none; width: 20px; }
QComboBox::down-arrow { image: url(@arrow); width: 10px; height: 10px; }
QComboBox:hover { border-color: @secondary; }
QComboBox QAbstractItemView { background: @panel; border: 1px solid @border; selection-background-color: @selection;
  selection-color: @text; outline: none; padding: 3px; }
QDockWidget { color: @secondary; font-weight: 600; titlebar-close-icon: none; titlebar-normal-icon: none; }
QDockWidget::title { background: @panel; padding: 6px 10px; border-bottom: 1px solid @border; }
QDockWidget > QWidget { background: @panel; }
QTabBar { background: transparent; qproperty-drawBase: 0; }
QTabBar::tab { background: transparent; color: @secondary; padding: 6px 12px; border-bottom: 2px solid transparent; }
QTabBar::tab:hover { color: @text; }
QTabBar::tab:selected { color: @text; border-bottom: 2px solid @accent; }
QFrame#toast { background: @raised; border: 1px solid @border; border-left: 4px solid @accent; border-radius: 6px; }
QFrame#toast[kind="error"] { border-left-color: @bad; }
QFrame#toast[kind="success"] { border-left-color: @good; }
QStatusBar { background: @panel; border-top: 1px solid @border; color: @secondary; }
QStatusBar::item { border: none; }
QStatusBar QToolButton { border: none; padding: 0 6px; }
QProgressBar { background: @raised; border: none; border-radius: 3px; max-height: 6px; min-height: 6px; }
QProgressBar::chunk { background: @accent; border-radius: 3px; }
QListView, QTreeView, QTableView { background: @panel; border: 1px solid @border; border-radius: 5px; outline: none;
  alternate-background-color: @window; gridline-color: @border; }
QListView::item, QTreeView::item { padding: 4px 6px; }
QListView::item:selected, QTreeView::item:selected, QTableView::item:selected { background: @selection; color: @text; }
QHeaderView::section { background: @panel; color: @secondary; border: none; border-bottom: 1px solid @border;
  padding: 5px 8px; font-weight: 600; }
QScrollBar:vertical { background: transparent; width: 11px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 11px; margin: 0; }
QScrollBar::handle { background: @border; border-radius: 3px; margin: 2px; min-height: 28px; min-width: 28px; }
QScrollBar::handle:hover { background: @secondary; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QSlider::groove:horizontal { height: 4px; background: @border; border-radius: 2px; }
QSlider::sub-page:horizontal { background: @accent; border-radius: 2px; }
QSlider::handle:horizontal { width: 14px; margin: -5px 0; border-radius: 7px; background: @text; }
QSlider::handle:horizontal:disabled, QSlider::sub-page:horizontal:disabled { background: @disabled; }
QToolTip { background: @raised; color: @text; border: 1px solid @border; padding: 5px 7px; }
QLabel[role="secondary"] { color: @secondary; }
QLabel[role="heading"] { font-weight: 600; font-size: 15px; }
QLabel[role="section"] { color: @secondary; font-weight: 600; font-size: 11px; }
)";

QString styleSheetOf(const ThemeColors& colors) {
    QString sheet = QString::fromLatin1(kStyleSheet);
    // Longer names first: "@accentText" begins with "@accent".
    const std::pair<const char*, QColor> names[] = {{"@accentText", colors.accentText},
                                                    {"@accent", colors.accent},
                                                    {"@window", colors.window},
                                                    {"@panel", colors.panel},
                                                    {"@raised", colors.raised},
                                                    {"@border", colors.border},
                                                    {"@text", colors.text},
                                                    {"@secondary", colors.secondaryText},
                                                    {"@disabled", colors.disabledText},
                                                    {"@good", colors.good},
                                                    {"@bad", colors.bad},
                                                    {"@selection", colors.selection}};
    for (const auto& [name, color] : names)
        sheet.replace(QLatin1String(name), color.name());
    const QString kind = colors.text.lightness() > 128 ? "dark" : "light";
    sheet.replace(QLatin1String("@arrowUp"), QStringLiteral(":/vitrine/arrow_up_%1.svg").arg(kind));
    sheet.replace(QLatin1String("@arrow"), QStringLiteral(":/vitrine/arrow_%1.svg").arg(kind));
    return sheet;
}

}  // namespace

Theme& Theme::instance() {
    static Theme theme;
    return theme;
}

Theme::Theme() : accent_(accents().front().second), colors_(darkColors(accent_)) {}

const QList<QPair<QString, QColor>>& Theme::accents() {
    static const QList<QPair<QString, QColor>> list{
        {"Sky", QColor("#56b4e9")},  {"Orange", QColor("#e69f00")},    {"Green", QColor("#009e73")},
        {"Blue", QColor("#3b82f6")}, {"Vermilion", QColor("#e8703a")}, {"Pink", QColor("#cc79a7")}};
    return list;
}

void Theme::apply(bool dark, const QColor& accent) {
    dark_ = dark;
    accent_ = accent.isValid() ? accent : accents().front().second;
    colors_ = dark ? darkColors(accent_) : lightColors(accent_);
    if (qApp) {
        static const bool styled = [] {
            qApp->setStyle(QStyleFactory::create("Fusion"));
            QFont font = qApp->font();
            font.setPixelSize(13);
            qApp->setFont(font);
            return true;
        }();
        Q_UNUSED(styled)
        qApp->setPalette(paletteOf(colors_));
        // Setting it styles every widget anew, which takes a tenth of a second with the whole window.
        if (const QString sheet = styleSheetOf(colors_); sheet != qApp->styleSheet())
            qApp->setStyleSheet(sheet);
    }
    emit changed();
}

}  // namespace vitrine
