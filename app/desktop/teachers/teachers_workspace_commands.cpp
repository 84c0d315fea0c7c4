// The commands of the Teachers workspace.
#include "app/desktop/teachers/cloud_style.h"
#include "app/desktop/teachers/teachers_workspace.h"
#include "core/base/file.h"
#include "widgets/shell/command_arguments.h"
#include "widgets/shell/main_window.h"
#include "widgets/teachers/statistics_charts.h"

#include <QBuffer>
#include <QClipboard>
#include <QFileDialog>
#include <QGuiApplication>
#include <QMenu>
#include <QTabWidget>
#include <algorithm>
#include <array>

namespace vitrine {
namespace {

constexpr std::array<const char*, 4> kPages{"statistics", "covariance", "cloud", "errors"};

ErrorChannels errorChannelsFromJson(const Json& arguments) {
    return {arguments.value("first", -1), arguments.value("second", -1)};
}

std::string partOf(const Json& arguments) {
    return arguments.value("part", std::string("table"));
}

}  // namespace

void TeachersWorkspace::declareCommands(CommandCenter& commands) {
    const Json part{
        {"part",
         textArgument("table, spectrum, variances, balance, histogram, covariance, cloud or errors")}};
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
    declareViewCommands(commands);
    connect(&commands, &CommandCenter::projectChanged, this, &TeachersWorkspace::followProject);
    followProject();
}

// What of a run is looked at, and how.
void TeachersWorkspace::declareViewCommands(CommandCenter& commands) {
    commands.add({"teachers.normalizer",
                  "Choose the normaliser of everything after",
                  {},
                  "chart",
                  argumentSchema({{"name", textArgument("phi-s, standardise, ...")}}),
                  [this](const Json& arguments) {
                      return setNormalizer(
                          QString::fromStdString(arguments.value("name", std::string("phi-s"))));
                  }});
    commands.add({"teachers.stream",
                  "Choose the features of the covariance, the cloud and the errors",
                  {},
                  "chart",
                  argumentSchema({{"name", textArgument("the teacher, with its layer or adaptor")}}),
                  [this](const Json& arguments) {
                      return setStream(QString::fromStdString(arguments.value("name", std::string())));
                  }});
    commands.add({"teachers.page",
                  "Show statistics, covariance, feature cloud or errors",
                  {},
                  "chart",
                  argumentSchema({{"name", textArgument("statistics, covariance, cloud or errors")}}),
                  [this](const Json& arguments) {
                      return showPage(arguments.value("name", std::string("covariance")));
                  }});
    commands.add({"teachers.covariance",
                  "Show the correlation or the covariance of the channels",
                  {},
                  "chart",
                  argumentSchema({{"values", textArgument("correlation or covariance")}}),
                  [this](const Json& arguments) -> Result<void> {
                      const std::string values = arguments.value("values", std::string("correlation"));
                      if (values != "correlation" && values != "covariance")
                          return fail(ErrorCode::InvalidArgument, fmt::format("there is no \"{}\"", values),
                                      "values", "Give correlation or covariance");
                      covariance_->setShowCorrelation(values == "correlation");
                      return {};
                  }});
    commands.add({"teachers.cloud",
                  "Set how the feature cloud is drawn",
                  {},
                  "chart",
                  argumentSchema({{"colors", textArgument("picture or norm")},
                                  {"axes", textArgument("directions or channels")},
                                  {"scale", textArgument("same or own")}}),
                  [this](const Json& arguments) -> Result<void> {
                      VITRINE_TRY(const FeatureCloudStyle style,
                                  cloudStyleFromJson(arguments, cloud_->style()));
                      space_->setCloudStyle(style);
                      return {};
                  }});
    commands.add({"teachers.errors",
                  "Choose the two channels of the errors",
                  {},
                  "chart",
                  argumentSchema({{"first", countArgument("channel of the x axis; without: automatic")},
                                  {"second", countArgument("channel of the y axis; without: automatic")}}),
                  [this](const Json& arguments) -> Result<void> {
                      space_->setErrorChannels(errorChannelsFromJson(arguments));
                      return {};
                  }});
}

Result<void> TeachersWorkspace::setNormalizer(const QString& name) {
    VITRINE_TRY_VOID(checkPart("table"));
    const QStringList names = normalizersOf(controller_->shown()->list);
    if (!names.contains(name))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("these statistics have no normaliser \"{}\"", name.toStdString()), "name",
                    "One of: " + names.join(", ").toStdString());
    normalizer_ = name;
    refreshStream();
    return {};
}

Result<void> TeachersWorkspace::setStream(const QString& name) {
    VITRINE_TRY_VOID(checkPart("table"));
    if (!streamNames().contains(name))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("these statistics have no features \"{}\"", name.toStdString()), "name",
                    "One of: " + streamNames().join("; ").toStdString());
    stream_ = name;
    refreshStream();
    return {};
}

