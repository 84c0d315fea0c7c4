#include "widgets/base/icons.h"

#include "widgets/base/theme.h"

#include <QHash>
#include <QIconEngine>
#include <QPainter>
#include <QSvgRenderer>

namespace vitrine {
namespace {

const QHash<QString, QString>& drawings() {
    static const QHash<QString, QString> table{
        {"inspect",
         "<path d='M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12z'/><circle cx='12' cy='12' r='3'/>"},
        {"runs", "<path d='M4 6h16M4 12h16M4 18h10'/><circle cx='19' cy='18' r='1.5'/>"},
        {"folder", "<path d='M3 6a1 1 0 0 1 1-1h5l2 2h8a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1z'/>"},
        {"image",
         "<rect x='3' y='4' width='18' height='16' rx='1.5'/><circle cx='8.5' cy='9.5' r='1.5'/>"
         "<path d='M4 18l5-5 4 4 3-3 4 4'/>"},
        {"model", "<path d='M12 3l8 4.5v9L12 21l-8-4.5v-9z'/><path d='M12 12l8-4.5M12 12v9M12 12L4 7.5'/>"},
        {"search", "<circle cx='10.5' cy='10.5' r='6'/><path d='M15 15l6 6'/>"},
        {"undo", "<path d='M8 5L4 9l4 4'/><path d='M4 9h10a6 6 0 0 1 0 12h-3'/>"},
        {"redo", "<path d='M16 5l4 4-4 4'/><path d='M20 9H10a6 6 0 0 0 0 12h3'/>"},
        {"sun",
         "<circle cx='12' cy='12' r='4'/><path d='M12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 "
         "2M7 17l-2 2'/>"},
        {"moon", "<path d='M20 14.5A8 8 0 0 1 9.500 4 8 8 0 1 0 20 14.500z'/>"},
        {"grid1", "<rect x='4' y='5' width='16' height='14' rx='1'/>"},
        {"grid2",
         "<rect x='3' y='5' width='8' height='14' rx='1'/><rect x='13' y='5' width='8' height='14' rx='1'/>"},
        {"grid4",
         "<rect x='4' y='4' width='7' height='7' rx='1'/><rect x='13' y='4' width='7' height='7' rx='1'/>"
         "<rect x='4' y='13' width='7' height='7' rx='1'/><rect x='13' y='13' width='7' height='7' rx='1'/>"},
        {"grid6",
         "<rect x='2.500' y='5' width='5' height='6' rx='.8'/><rect x='9.500' y='5' width='5' height='6' "
         "rx='.8'/><rect x='16.500' y='5' width='5' height='6' rx='.8'/><rect x='2.500' y='13' width='5' "
         "height='6' rx='.8'/><rect x='9.500' y='13' width='5' height='6' rx='.8'/><rect x='16.500' y='13' "
         "width='5' height='6' rx='.8'/>"},
        {"lock", "<rect x='5' y='11' width='14' height='9' rx='1.5'/><path d='M8 11V8a4 4 0 0 1 8 0v3'/>"},
        {"unlock",
         "<rect x='5' y='11' width='14' height='9' rx='1.5'/><path d='M8 11V8a4 4 0 0 1 7.500-2'/>"},
        {"probe", "<circle cx='12' cy='12' r='6'/><path d='M12 2v6M12 16v6M2 12h6M16 12h6'/>"},
        {"export", "<path d='M12 15V3M8 7l4-4 4 4'/><path d='M4 14v6h16v-6'/>"},
        {"close", "<path d='M6 6l12 12M18 6L6 18'/>"},
        {"info", "<circle cx='12' cy='12' r='9'/><path d='M12 11v6M12 7.500v.5'/>"},
        {"cancel", "<circle cx='12' cy='12' r='9'/><path d='M8.500 8.500l7 7M15.500 8.500l-7 7'/>"},
        {"scatter",
         "<path d='M4 3v17h17'/><circle cx='9' cy='14' r='1.3'/><circle cx='13' cy='9' r='1.3'/><circle "
         "cx='17' cy='12' r='1.3'/><circle cx='15' cy='16' r='1.3'/><circle cx='9' cy='7' r='1.3'/>"},
        {"gallery", "<rect x='3' y='4' width='18' height='16' rx='1.5'/><path d='M3 12h18M9 4v16M15 4v16'/>"},
        {"chart", "<path d='M4 3v17h17'/><path d='M7 16l4-6 4 3 5-8'/>"},
        {"compare",
         "<rect x='3' y='5' width='18' height='14' rx='1.5'/><path d='M12 2.500v19M15 9h3M15 15h3'/>"},
        {"heat",
         "<rect x='3' y='3' width='18' height='18' rx='1.5'/><path d='M9 3v18M15 3v18M3 9h18M3 15h18'/>"
         "<path d='M4 5h4M4 7h4M10 11h4M10 13h4M16 17h4M16 19h4'/>"},
        {"text", "<path d='M5 6V4h14v2M12 4v16M9 20h6'/>"},
        {"plus", "<path d='M12 5v14M5 12h14'/>"},
        {"sliders",
         "<path d='M4 7h9M17 7h3M4 17h3M11 17h9'/><circle cx='15' cy='7' r='2'/><circle cx='9' cy='17' "
         "r='2'/>"},
        {"warning", "<path d='M12 3.500L22 20H2z'/><path d='M12 10v4.500M12 17v.5'/>"},
        {"fit", "<path d='M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5'/>"},
        {"link",
         "<path d='M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.700-5.700l-1.500 1.500'/><path d='M14 10a4 4 0 0 "
         "0-6-.4l-3 3a4 4 0 0 0 5.700 5.700l1.500-1.500'/>"},
        {"cube",
         "<path d='M12 3l8 4.500v9L12 21l-8-4.500v-9z'/><path d='M4 7.500l8 4.500 8-4.500M12 12v9'/>"},
        {"camera",
         "<path d='M4 8h3l2-3h6l2 3h3a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V9a1 1 0 0 1 "
         "1-1z'/><circle "
         "cx='12' cy='13' r='3.500'/>"},
        {"copy",
         "<rect x='8' y='8' width='12' height='12' rx='1.500'/><path d='M16 8V5.500A1.500 1.500 0 0 0 14.500 "
         "4h-9A1.500 "
         "1.500 0 0 0 4 5.500v9A1.500 1.500 0 0 0 5.500 16H8'/>"},
        {"play", "<path d='M7 4l13 8-13 8z'/>"},
    };
    return table;
}

// Draws in the palette's current text colour, so that a theme change needs no new icons.
class LineIconEngine : public QIconEngine {
  public:
    explicit LineIconEngine(QString name) : name_(std::move(name)) {}
    void paint(QPainter* painter, const QRect& rect, QIcon::Mode mode, QIcon::State state) override {
        const ThemeColors& colors = Theme::instance().colors();
        const QColor color = mode == QIcon::Disabled ? colors.disabledText
                             : state == QIcon::On    ? colors.accent
                                                     : colors.text;
        const double ratio = painter->device() ? painter->device()->devicePixelRatioF() : 1.0;
        painter->drawPixmap(rect, iconPixmap(name_, color, std::min(rect.width(), rect.height()), ratio));
    }
    QPixmap pixmap(const QSize& size, QIcon::Mode mode, QIcon::State state) override {
        QPixmap pixmap(size);
        pixmap.fill(Qt::transparent);
        QPainter painter(&pixmap);
        paint(&painter, QRect(QPoint(), size), mode, state);
        return pixmap;
    }
    QIconEngine* clone() const override { return new LineIconEngine(name_); }

  private:
    QString name_;
};

}  // namespace

QPixmap iconPixmap(const QString& name, const QColor& color, int side, double devicePixelRatio) {
    const int pixels = std::max(1, int(side * devicePixelRatio));
    QPixmap pixmap(pixels, pixels);
    pixmap.fill(Qt::transparent);
    const auto drawing = drawings().constFind(name);
    if (drawing == drawings().constEnd())
        return pixmap;
    const QString svg = QStringLiteral(
                            "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' fill='none' "
                            "stroke='%1' stroke-width='1.7' stroke-linecap='round' "
                            "stroke-linejoin='round'>%2</svg>")
                            .arg(color.name(), *drawing);
    QSvgRenderer renderer(svg.toUtf8());
    QPainter painter(&pixmap);
    renderer.render(&painter, QRectF(0, 0, pixels, pixels));
    painter.end();
    pixmap.setDevicePixelRatio(devicePixelRatio);
    return pixmap;
}

QIcon themedIcon(const QString& name) {
    return drawings().contains(name) ? QIcon(new LineIconEngine(name)) : QIcon();
}

}  // namespace vitrine
