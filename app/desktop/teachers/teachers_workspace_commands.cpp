// The commands of the Teachers workspace.
#include "app/desktop/teachers/teachers_workspace.h"
#include "widgets/shell/command_arguments.h"
#include "widgets/shell/main_window.h"

#include <QClipboard>
#include <QFileDialog>
#include <QGuiApplication>
#include <QMenu>

namespace vitrine {
namespace {

Result<StatisticsPart> partOf(const Json& arguments) {
    return statisticsPartFromName(arguments.value("part", std::string("table")));
}

}  // namespace

void TeachersWorkspace::declareCommands(CommandCenter& commands) {
    const Json part{{"part", textArgument("table, spectrum, variances, balance or histogram")}};
    commands.add({"teachers.collect",
                  "Collect statistics of the chosen teachers",
                  {},
                  "play",
                  {},
                  [this](const Json&) { return controller_->collect(); }});
    commands.add({"teachers.cancel", "Stop collecting statistics", {}, "cancel", {}, [this](const Json&) {
                      return controller_->cancel();
                  }});
    commands.add({"teachers.settings",
                  "Set what statistics are collected of",
                  {},
                  "sliders",
                  Json{{"type", "object"}, {"additionalProperties", true}},
                  [this](const Json& arguments) -> Result<void> {
                      Json merged = controller_->settings().toJson();
                      merged.update(arguments);
                      controller_->setSettings(CollectSettings::fromJson(merged));
                      return {};
                  }});
    commands.add({"teachers.open",
                  "Show the statistics of a run",
                  {},
                  "chart",
                  argumentSchema({{"run", textArgument("its id, or last")}}),
                  [this](const Json& arguments) -> Result<void> {
                      controller_->open(arguments.value("run", std::string("last")));
                      return {};
                  }});
    commands.add({"teachers.normalizer",
                  "Choose the normaliser of the curves after",
                  {},
                  "chart",
                  argumentSchema({{"name", textArgument("phi-s, standardise, ...")}}),
                  [this](const Json& arguments) {
                      return view_->setNormalizer(
                          QString::fromStdString(arguments.value("name", std::string("phi-s"))));
                  }});
    commands.add({"teachers.copyCsv",
                  "Copy statistics as CSV",
                  {},
                  "copy",
                  argumentSchema(part),
                  [this](const Json& arguments) { return copy(arguments, false); }});
    commands.add({"teachers.copyPicture",
                  "Copy a chart of the statistics as a picture",
                  {},
                  "copy",
                  argumentSchema(part),
                  [this](const Json& arguments) { return copy(arguments, true); }});
    Json saved = part;
    saved["path"] = textArgument("PNG, SVG or CSV file");
    commands.add({"teachers.save",
                  "Save statistics (PNG, SVG, CSV)",
                  {},
                  "export",
                  argumentSchema(saved),
                  [this](const Json& arguments) { return save(arguments); }});
    connect(&commands, &CommandCenter::projectChanged, this, &TeachersWorkspace::followProject);
    followProject();
}

Result<void> TeachersWorkspace::needResults() const {
    if (!controller_->shown())
        return fail(ErrorCode::InvalidArgument, "there are no statistics yet", "teachers",
                    "Collect some first");
    return {};
}

Result<void> TeachersWorkspace::copy(const Json& arguments, bool picture) {
    VITRINE_TRY_VOID(needResults());
    VITRINE_TRY(const StatisticsPart part, partOf(arguments));
    if (!picture) {
        QGuiApplication::clipboard()->setText(view_->toCsv(part));
        return {};
    }
    const QImage image = view_->toImage(part);
    if (image.isNull())
        return fail(ErrorCode::InvalidArgument, "the table is copied as CSV", "part");
    QGuiApplication::clipboard()->setImage(image);
    return {};
}

Result<void> TeachersWorkspace::save(const Json& arguments) {
    VITRINE_TRY_VOID(needResults());
    VITRINE_TRY(const StatisticsPart part, partOf(arguments));
    if (!arguments.contains("path")) {
        chooseFile(part);
        return {};
    }
    const std::string path = arguments["path"];
    VITRINE_TRY_VOID(view_->save(part, path));
    window_->toasts().show(ToastKind::Success, tr("Saved %1").arg(QString::fromStdString(path)));
    return {};
}

void TeachersWorkspace::chooseFile(StatisticsPart part) {
    auto* dialog = new QFileDialog(
        window_, tr("Save statistics"), {},
        part == StatisticsPart::Table ? tr("Tables (*.csv)") : tr("Files (*.png *.svg *.csv)"));
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->setDefaultSuffix(part == StatisticsPart::Table ? "csv" : "png");
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QFileDialog::fileSelected, this, [this, part](const QString& file) {
        window_->commands().run("teachers.save",
                                {{"part", statisticsPartName(part)}, {"path", file.toStdString()}});
    });
    dialog->open();
}

void TeachersWorkspace::chooseInput(bool model) {
    auto* dialog =
        new QFileDialog(window_, model ? tr("Add a model folder") : tr("Add a folder of pictures"));
    dialog->setFileMode(QFileDialog::Directory);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QFileDialog::fileSelected, this, [this, model](const QString& path) {
        CollectSettings settings = controller_->settings();
        settings.add(path, model);
        controller_->setSettings(settings);
    });
    dialog->open();
}

void TeachersWorkspace::showMenu(StatisticsPart part, QPoint at) {
    auto* menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    for (const char* name : {"teachers.copyCsv", "teachers.copyPicture", "teachers.save"})
        if (part != StatisticsPart::Table || std::string_view(name) != "teachers.copyPicture")
            menu->addAction(window_->commands().action(name, menu, {{"part", statisticsPartName(part)}}));
    menu->popup(at);
}

}  // namespace vitrine
