// Every user action is a command: plain data (a name and JSON arguments) carried out by core. The same object
// is the menu entry, the command-line sub-command, the undo step, the recorder's line and the plugin's call.
//
// A command is declared (name, summary, schema of its arguments) apart from its handler, so that help,
// argument checking and the palette need neither LibTorch nor OpenCV; handlers that do are bound when the
// engine library is loaded.
#pragma once

#include "core/base/job_context.h"
#include "core/base/json.h"

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace vitrine {

// Which library holds a command's handler.
enum class CommandHome {
    Core,    // bound at start-up; starts in milliseconds
    Engine,  // needs LibTorch: bound when the engine library is loaded
    Window   // acts on the window (layout, theme, selection); absent on the command line
};

struct CommandSpec {
    std::string name;  // dotted, the sub-command path on the command line: "runs.list" is `vitrine runs list`
    std::string summary;                  // one line, imperative
    Json arguments;                       // JSON Schema of type object
    std::vector<std::string> positional;  // argument names that the command line takes by position; a
                                          // trailing array takes the rest
    CommandHome home = CommandHome::Core;
    std::string help;  // a paragraph and examples; may be empty
};

// What a command gives back.
struct CommandOutput {
    Json data = Json::object();  // printed by --json; what the window and the recorder keep
    std::string text;            // printed otherwise; ends with a newline if not empty
    int exitCode = 0;            // 0 done; 1 done but the answer is "no" (a mismatch, a failed check)
};

// Where a command runs.
struct CommandContext {
    JobContext job;
    std::filesystem::path project;  // project folder (--project), may not exist yet
};

using CommandHandler = std::function<Result<CommandOutput>(const Json& arguments, CommandContext& context)>;

class CommandRegistry {
  public:
    // Declares a command; a name may be declared once.
    void declare(CommandSpec spec);
    // Binds the handler of a declared command.
    void bind(const std::string& name, CommandHandler handler);

    const std::map<std::string, CommandSpec>& specs() const { return specs_; }
    const CommandSpec* find(const std::string& name) const;
    bool isBound(const std::string& name) const { return handlers_.contains(name); }

    // Checks the arguments against the schema, fills in defaults, calls the handler. Exceptions of other
    // libraries become errors here (this is one of the four edges).
    Result<CommandOutput> execute(const std::string& name, const Json& arguments,
                                  CommandContext& context) const;

  private:
    std::map<std::string, CommandSpec> specs_;
    std::map<std::string, CommandHandler> handlers_;
};

// Process exit code that stands for an error: 1 for a job or check that failed, 2 for bad usage or an unknown
// family, 3 for a missing or damaged file, 4 for out of memory or a full disk, 130 for cancelled.
int exitCodeOf(const Error& error);

}  // namespace vitrine
