#include "core/engine/language_commands.h"

#include "core/engine/job_command.h"
#include "core/engine/language_evaluation_kind.h"
#include "core/engine/language_store.h"
#include "core/engine/text_stream.h"
#include "core/models/language/generation.h"

#include <unistd.h>

#include <cstdio>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

Result<CommandOutput> evaluated(const char* name, Json settings, const Json& arguments,
                                CommandContext& context) {
    settings["models"] = absolutePaths({arguments["model"]});
    settings["dtype"] = arguments["dtype"];
    if (const std::string tokenizer = arguments["tokenizer"]; !tokenizer.empty())
        settings["tokenizer"] = absolutePaths({tokenizer})[0];
    VITRINE_TRY(const FinishedJob job, runJob({{"kind", "evaluate-language"},
                                               {"name", name},
                                               {"device", arguments["device"]},
                                               {"settings", std::move(settings)}},
                                              context));
    CommandOutput output;
    VITRINE_TRY(const std::string text, job.content("evaluation.json"));
    VITRINE_TRY(output.data, parseJson(text, "evaluation.json"));
    output.data["run"] = job.run.id;
    output.text =
        languageEvaluationTable(output.data["scores"]) + fmt::format("run {} finished\n", job.run.id);
    return output;
}

Result<CommandOutput> perplexity(const Json& arguments, CommandContext& context) {
    Json settings{{"texts", absolutePaths(arguments["texts"])}};
    for (const char* key : {"length", "documents", "windows", "field", "batch"})
        settings[key] = arguments[key];
    return evaluated("perplexity", std::move(settings), arguments, context);
}

Result<CommandOutput> choices(const Json& arguments, CommandContext& context) {
    return evaluated("choices", Json{{"questions", absolutePaths(arguments["questions"])}}, arguments,
                     context);
}

Result<CommandOutput> generateText(const Json& arguments, CommandContext& context) {
    VITRINE_TRY(const OpenedLanguage language,
                openLanguage(arguments["model"].get<std::string>(), arguments["tokenizer"],
                             arguments["device"], arguments["dtype"]));
    const std::string prompt = arguments["prompt"];
    VITRINE_TRY(const std::vector<int64_t> ids, promptTokens(language, prompt));
    GenerationOptions options;
    options.maxNewTokens = arguments["tokens"];
    options.stopAtEnd = !arguments["ignore-end"].get<bool>();
    options.sampling.greedy = arguments["greedy"];
    options.sampling.temperature = arguments["temperature"];
    options.sampling.topK = arguments["top-k"];
    options.sampling.topP = arguments["top-p"];
    options.sampling.seed = arguments["seed"];
    TextStream stream(language.tokenizer, ids);
    const bool watched = ::isatty(STDOUT_FILENO) != 0;
    if (watched)
        std::fputs(prompt.c_str(), stdout);
    const auto sink = [&](int64_t id) {
        const std::string fresh = stream.add(id);
        if (watched) {
            std::fputs(fresh.c_str(), stdout);
            std::fflush(stdout);
        }
        return true;
    };
    VITRINE_TRY(const Generation generation, generate(*language.model, ids, options, context.job, sink));
    VITRINE_TRY(const std::string continuation,
                language.tokenizer.decode(generation.ids, {.skipSpecialTokens = true}));
    CommandOutput output;
    const double rate =
        generation.decodeSeconds > 0 ? double(generation.ids.size() - 1) / generation.decodeSeconds : 0.0;
    output.data = {{"model", language.path.string()},
                   {"prompt", prompt},
                   {"promptTokens", ids},
                   {"tokens", generation.ids},
                   {"text", stream.text()},
                   {"continuation", continuation},
                   {"reason", reasonName(generation.reason)},
                   {"promptSeconds", generation.promptSeconds},
                   {"tokensPerSecond", rate}};
    output.text = watched ? "\n" : stream.text() + "\n";
    return output;
}

}  // namespace

void bindLanguageCommands(CommandRegistry& registry) {
    registry.bind("perplexity", perplexity);
    registry.bind("choices", choices);
    registry.bind("generate", generateText);
}

}  // namespace vitrine
