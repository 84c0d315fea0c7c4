// Commands of the pages of the Compress workspace: masks, layers, texts.
#include "app/desktop/compress/compress_layers.h"
#include "app/desktop/compress/compress_masks.h"
#include "app/desktop/compress/compress_texts.h"
#include "app/desktop/compress/compress_workspace.h"
#include "app/desktop/compress/dependency_desk.h"
#include "app/desktop/compress/what_if_desk.h"
#include "widgets/shell/command_arguments.h"
#include "widgets/shell/main_window.h"

#include <QTabWidget>

namespace vitrine {
namespace {

Json numbers(const char* description) {
    return {
        {"type", "array"}, {"items", {{"type", "integer"}, {"minimum", 0}}}, {"description", description}};
}

}  // namespace

void CompressWorkspace::declareMaskCommands(CommandCenter& commands) {
    commands.add(
        {"compress.mask",
         "Show a tensor's mask",
         {},
         "heat",
         argumentSchema({{"tensor", textArgument("name of a matrix; empty: as it is")},
                         {"mask", textArgument("as the list names it: a plan, magnitude 2:4, ...")},
                         {"other", textArgument("to compare with; nothing: none")},
                         {"colors", textArgument("patterns, kept, dropped, weights or difference")}}),
         [this](const Json& arguments) -> Result<void> {
             if (modelPath_.isEmpty())
                 return fail(ErrorCode::InvalidArgument, "no model is open", "compress",
                             "Open one, or drop it on the window");
             VITRINE_TRY_VOID(masks_->choose(textIn(arguments, "tensor"), textIn(arguments, "mask"),
                                             textIn(arguments, "other"), textIn(arguments, "colors")));
             return showPage("masks");
         }});
    commands.add({"compress.group",
                  "Go to a group of four of the shown mask",
                  {},
                  "probe",
                  argumentSchema({{"row", {{"type", "integer"}, {"minimum", 0}}},
                                  {"group", {{"type", "integer"}, {"minimum", 0}}}}),
                  [this](const Json& arguments) -> Result<void> {
                      if (!maskPanel_->view())
                          return fail(ErrorCode::InvalidArgument, "no mask is shown", "compress",
                                      "Open a model first");
                      maskPanel_->showGroup(arguments.value("row", int64_t(0)),
                                            arguments.value("group", int64_t(0)));
                      return {};
                  }});
    commands.add({"compress.saveMask",
                  "Save the shown mask (PNG) or its patterns (CSV)",
                  {},
                  "export",
                  argumentSchema({{"path", textArgument("PNG or CSV file")}}),
                  [this](const Json& arguments) -> Result<void> {
                      if (!arguments.contains("path"))
                          return saveMaskAs();
                      const std::string path = arguments["path"];
                      VITRINE_TRY_VOID(masks_->save(path));
                      window_->toasts().show(ToastKind::Success,
                                             tr("Saved %1").arg(QString::fromStdString(path)));
                      return {};
                  }});
}

void CompressWorkspace::declarePageCommands(CommandCenter& commands) {
    commands.add({"compress.layers",
                  "Show the layers of a plan",
                  {},
                  "chart",
                  argumentSchema({{"plan", textArgument("its name; empty: as it is")},
                                  {"layer", textArgument("whose spectrum is shown; empty: as it is")},
                                  {"rank", {{"type", "integer"}, {"minimum", 0}}}}),
                  [this](const Json& arguments) -> Result<void> {
                      if (arguments.contains("plan"))
                          VITRINE_TRY_VOID(layers_->choose(textIn(arguments, "plan")));
                      if (arguments.contains("layer"))
                          VITRINE_TRY_VOID(layersView_->chooseLayer(textIn(arguments, "layer")));
                      if (arguments.contains("rank"))
                          layersView_->setRank(arguments["rank"].get<int64_t>());
                      return showPage("layers");
                  }});
    commands.add(
        {"compress.saveLayers",
         "Save layers (CSV) or a chart of them (PNG, SVG, CSV)",
         {},
         "export",
         argumentSchema({{"part", textArgument("layers, errors, spectrum, energy, rank, ranges or speed")},
                         {"path", textArgument("file")}}),
         [this](const Json& arguments) { return saveLayers(arguments); }});
    commands.add({"compress.write",
                  "Let two models write on from one prompt",
                  {},
                  "text",
                  argumentSchema({{"prompt", textArgument("empty: as it is")},
                                  {"left", textArgument("as the list names it: dense: NAME, a plan")},
                                  {"right", textArgument("as the list names it")},
                                  {"tokens", {{"type", "integer"}, {"minimum", 1}}}}),
                  [this](const Json& arguments) -> Result<void> {
                      WriteSettings settings = writeView_->settings();
                      if (arguments.contains("prompt"))
                          settings.prompt = textIn(arguments, "prompt");
                      settings.tokens = int(arguments.value("tokens", int64_t(settings.tokens)));
                      writeView_->setSettings(settings);
                      for (const int side : {0, 1})
                          if (const char* key = side == 0 ? "left" : "right"; arguments.contains(key))
                              writeView_->setWriter(side, textIn(arguments, key));
                      VITRINE_TRY_VOID(write_->write());
                      return showPage("write");
                  }});
    commands.add({"compress.stopWriting",
                  "Stop the models that write",
                  {},
                  "cancel",
                  {},
                  [this](const Json&) -> Result<void> {
                      write_->stop();
                      return {};
                  }});
    commands.add({"compress.dependencies",
                  "Show what goes with a channel, head or hidden unit",
                  {},
                  "grid1",
                  argumentSchema({{"kind", textArgument("channel, head or neuron")},
                                  {"layer", countArgument("from 0 on")},
                                  {"number", countArgument("from 0 on")}}),
                  [this](const Json& arguments) { return showDependencies(arguments); }});
    commands.add({"compress.whatIf",
                  "Switch parts of the open model off and see what it says or sees",
                  {},
                  "probe",
                  argumentSchema({{"text", textArgument("empty: as it is")},
                                  {"attention", numbers("layers whose attention is off")},
                                  {"feedForward", numbers("layers whose feed-forward part is off")},
                                  {"heads", {{"type", "array"}, {"items", numbers("layer, head")}}},
                                  {"masks", textArgument("a plan whose masks are laid over the weights")},
                                  {"weights", textArgument("a plan whose packed weights are used")},
                                  {"rank", {{"type", "integer"}, {"minimum", 0}}},
                                  {"picture", textArgument("of an encoder; empty: as it is")},
                                  {"tokens",
                                   {{"type", "number"},
                                    {"minimum", 0.1},
                                    {"maximum", 1},
                                    {"description", "of an encoder: part of the patches that stays"}}},
                                  {"tokenMethod", textArgument("merge, attention, norm or random")}}),
                  [this](const Json& arguments) { return whatIf(arguments); }});
}

Result<void> CompressWorkspace::showDependencies(const Json& arguments) {
    const std::string kind = arguments.value("kind", std::string("neuron"));
    using Kind = StructureQuestion::Kind;
    for (const auto& [name, value] : {std::pair("channel", Kind::Channel), std::pair("head", Kind::Head),
                                      std::pair("neuron", Kind::Neuron)})
        if (kind == name) {
            dependencyView_->setStructure(value, arguments.value("layer", dependencyView_->layer()),
                                          arguments.value("number", dependencyView_->number()));
            dependencies_->ask();
            return showPage("dependencies");
        }
    return fail(ErrorCode::InvalidArgument, fmt::format("no structure \"{}\"", kind), "kind",
                "channel, head or neuron");
}

Result<void> CompressWorkspace::whatIf(const Json& arguments) {
    Switches off;
    for (const int64_t layer : arguments.value("attention", std::vector<int64_t>()))
        off.attentionOff.insert(layer);
    for (const int64_t layer : arguments.value("feedForward", std::vector<int64_t>()))
        off.feedForwardOff.insert(layer);
    for (const auto& head : arguments.value("heads", std::vector<std::vector<int64_t>>())) {
        if (head.size() != 2)
            return fail(ErrorCode::InvalidArgument, "a head is named by its layer and its number", "heads",
                        "Such as [[0, 3], [2, 1]]");
        off.headsOff.insert({head[0], head[1]});
    }
    if (arguments.contains("text"))
        whatIfView_->setText(textIn(arguments, "text"));
    whatIfView_->switches()->setSwitches(off);
    whatIfView_->chooseMasks(textIn(arguments, "masks"));
    whatIfView_->chooseCompressed(textIn(arguments, "weights"));
    if (arguments.contains("rank"))
        whatIfView_->setRank(int(arguments["rank"].get<int64_t>()));
    if (arguments.contains("tokens") || arguments.contains("tokenMethod"))
        whatIfView_->setTokens(arguments.value("tokens", whatIfView_->tokens()),
                               textIn(arguments, "tokenMethod"));
    if (arguments.contains("picture"))
        whatIfView_->picture()->setPicture(textIn(arguments, "picture"));
    whatIf_->ask();
    return showPage("what if");
}

Result<void> CompressWorkspace::showPage(const std::string& page) {
    std::vector<std::string> names;
    for (int index = 0; index < pages_->count(); ++index) {
        names.push_back(pages_->widget(index)->objectName().mid(8).toLower().toStdString());
        if (names.back() == page || pages_->tabText(index).toLower().toStdString() == page) {
            pages_->setCurrentIndex(index);
            window_->showWorkspace(name());
            return {};
        }
    }
    return fail(ErrorCode::NotFound, fmt::format("there is no page \"{}\"", page), "name",
                fmt::format("One of: {}", fmt::join(names, ", ")));
}

}  // namespace vitrine
