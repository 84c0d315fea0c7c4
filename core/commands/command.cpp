#include "core/commands/command.h"

#include "core/base/check.h"
#include "core/base/json_schema.h"
#include "core/base/nearest.h"

namespace vitrine {

void CommandRegistry::declare(CommandSpec spec) {
    VITRINE_CHECK(!specs_.contains(spec.name), "command declared twice: " + spec.name);
    const std::string name = spec.name;
    specs_.emplace(name, std::move(spec));
}

void CommandRegistry::bind(const std::string& name, CommandHandler handler) {
    VITRINE_CHECK(specs_.contains(name), "handler for an undeclared command: " + name);
    handlers_[name] = std::move(handler);
}

const CommandSpec* CommandRegistry::find(const std::string& name) const {
    const auto it = specs_.find(name);
    return it == specs_.end() ? nullptr : &it->second;
}

Result<CommandOutput> CommandRegistry::execute(const std::string& name, const Json& arguments,
                                               CommandContext& context) const {
    const CommandSpec* spec = find(name);
    if (!spec) {
        std::vector<std::string> names;
        for (const auto& entry : specs_)
            names.push_back(entry.first);
        const auto nearest = nearestName(name, names);
        return fail(ErrorCode::InvalidArgument, fmt::format("there is no command \"{}\"", name), {},
                    nearest ? fmt::format("Did you mean \"{}\"?", *nearest) : "");
    }
    VITRINE_TRY_VOID(checkJson(arguments, spec->arguments, name));
    const auto handler = handlers_.find(name);
    if (handler == handlers_.end())
        return fail(ErrorCode::Unsupported, "this command is not available here", name,
                    spec->home == CommandHome::Window
                        ? "It acts on the window: start vitrine-desktop"
                        : "The engine library could not be loaded: see `vitrine doctor`");
    try {
        return handler->second(withDefaults(arguments, spec->arguments), context);
    } catch (...) {
        return fail(errorFromCurrentException(name));
    }
}

int exitCodeOf(const Error& error) {
    switch (error.code) {
        case ErrorCode::InvalidArgument:
        case ErrorCode::UnknownFamily:
            return 2;
        case ErrorCode::NotFound:
        case ErrorCode::InvalidFile:
        case ErrorCode::ShapeMismatch:
        case ErrorCode::PermissionDenied:
        case ErrorCode::IoFailure:
            return 3;
        case ErrorCode::OutOfMemory:
        case ErrorCode::DiskFull:
            return 4;
        case ErrorCode::Cancelled:
            return 130;
        default:
            return 1;
    }
}

}  // namespace vitrine
