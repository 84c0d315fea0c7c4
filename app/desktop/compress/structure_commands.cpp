// Commands of the Structures page.
#include "app/desktop/compress/compress_masks.h"
#include "app/desktop/compress/compress_texts.h"
#include "app/desktop/compress/compress_workspace.h"
#include "app/desktop/compress/structure_desk.h"
#include "widgets/shell/command_arguments.h"
#include "widgets/shell/main_window.h"

namespace vitrine {
namespace {

Json shareArgument(const char* description) {
    return {{"type", "number"}, {"minimum", 0}, {"description", description}};
}

}  // namespace

void CompressWorkspace::wireStructures() {
    connect(structures_, &StructureDesk::failed, this,
            [this](const QString& message) { window_->toasts().show(ToastKind::Error, message); });
    connect(structures_, &StructureDesk::said, this,
            [this](const QString& message) { window_->toasts().show(ToastKind::Info, message); });
    connect(structures_, &StructureDesk::cutRequested, this,
            [this] { window_->commands().run("compress.pruneCut"); });
    connect(structures_, &StructureDesk::searchRequested, this,
            [this] { window_->commands().run("compress.searchBlocks"); });
    connect(structures_, &StructureDesk::budgetRequested, this, [this](double budget) {
        window_->commands().run("compress.budget", {{"budget", budget}});
    });
    connect(structures_, &StructureDesk::chunkRequested, this, [this](int chunk) {
        window_->commands().run("compress.chunk", {{"chunk", chunk}});
    });
    connect(structures_, &StructureDesk::unitLayerRequested, this, [this](const QString& name) {
        window_->commands().run("compress.unitLayer", {{"layer", name.toStdString()}});
    });
    connect(structures_, &StructureDesk::runChanged, this, [this] {
        const auto run = structures_->run();
        masks_->setFrames(run ? run->frames : std::vector<MaskChoice>(),
                          run ? QString::fromStdString(run->model) : QString());
    });
    connect(structures_, &StructureDesk::maskWanted, this,
            [this](const QString& model, const MaskChoice& frame, const MaskChoice& before) {
                if (!isSamePath(modelPath_, model))
                    openModel(model);
                window_->commands().run(
                    "compress.mask",
                    {{"mask", frame.title.toStdString()},
                     {"other", before.title.isEmpty() ? "nothing" : before.title.toStdString()},
                     {"colors", before.title.isEmpty() ? "patterns" : "difference"}});
            });
}

void CompressWorkspace::declareStructureCommands(CommandCenter& commands) {
    commands.add({"compress.structures",
                  "Show a run that cut, searched, learnt masks, many sizes or chunk by chunk",
                  {},
                  "chart",
                  argumentSchema({{"run", textArgument("its id or name; empty: as it is")},
                                  {"view", textArgument("cut, depth, removal, curves, units or flow; memory, "
                                                        "time, batches or additivity of a puzzle")}}),
                  [this](const Json& arguments) -> Result<void> {
                      if (arguments.contains("run"))
                          VITRINE_TRY_VOID(structures_->open(arguments["run"].get<std::string>()));
                      if (arguments.contains("view"))
                          VITRINE_TRY_VOID(structures_->showView(arguments["view"].get<std::string>()));
                      return showPage("structures");
                  }});
    commands.add({"compress.cut",
                  "Move the cut through the structures of a model",
                  {},
                  "sliders",
                  argumentSchema({{"width", countArgument("channels that stay; 0: all")},
                                  {"heads", countArgument("query heads of each layer")},
                                  {"intermediate", countArgument("neurons of each layer")},
                                  {"depth", countArgument("blocks")}}),
                  [this](const Json& arguments) -> Result<void> {
                      StructureCut cut;
                      cut.width = arguments.value("width", 0);
                      cut.heads = arguments.value("heads", 0);
                      cut.intermediate = arguments.value("intermediate", 0);
                      cut.depth = arguments.value("depth", 0);
                      structures_->structures()->setCut(cut);
                      return showPage("structures");
                  }});
    commands.add({"compress.pruneCut",
                  "Prune the model as the cut says, from the stored ranking",
                  {},
                  "play",
                  {},
                  [this](const Json&) { return structures_->queueCut(); }});
    commands.add({"compress.architecture",
                  "Draw an architecture of a search",
                  {},
                  "model",
                  argumentSchema({{"name", textArgument("as the run names it")}}),
                  [this](const Json& arguments) -> Result<void> {
                      VITRINE_TRY_VOID(structures_->puzzle()->choose(
                          QString::fromStdString(arguments.value("name", std::string()))));
                      return showPage("structures");
                  }});
    commands.add({"compress.solve",
                  "Search the blocks of a puzzle run again under other budgets",
                  {},
                  "sliders",
                  argumentSchema({{"parameters", shareArgument("of the parent's, at most; 0: no limit")},
                                  {"bytes", shareArgument("weights and cache, of the parent's, at most")},
                                  {"prompt_time", shareArgument("of the parent's, at most")},
                                  {"speed", shareArgument("tokens a second, times the parent's, at least")},
                                  {"batches", Json{{"type", "array"},
                                                   {"items", {{"type", "integer"}, {"minimum", 1}}},
                                                   {"description", "sequences at once that are tried"}}}}),
                  [this](const Json& arguments) -> Result<void> {
                      structures_->puzzle()->setBudgets(
                          {arguments.value("parameters", 0.0), arguments.value("bytes", 0.0),
                           arguments.value("prompt_time", 0.0), arguments.value("speed", 0.0),
                           arguments.value("batches", std::vector<qint64>())});
                      return showPage("structures");
                  }});
    commands.add({"compress.searchBlocks",
                  "Make and distil the architecture under the budgets of the sliders",
                  {},
                  "play",
                  {},
                  [this](const Json&) { return structures_->queueSearch(); }});
    commands.add(
        {"compress.budget",
         "Show an elastic model at a budget",
         {},
         "model",
         argumentSchema({{"budget", Json{{"type", "number"}, {"description", "as the run has it, 0 to 1"}}}}),
         [this](const Json& arguments) -> Result<void> {
             VITRINE_TRY_VOID(structures_->elastic()->choose(arguments.value("budget", 1.0)));
             return showPage("structures");
         }});
    commands.add({"compress.chunk",
                  "Show a network as a chunk of its data left it",
                  {},
                  "model",
                  argumentSchema({{"chunk", countArgument("from 0")}}),
                  [this](const Json& arguments) -> Result<void> {
                      VITRINE_TRY_VOID(structures_->incremental()->choose(arguments.value("chunk", 0)));
                      return showPage("structures");
                  }});
    commands.add({"compress.unitLayer",
                  "Show which units of a layer were in use while it learnt, and where they went",
                  {},
                  "model",
                  argumentSchema({{"layer", textArgument("as the run names it; empty: all layers")}}),
                  [this](const Json& arguments) -> Result<void> {
                      VITRINE_TRY_VOID(structures_->chooseUnitLayer(
                          QString::fromStdString(arguments.value("layer", std::string()))));
                      return showPage("structures");
                  }});
    commands.add({"compress.frame",
                  "Show learnt masks as they were at a step",
                  {},
                  "image",
                  argumentSchema({{"step", countArgument("the newest frame up to it")}}),
                  [this](const Json& arguments) -> Result<void> {
                      structures_->history()->setStep(arguments.value("step", int64_t(0)));
                      return {};
                  }});
}

}  // namespace vitrine
