// The commands of the Inspect workspace.
#include "app/desktop/inspect/analysis/analysis_workbench.h"
#include "app/desktop/inspect/clouds/cloud_workbench.h"
#include "app/desktop/inspect/inspect_panel.h"
#include "app/desktop/inspect/inspect_workspace.h"
#include "widgets/gallery/gallery_model.h"
#include "widgets/shell/main_window.h"

#include <QAbstractButton>
#include <QFileDialog>
#include <QLineEdit>

namespace vitrine {
namespace {

Json objectSchema(const Json& properties, const Json& required = Json::array()) {
    return {{"type", "object"},
            {"properties", properties},
            {"required", required},
            {"additionalProperties", true}};
}

}  // namespace

void InspectWorkspace::applyPanelCommand(const Json& arguments) {
    const int index = int(arguments.value("panel", 1)) - 1;
    if (index < 0 || index >= controller_->panelCount())
        return;
    // Fields that are not given keep their value.
    Json merged = controller_->panel(index).toJson();
    for (const auto& [key, value] : arguments.items())
        if (key != "panel")
            merged[key] = value;
    controller_->setPanel(index, PanelState::fromJson(merged));
}

void InspectWorkspace::declareCommands(CommandCenter& commands) {
    const auto add = [&](const char* name, const char* summary, const char* keys, const char* icon,
                         std::function<void()> act) {
        commands.add({name,
                      summary,
                      QKeySequence(keys),
                      icon,
                      {},
                      [act = std::move(act)](const Json&) -> Result<void> {
                          act();
                          return {};
                      }});
    };
    commands.add(
        {"inspect.layout",
         "Choose how many viewports are shown",
         {},
         "grid4",
         objectSchema({{"panels", {{"type", "integer"}, {"minimum", 1}, {"maximum", 6}}}}, {"panels"}),
         [this](const Json& arguments) -> Result<void> {
             setPanelCount(arguments["panels"].get<int>());
             return {};
         }});
    commands.add(
        {"inspect.panel",
         "Set what a viewport shows",
         {},
         "inspect",
         objectSchema(
             {{"panel", {{"type", "integer"}, {"minimum", 1}, {"maximum", 6}}},
              {"kind", {{"type", "string"}, {"description", "image, input, pca, similarity, …"}}},
              {"upsampler", {{"type", "string"}, {"description", "a name, or the folder of a trained one"}}}},
             {"panel"}),
         [this](const Json& arguments) -> Result<void> {
             applyPanelCommand(arguments);
             return {};
         }});
    commands.add(
        {"inspect.openUpsampler",
         "Enlarge the active viewport's map with a trained upsampler (FeatSharp folder)",
         {},
         "folder",
         objectSchema({{"path", {{"type", "string"}, {"description", "folder"}}}}),
         [this](const Json& arguments) -> Result<void> {
             const auto choose = [this](const std::string& path) {
                 window_->commands().run("inspect.panel", {{"panel", active_ + 1}, {"upsampler", path}});
             };
             if (arguments.contains("path")) {
                 choose(arguments["path"]);
                 return {};
             }
             auto* dialog = new QFileDialog(this, tr("Open a trained upsampler"));
             dialog->setFileMode(QFileDialog::Directory);
             dialog->setAttribute(Qt::WA_DeleteOnClose);
             connect(dialog, &QFileDialog::fileSelected, this,
                     [choose](const QString& path) { choose(path.toStdString()); });
             dialog->open();
             return {};
         }});
    commands.add({"inspect.probe",
                  "Probe a point of the picture",
                  {},
                  "probe",
                  objectSchema({{"x", {{"type", "number"}, {"description", "picture pixels"}}},
                                {"y", {{"type", "number"}, {"description", "picture pixels"}}}},
                               {"x", "y"}),
                  [this](const Json& arguments) -> Result<void> {
                      const QPointF at(arguments["x"].get<double>(), arguments["y"].get<double>());
                      link_.setProbe(at);
                      controller_->setProbe(at);
                      return {};
                  }});
    commands.add({"inspect.text",
                  "Ask for a text in the picture",
                  {},
                  "text",
                  objectSchema({{"text", {{"type", "string"}}}}, {"text"}),
                  [this](const Json& arguments) -> Result<void> {
                      const QString text = QString::fromStdString(arguments["text"].get<std::string>());
                      textEdit_->setText(text);
                      controller_->setText(text);
                      return {};
                  }});
    commands.add(
        {"inspect.select",
         "Show a picture of the gallery",
         {},
         "image",
         objectSchema({{"name", {{"type", "string"}, {"description", "path or end of a path"}}}}, {"name"}),
         [this](const Json& arguments) -> Result<void> {
             const QString name = QString::fromStdString(arguments["name"].get<std::string>());
             for (const QString& path : galleryModel_->allPaths())
                 if (path == name || path.endsWith("/" + name)) {
                     selection_.select({path}, "command");
                     return {};
                 }
             return fail(ErrorCode::NotFound, "the gallery holds no such picture", name.toStdString());
         }});
    add("view.fit", "Fit the picture into the view", "F", "fit", [this] { link_.fit(); });
    add("view.actualSize", "Show one picture pixel per screen pixel", "Z", "image", [this] {
        if (!panels_.isEmpty())
            panels_[active_]->view()->zoomToActualPixels();
    });
    add("inspect.next", "Next picture", "PgDown", "image", [this] { stepPicture(1); });
    add("inspect.previous", "Previous picture", "PgUp", "image", [this] { stepPicture(-1); });
    add("inspect.clearProbe", "Remove the probe", "Escape", "probe", [this] {
        link_.setProbe(std::nullopt);
        controller_->setProbe(std::nullopt);
    });
    add("inspect.probeFollows", "Let the probe follow the mouse", "H", "probe",
        [this] { probeFollowsMouse_ = !probeFollowsMouse_; });
    add("inspect.controls", "Show the controls of the active viewport", "C", "plus", [this] {
        if (auto* button = findChild<QAbstractButton*>(QStringLiteral("controls%1").arg(active_ + 1)))
            button->toggle();
    });
    add("inspect.goTo", "Go to a picture by its name", "Ctrl+G", "search", [this] {
        if (auto* filter = findChild<QLineEdit*>("galleryFilter")) {
            filter->setFocus();
            filter->selectAll();
        }
    });
    add("inspect.textField", "Go to the text query", "T", "text", [this] { textEdit_->setFocus(); });
    add("inspect.rerun", "Make the active viewport's map again", "F5", "play",
        [this] { controller_->remake(active_); });
    commands.add({"inspect.lockBasis", "Lock or unlock the PCA basis of all viewports", QKeySequence("L"),
                  "lock", objectSchema({{"lock", {{"type", "boolean"}}}}),
                  [this](const Json& arguments) -> Result<void> {
                      if (arguments.value("lock", !controller_->basisLocked()))
                          controller_->lockBasis(active_);
                      else
                          controller_->unlockBasis();
                      return {};
                  }});
    declareFigureCommands(commands);
    clouds_->declareCommands();
    analyses_->declareCommands();
    buildToolbar();
    setPanelCount(4);
    for (const char* name :
         {"inspect.next", "inspect.previous", "inspect.goTo", "inspect.clearProbe", "inspect.controls",
          "inspect.textField", "inspect.rerun", "view.actualSize", "inspect.embed"})
        addAction(commands.action(name, this));
}

}  // namespace vitrine
