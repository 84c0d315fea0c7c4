#include "core/commands/runs_commands.h"

namespace vitrine {
namespace {

Json object(Json properties, Json required = Json::array()) {
    return {{"type", "object"}, {"properties", std::move(properties)}, {"required", std::move(required)}};
}
Json text(const char* description) {
    return {{"type", "string"}, {"description", description}};
}
Json flag(const char* description) {
    return {{"type", "boolean"}, {"default", false}, {"description", description}};
}
Json list(const char* description) {
    return {{"type", "array"},
            {"items", {{"type", "string"}}},
            {"default", Json::array()},
            {"description", description}};
}
Json choice(std::vector<std::string> names, const char* description) {
    return {{"type", "string"}, {"enum", names}, {"default", names[0]}, {"description", description}};
}
Json count(int64_t fallback, const char* description) {
    return {{"type", "integer"}, {"minimum", 0}, {"default", fallback}, {"description", description}};
}

void declare(CommandRegistry& registry, const char* name, const char* summary, Json arguments,
             std::vector<std::string> positional, const char* help = "",
             CommandHome home = CommandHome::Core) {
    registry.declare({name, summary, std::move(arguments), std::move(positional), home, help});
}

const char* const kRuns = "Ids of runs, their first letters, or \"last\"";
const char* const kFilter = "Take every run that passes this filter";
const char* const kFilterHelp =
    "Filters: status = finished and metrics.loss < 0.3 or tag = best; fields are id name kind status device "
    "notes error sweep parent tag starred seed created started ended duration, params.KEY and metrics.KEY; "
    "~ means contains; a bare word is looked for in names, notes and tags.\n";

void declareProject(CommandRegistry& registry) {
    declare(
        registry, "project.create", "Make a project folder",
        object({{"folder", text("Folder to make")}, {"name", text("Name shown in the window")}}, {"folder"}),
        {"folder"});
    declare(registry, "project.info", "Show what a project holds and check its database",
            object({{"check", flag("Check the integrity of the whole database")}}), {});
}

void declareReading(CommandRegistry& registry) {
    declare(registry, "runs.list", "List runs",
            object({{"filter", text("Which runs; see below")},
                    {"sort",
                     {{"type", "string"},
                      {"default", "created"},
                      {"description", "Field, params.KEY or metrics.KEY to sort by"}}},
                    {"ascending", flag("Smallest first")},
                    {"group", text("Field or key whose equal values come together")},
                    {"columns", list("params.KEY and metrics.KEY to show")},
                    {"limit", count(50, "At most so many; 0: all")},
                    {"trash", flag("Show the trash")}}),
            {"filter"}, kFilterHelp);
    declare(registry, "runs.show", "Show one run: settings, metrics, files, environment, events",
            object({{"run", text(kRuns)}}, {"run"}), {"run"});
    declare(
        registry, "runs.compare", "Compare runs key by key",
        object(
            {{"runs", list(kRuns)}, {"filter", text(kFilter)}, {"all", flag("Show equal values as well")}}),
        {"runs"});
    declare(registry, "runs.export", "Write runs as CSV or JSON",
            object({{"runs", list(kRuns)},
                    {"filter", text(kFilter)},
                    {"format", choice({"csv", "series-csv", "json", "jsonl"},
                                      "csv: a line per run; series-csv: a line per metric point")},
                    {"output", text("File to write; else it is printed")}}),
            {"runs"});
    declare(registry, "runs.sql", "Ask the database with SQL (reading only)",
            object({{"query", text("A SELECT statement")},
                    {"rows", count(1000, "At most so many rows")},
                    {"seconds",
                     {{"type", "number"},
                      {"exclusiveMinimum", 0},
                      {"default", 10},
                      {"unit", "s"},
                      {"description", "Time limit"}}}},
                   {"query"}),
            {"query"},
            "Tables: runs, tags, artifacts, events, environment, lineage, models, datasets, annotations, "
            "reviews, claims; views: params, metrics, last_values (run, key, ...).\n");
}

void declareEditing(CommandRegistry& registry) {
    declare(registry, "runs.tag", "Add tags to a run, or take them away",
            object({{"runs", text("Ids of runs with commas between")},
                    {"tags", list("Tags")},
                    {"filter", text(kFilter)},
                    {"remove", flag("Take the tags away")}}),
            {"runs", "tags"});
    declare(registry, "runs.note", "Set the notes of a run",
            object({{"runs", text("Ids of runs with commas between")},
                    {"text", text("The notes")},
                    {"before", text("The notes that the text was written for: if somebody changed them "
                                    "meanwhile, both are kept")}},
                   {"runs", "text"}),
            {"runs", "text"});
    declare(registry, "runs.rename", "Give a run another name",
            object({{"run", text(kRuns)},
                    {"name", {{"type", "string"}, {"minLength", 1}, {"description", "The new name"}}}},
                   {"run", "name"}),
            {"run", "name"});
    declare(
        registry, "runs.star", "Star runs",
        object({{"runs", list(kRuns)}, {"filter", text(kFilter)}, {"remove", flag("Take the star away")}}),
        {"runs"});
    for (const auto& [name, summary] : {std::pair{"runs.delete", "Move runs to the trash"},
                                        {"runs.restore", "Take runs out of the trash"},
                                        {"runs.purge", "Remove runs in the trash for good"}})
        declare(registry, name, summary, object({{"runs", list(kRuns)}, {"filter", text(kFilter)}}),
                {"runs"});
    declare(registry, "runs.import", "Import TensorBoard event files or CSV tables as runs",
            object({{"path", text("CSV file, event file, or a folder of event files")},
                    {"step-column", text("CSV column that holds the step")}},
                   {"path"}),
            {"path"});
    declare(
        registry, "runs.control", "Pause, resume, stop or change a running job",
        object({{"run", text(kRuns)},
                {"action", choice({"status", "pause", "resume", "stop", "set", "do", "probe"}, "What to do")},
                {"key", text("Setting to change, for \"set\"; action of the job, for \"do\"")},
                {"value", text("Its new value, as JSON or text")}},
               {"run"}),
        {"run", "action", "key", "value"});
}

}  // namespace

void declareRunsCommands(CommandRegistry& registry) {
    declareProject(registry);
    declareReading(registry);
    declareEditing(registry);
    declare(registry, "run", "Carry out a recipe, or go on with a run",
            object({{"recipe", text("Recipe file (JSON)")},
                    {"set", list("Change a value of the recipe: settings.steps=100")},
                    {"resume", text("Id of an interrupted, cancelled or failed run to go on with")},
                    {"seed",
                     {{"type", "integer"}, {"minimum", 0}, {"description", "Seed instead of the recipe's"}}},
                    {"device", text("cpu, cuda or cuda:N instead of the recipe's")},
                    {"processes",
                     {{"type", "integer"},
                      {"minimum", 1},
                      {"maximum", 256},
                      {"default", 1},
                      {"description", "Share the work among so many processes of this machine (distill)"}}},
                    {"dry-run", flag("Check the recipe and say what it would take; nothing is run")},
                    {"parent", text("Id of the run that this one is made from")},
                    {"sweep", text("Name of the sweep that it belongs to")}}),
            {"recipe"},
            "The run is recorded in the project. Ctrl+C cancels it; --resume ID goes on from its last "
            "checkpoint. Over several machines, start it on each by torchrun or srun.\n",
            CommandHome::Engine);
}

}  // namespace vitrine
