#include "widgets/shell/about_page.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QHeaderView>
#include <QLabel>
#include <QPushButton>
#include <QTreeWidget>
#include <QVBoxLayout>

namespace vitrine {

AboutPage::AboutPage(const QList<QPair<QString, QString>>& facts, const QList<PluginLine>& plugins,
                     QWidget* parent)
    : QDialog(parent) {
    setWindowTitle(tr("About Vitrine"));
    setObjectName("aboutPage");
    resize(680, 520);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(20, 18, 20, 16);
    layout->setSpacing(10);
    auto* heading = new QLabel(tr("Vitrine"));
    heading->setProperty("role", "heading");
    layout->addWidget(heading);
    layout->addWidget(new QLabel(tr("A workbench that shows what is inside vision encoders.")));
    QString report = "Vitrine\n", rows;
    for (const auto& [name, value] : facts) {
        rows += QStringLiteral("<tr><td style='padding-right:18px'>%1</td><td>%2</td></tr>")
                    .arg(name.toHtmlEscaped(), value.toHtmlEscaped());
        report += name + ": " + value + "\n";
    }
    auto* table = new QLabel("<table>" + rows + "</table>");
    table->setTextInteractionFlags(Qt::TextSelectableByMouse);
    layout->addWidget(table);
    auto* section = new QLabel(tr("PLUGINS"));
    section->setProperty("role", "section");
    layout->addWidget(section);
    auto* tree = new QTreeWidget;
    tree->setObjectName("pluginTree");
    tree->setRootIsDecorated(false);
    tree->setHeaderLabels({tr("Name"), tr("Kind"), tr("Version"), tr("Authors"), tr("State")});
    tree->header()->setSectionResizeMode(0, QHeaderView::Stretch);
    for (const PluginLine& plugin : plugins) {
        new QTreeWidgetItem(tree, {plugin.name, plugin.kind, plugin.version, plugin.authors, plugin.state});
        report += QStringLiteral("plugin %1 (%2) %3: %4\n")
                      .arg(plugin.name, plugin.kind, plugin.version, plugin.state);
    }
    layout->addWidget(tree, 1);
    auto* copy = new QPushButton(tr("Copy report"));
    copy->setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    layout->addWidget(copy, 0, Qt::AlignRight);
    connect(copy, &QPushButton::clicked, this, [report] { QGuiApplication::clipboard()->setText(report); });
}

}  // namespace vitrine