Result<void> TeachersWorkspace::showPage(const std::string& page) {
    const auto found = std::find(kPages.begin(), kPages.end(), page);
    if (found == kPages.end())
        return fail(ErrorCode::InvalidArgument, fmt::format("there is no page \"{}\"", page), "name",
                    fmt::format("One of: {}", fmt::join(kPages, ", ")));
    tabs_->setCurrentIndex(int(found - kPages.begin()));
    window_->showWorkspace(name());
    return {};
}

Result<void> TeachersWorkspace::checkPart(const std::string& part) const {
    if (!controller_->shown())
        return fail(ErrorCode::InvalidArgument, "there are no statistics yet", "teachers",
                    "Collect some first");
    const bool covariance = part == "covariance", cloud = part == "cloud", errors = part == "errors";
    if (!covariance && !cloud && !errors && !statisticsPartFromName(part))
        return fail(ErrorCode::InvalidArgument, fmt::format("there is no part \"{}\"", part), "part",
                    "One of: table, spectrum, variances, balance, histogram, covariance, cloud, errors");
    if ((covariance && covariance_->isEmpty()) || (cloud && cloud_->isEmpty()) ||
        (errors && errors_->isEmpty()))
        return fail(ErrorCode::InvalidArgument, fmt::format("no {} is shown yet", part), "part",
                    "Open its page first");
    return {};
}

QString TeachersWorkspace::csvOf(const std::string& part) const {
    return part == "covariance" ? covariance_->toCsv()
           : part == "cloud"    ? cloud_->toCsv()
           : part == "errors"   ? errors_->toCsv()
                                : view_->toCsv(*statisticsPartFromName(part));
}

QImage TeachersWorkspace::imageOf(const std::string& part) const {
    return part == "covariance" ? covariance_->toImage()
           : part == "cloud"    ? cloud_->toImage()
           : part == "errors"   ? errors_->toImage()
                                : view_->toImage(*statisticsPartFromName(part));
}

Result<void> TeachersWorkspace::copy(const Json& arguments, bool picture) {
    const std::string part = partOf(arguments);
    VITRINE_TRY_VOID(checkPart(part));
    if (!picture) {
        QGuiApplication::clipboard()->setText(csvOf(part));
        return {};
    }
    const QImage image = imageOf(part);
    if (image.isNull())
        return fail(ErrorCode::InvalidArgument, "the table is copied as CSV", "part");
    QGuiApplication::clipboard()->setImage(image);
    return {};
}

Result<void> TeachersWorkspace::savePart(const std::string& part, const std::filesystem::path& file) const {
    if (const auto chart = statisticsPartFromName(part))
        return view_->save(*chart, file);
    if (file.extension() == ".csv")
        return writeFileAtomically(file, csvOf(part).toStdString());
    if (file.extension() != ".png")
        return fail(ErrorCode::InvalidArgument, "the ending says what to write", file.string(),
                    "One of: .png, .csv");
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    imageOf(part).save(&buffer, "PNG");
    return writeFileAtomically(file, bytes.toStdString());
}

Result<void> TeachersWorkspace::save(const Json& arguments) {
    const std::string part = partOf(arguments);
    VITRINE_TRY_VOID(checkPart(part));
    if (!arguments.contains("path")) {
        chooseFile(part);
        return {};
    }
    const std::string path = arguments["path"];
    VITRINE_TRY_VOID(savePart(part, path));
    window_->toasts().show(ToastKind::Success, tr("Saved %1").arg(QString::fromStdString(path)));
    return {};
}

void TeachersWorkspace::chooseFile(const std::string& part) {
    const bool table = part == "table", chart = !table && statisticsPartFromName(part);
    auto* dialog = new QFileDialog(window_, tr("Save statistics"), {},
                                   table   ? tr("Tables (*.csv)")
                                   : chart ? tr("Files (*.png *.svg *.csv)")
                                           : tr("Files (*.png *.csv)"));
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->setDefaultSuffix(table ? "csv" : "png");
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QFileDialog::fileSelected, this, [this, part](const QString& file) {
        window_->commands().run("teachers.save", {{"part", part}, {"path", file.toStdString()}});
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

void TeachersWorkspace::showMenu(const std::string& part, QPoint at) {
    auto* menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    for (const char* name : {"teachers.copyCsv", "teachers.copyPicture", "teachers.save"})
        if (part != "table" || std::string_view(name) != "teachers.copyPicture")
            menu->addAction(window_->commands().action(name, menu, {{"part", part}}));
    menu->popup(at);
}

}  // namespace vitrine
