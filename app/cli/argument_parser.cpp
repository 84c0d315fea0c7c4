#include "app/cli/argument_parser.h"

#include "core/base/nearest.h"
#include "core/base/version.h"

#include <CLI/CLI.hpp>

#include <deque>
#include <iostream>

namespace vitrine::cli {
namespace {

std::string optionName(const std::string& argument) {
    std::string out = "--";
    for (const char c : argument) {
        if (c >= 'A' && c <= 'Z') {
            out += '-';
            out += char(c - 'A' + 'a');
        } else {
            out += c;
        }
    }
    return out;
}

std::string typeOf(const Json& schema) {
    if (!schema.contains("type"))
        return "string";
    return schema["type"].is_array() ? schema["type"][0].get<std::string>()
                                     : schema["type"].get<std::string>();
}

// Text of one option as the JSON type its schema asks for; text that does not parse stays text, so that the
// schema check names the problem.
Json valueFromText(const std::string& text, const Json& schema) {
    const std::string type = typeOf(schema);
    if (type == "string")
        return text;
    Json parsed = Json::parse(text, nullptr, false);
    return parsed.is_discarded() ? Json(text) : parsed;
}

std::string helpText(const Json& schema) {
    std::string text = schema.value("description", "");
    if (schema.contains("enum")) {
        std::string choices;
        for (const Json& choice : schema["enum"])
            choices += (choices.empty() ? "" : "|") +
                       (choice.is_string() ? choice.get<std::string>() : choice.dump());
        text += fmt::format(" [{}]", choices);
    }
    if (schema.contains("default") && !schema["default"].empty() && schema["default"] != "" &&
        schema["default"] != false)
        text +=
            fmt::format(" (default {})", schema["default"].is_string() ? schema["default"].get<std::string>()
                                                                       : schema["default"].dump());
    return text;
}

// Where CLI11 writes what it finds; converted to JSON when the command is known.
struct Slot {
    std::string name;
    Json schema;
    std::vector<std::string> texts;
    bool flag = false;
};

struct CommandSlots {
    const CommandSpec* spec = nullptr;
    CLI::App* app = nullptr;
    std::deque<Slot> slots;
};

void addArguments(CommandSlots& command) {
    const Json properties = command.spec->arguments.value("properties", Json::object());
    const Json required = command.spec->arguments.value("required", Json::array());
    for (const auto& [name, schema] : properties.items()) {
        Slot& slot = command.slots.emplace_back(Slot{name, schema, {}, false});
        const auto& positional = command.spec->positional;
        const bool isPositional = std::find(positional.begin(), positional.end(), name) != positional.end();
        const std::string type = typeOf(schema);
        if (type == "boolean" && !isPositional) {
            command.app->add_flag(optionName(name), slot.flag, helpText(schema));
            continue;
        }
        CLI::Option* option =
            command.app->add_option(isPositional ? name : optionName(name), slot.texts, helpText(schema));
        if (isPositional && std::find(required.begin(), required.end(), name) != required.end())
            option->required();
        if (type == "array")
            option->expected(isPositional ? -1 : 1)->take_all();
        else if (isPositional)
            option->expected(1)->allow_extra_args(false);
        else
            option->expected(1)->take_last();
        // "--seed 3 recipe.json" and "--set a=1 recipe.json" leave the positional alone; a list repeats its
        // option.
        if (!isPositional)
            option->allow_extra_args(false);
        option->type_name(type == "integer"  ? "INT"
                          : type == "number" ? "NUMBER"
                          : type == "array"  ? "VALUE..."
                                             : "TEXT");
    }
}

Json argumentsFrom(const CommandSlots& command) {
    Json arguments = Json::object();
    for (const Slot& slot : command.slots) {
        if (slot.flag)
            arguments[slot.name] = true;
        if (slot.texts.empty())
            continue;
        if (typeOf(slot.schema) == "array") {
            const Json item = slot.schema.value("items", Json::object());
            for (const std::string& text : slot.texts)
                arguments[slot.name].push_back(valueFromText(text, item));
        } else {
            arguments[slot.name] = valueFromText(slot.texts.back(), slot.schema);
        }
    }
    return arguments;
}

CLI::App* subcommandFor(CLI::App& root, const std::string& dottedName, const std::string& summary) {
    CLI::App* app = &root;
    size_t begin = 0;
    while (begin <= dottedName.size()) {
        const size_t dot = std::min(dottedName.find('.', begin), dottedName.size());
        const std::string part = dottedName.substr(begin, dot - begin);
        const auto known = app->get_subcommands([&](const CLI::App* sub) { return sub->get_name() == part; });
        CLI::App* next = known.empty() ? nullptr : known.front();
        if (!next)
            next = app->add_subcommand(part, dot == dottedName.size() ? summary : "");
        app = next;
        begin = dot + 1;
    }
    return app;
}

}  // namespace

ParsedCommandLine parseCommandLine(const CommandRegistry& registry, std::vector<std::string> arguments) {
    ParsedCommandLine parsed;
    CLI::App root("Vitrine: see, compare and compress what vision encoders compute", "vitrine");
    root.set_version_flag("--version", versionText());
    root.fallthrough();
    root.require_subcommand(1);
    root.add_flag("--json", parsed.json, "print the result as JSON");
    root.add_flag("--quiet", parsed.quiet, "print no progress");
    root.add_option("--project", parsed.project,
                    "project folder (default: $VITRINE_PROJECT, else the current folder if it is one)");

    std::deque<CommandSlots> commands;
    for (const auto& [name, spec] : registry.specs()) {
        if (spec.home == CommandHome::Window)
            continue;
        CommandSlots& command = commands.emplace_back();
        command.spec = &spec;
        command.app = subcommandFor(root, name, spec.summary);
        command.app->fallthrough();
        if (!spec.help.empty())
            command.app->footer(spec.help);
        addArguments(command);
    }
    for (CLI::App* group : root.get_subcommands({}))
        if (group->get_subcommands({}).size() > 0 && !registry.find(group->get_name())) {
            group->require_subcommand(1);
            group->description(fmt::format("see `vitrine {} --help`", group->get_name()));
        }

    std::reverse(arguments.begin(), arguments.end());  // CLI11 takes its vector back to front
    try {
        root.parse(arguments);
    } catch (const CLI::ParseError& error) {
        const int code = root.exit(error, std::cout, std::cerr);
        parsed.exitCode = code == 0 ? 0 : 2;
        return parsed;
    }
    for (const CommandSlots& command : commands) {
        if (!command.app->parsed() || !command.app->get_subcommands().empty())
            continue;
        parsed.command = command.spec->name;
        parsed.arguments = argumentsFrom(command);
    }
    return parsed;
}

}  // namespace vitrine::cli
