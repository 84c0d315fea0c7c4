// What runs here: version, libraries, display, plugins with their state; one button copies it all.
#pragma once

#include <QDialog>

namespace vitrine {

struct PluginLine {
    QString name, kind, version, authors, state;  // state: "loaded", or why it is off
};

class AboutPage : public QDialog {
    Q_OBJECT
  public:
    // `facts`: name and value pairs of the program (version, engine, devices).
    AboutPage(const QList<QPair<QString, QString>>& facts, const QList<PluginLine>& plugins, QWidget* parent);
};

}  // namespace vitrine
