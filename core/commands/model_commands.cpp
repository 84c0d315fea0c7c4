#include "core/commands/model_commands.h"

#include "core/base/paths.h"
#include "core/commands/text_table.h"
#include "core/io/model_folder.h"
#include "core/io/tensor_statistics.h"
#include "core/plugins/plugin_manager.h"

namespace vitrine {
namespace {

Result<NmPattern> parsePattern(const std::string& text) {
    long kept = 0, group = 0;
    char colon = 0, rest = 0;
    if (std::sscanf(text.c_str(), "%ld%c%ld%c", &kept, &colon, &group, &rest) != 3 || colon != ':' ||
        kept < 1 || group <= kept || group > 1024)
        return fail(ErrorCode::InvalidArgument, fmt::format("\"{}\" is not an N:M pattern", text), "pattern",
                    "Write it like 2:4: at most 2 of every 4 neighbouring weights are nonzero");
    return NmPattern{kept, group};
}

Json describe(const TensorInfo& tensor) {
    return {{"name", tensor.name},       {"dtype", std::string(dtypeName(tensor.dtype))},
            {"shape", tensor.shape},     {"elements", tensor.elementCount()},
            {"bytes", tensor.byteCount}, {"file", tensor.file.filename().string()}};
}

std::string percent(double share) {
    return fmt::format("{:.2f} %", 100 * share);
}

// Adds statistics to `entry` and the cells of the row.
Result<void> addStatistics(const TensorSource& source, const TensorInfo& tensor,
                           const StatisticsOptions& options, const JobContext& job, Json& entry,
                           std::vector<std::string>& row) {
    VITRINE_TRY(const TensorBytes bytes, source.read(tensor.name));
    const auto statistics = tensorStatistics(bytes, options, job);
    if (!statistics) {
        if (statistics.error().code != ErrorCode::Unsupported)
            return fail(statistics.error());
        // Raw formats (packed 4-bit, block scales) have sizes but no numbers of their own.
        entry["statistics"] = statistics.error().message;
        row.insert(row.end(), 5 + options.patterns.size(), "-");
        return {};
    }
    entry["statistics"] = {{"min", statistics->minimum},         {"max", statistics->maximum},
                           {"mean", statistics->mean},           {"std", statistics->standardDeviation},
                           {"zeros", statistics->zeros},         {"nan", statistics->nans},
                           {"infinite", statistics->infinities}, {"sparsity", statistics->sparsity()}};
    for (const double value :
         {statistics->minimum, statistics->maximum, statistics->mean, statistics->standardDeviation})
        row.push_back(fmt::format("{:.4g}", value));
    row.push_back(percent(statistics->sparsity()));
    for (const NmCompliance& compliance : statistics->patterns) {
        entry["patterns"].push_back(
            {{"pattern", fmt::format("{}:{}", compliance.pattern.nonzero, compliance.pattern.group)},
             {"groups", compliance.groups},
             {"violating", compliance.violatingGroups},
             {"compliant", compliance.compliant()},
             {"firstViolations", compliance.firstViolations}});
        row.push_back(compliance.groups == 0 ? "-"
                      : compliance.compliant()
                          ? "none"
                          : fmt::format("{} of {}", groupedNumber(int64_t(compliance.violatingGroups)),
                                        groupedNumber(int64_t(compliance.groups))));
    }
    return {};
}

Result<CommandOutput> showModel(const Json& arguments, CommandContext& context) {
    VITRINE_TRY(const ModelFolder folder, openModelFolder(arguments["path"].get<std::string>()));
    if (!folder.weights)
        return fail(ErrorCode::NotFound, "there are no weights in this folder", folder.path.string());
    StatisticsOptions options;
    options.patterns.clear();
    for (const std::string text : arguments["pattern"]) {
        VITRINE_TRY(options.patterns.emplace_back(), parsePattern(text));
    }
    const bool withStatistics = arguments["statistics"];
    const std::string part = arguments["filter"];

    CommandOutput output;
    TextTable table;
    table.header = {"tensor", "dtype", "shape", "elements", "size"};
    table.rightAligned = {false, false, false, true, true};
    if (withStatistics) {
        for (const char* name : {"min", "max", "mean", "std", "zeros"})
            table.header.push_back(name);
        for (const NmPattern& pattern : options.patterns)
            table.header.push_back(fmt::format("{}:{} broken", pattern.nonzero, pattern.group));
        table.rightAligned.resize(table.header.size(), true);
    }
    uint64_t elements = 0, bytes = 0;
    Json list = Json::array();
    const auto& tensors = folder.weights->tensors();
    context.job.beginStage("reading tensors", int64_t(tensors.size()));
    for (const TensorInfo& tensor : tensors) {
        VITRINE_TRY_VOID(context.job.checkStop());
        context.job.advance();
        if (!part.empty() && tensor.name.find(part) == std::string::npos)
            continue;
        elements += tensor.elementCount();
        bytes += tensor.byteCount;
        Json entry = describe(tensor);
        std::vector<std::string> row = {tensor.name, std::string(dtypeName(tensor.dtype)), tensor.shapeText(),
                                        groupedNumber(int64_t(tensor.elementCount())),
                                        bytesText(tensor.byteCount)};
        if (withStatistics)
            VITRINE_TRY_VOID(addStatistics(*folder.weights, tensor, options, context.job, entry, row));
        list.push_back(std::move(entry));
        table.rows.push_back(std::move(row));
    }
    VITRINE_TRY(const std::string identity, folder.identity());
    const std::string type = folder.modelType();
    output.data = {{"path", folder.path.string()},
                   {"modelType", type},
                   {"identity", identity},
                   {"tensorCount", list.size()},
                   {"elements", elements},
                   {"bytes", bytes},
                   {"metadata", folder.weights->metadata()},
                   {"tensors", std::move(list)}};
    output.text =
        fmt::format("{}\nmodel type  {}\nidentity    {}\n{} tensors, {} parameters, {}\n\n",
                    folder.path.string(), type.empty() ? "not stated" : type, identity.substr(0, 16),
                    table.rows.size(), groupedNumber(int64_t(elements)), bytesText(bytes)) +
        table.text();
    return output;
}

PluginManager discoveredPlugins() {
    PluginManager manager(userStateFolder() / "plugins.json");
    manager.discover(PluginManager::searchFolders());
    return manager;
}

Result<CommandOutput> listPlugins(const Json&, CommandContext&) {
    const PluginManager manager = discoveredPlugins();
    CommandOutput output;
    output.data = {{"plugins", manager.toJson()}};
    TextTable table;
    table.header = {"id", "kind", "state", "name", "problem"};
    for (const PluginStatus& plugin : manager.plugins())
        table.rows.push_back({plugin.manifest.id, plugin.manifest.kind, pluginStateName(plugin.state),
                              plugin.manifest.name, plugin.problem});
    output.text = table.text();
    return output;
}

Result<CommandOutput> switchPlugin(const Json& arguments, bool enabled) {
    PluginManager manager = discoveredPlugins();
    VITRINE_TRY_VOID(manager.setEnabled(arguments["id"], enabled));
    CommandOutput output;
    output.text = fmt::format("{} is {} from the next start on\n", arguments["id"].get<std::string>(),
                              enabled ? "on" : "off");
    return output;
}

Json schemaOf(const char* text) {
    return Json::parse(text);
}

}  // namespace

void declareModelCommands(CommandRegistry& registry) {
    CommandSpec show;
    show.name = "model.show";
    show.summary = "List a checkpoint's tensors with shapes, types, sizes, statistics and N:M compliance";
    show.arguments = schemaOf(R"({"type": "object", "required": ["path"], "properties": {
      "path": {"type": "string", "minLength": 1, "description": "model folder or weight file"},
      "statistics": {"type": "boolean", "default": false, "description": "read every tensor: range, mean, deviation, zeros"},
      "pattern": {"type": "array", "items": {"type": "string"}, "default": ["2:4"], "description": "N:M patterns to check with --statistics"},
      "filter": {"type": "string", "default": "", "description": "only tensors whose name contains this"}}})");
    show.positional = {"path"};
    show.help =
        "Only the tensor at hand is in memory, whatever the size of the checkpoint; nothing is executed.";
    registry.declare(std::move(show));

    CommandSpec list;
    list.name = "plugins.list";
    list.summary = "List plugins and their state";
    list.arguments = schemaOf(R"({"type": "object", "properties": {}})");
    registry.declare(std::move(list));
    for (const char* verb : {"enable", "disable"}) {
        CommandSpec spec;
        spec.name = std::string("plugins.") + verb;
        spec.summary = std::string(verb[0] == 'e' ? "Switch a plugin on" : "Switch a plugin off") +
                       " for the next start";
        spec.arguments = schemaOf(
            R"({"type": "object", "required": ["id"], "properties": {"id": {"type": "string", "description": "id as `vitrine plugins list` shows it"}}})");
        spec.positional = {"id"};
        registry.declare(std::move(spec));
    }
}

void bindModelCommands(CommandRegistry& registry) {
    registry.bind("model.show", showModel);
    registry.bind("plugins.list", listPlugins);
    registry.bind("plugins.enable",
                  [](const Json& arguments, CommandContext&) { return switchPlugin(arguments, true); });
    registry.bind("plugins.disable",
                  [](const Json& arguments, CommandContext&) { return switchPlugin(arguments, false); });
}

}  // namespace vitrine
