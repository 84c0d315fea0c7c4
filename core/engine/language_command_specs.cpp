#include "core/engine/language_commands.h"

namespace vitrine {
namespace {

// clang-format off
constexpr const char* kCommon = R"json({
  "tokenizer": {"type": "string", "default": "", "description": "tokenizer file or folder; empty: the one beside the model"},
  "device": {"type": "string", "default": "cpu", "description": "cpu, cuda or cuda:N"},
  "dtype": {"type": "string", "enum": ["float32", "bfloat16"], "default": "float32", "description": "element type to compute in"}})json";

constexpr const char* kPerplexity = R"json({"type": "object", "required": ["model", "texts"], "properties": {
  "model": {"type": "string", "minLength": 1, "description": "language model: a Hugging Face folder, a GGUF file (F32 to Q2_K; docs/language-models.md) or llama2.c's .bin"},
  "texts": {"type": "array", "minItems": 1, "items": {"type": "string"}, "description": "text files, JSONL files or folders of them"},
  "length": {"type": "integer", "minimum": 0, "default": 0, "description": "tokens of a window; 0: the model's context, at most 2048"},
  "documents": {"type": "boolean", "default": false, "description": "each document apart, behind the start token"},
  "windows": {"type": "integer", "minimum": 0, "default": 0, "description": "at most so many, evenly spread; 0: all"},
  "field": {"type": "string", "minLength": 1, "default": "text", "description": "field of JSONL lines that holds the text"},
  "batch": {"type": "integer", "minimum": 1, "maximum": 1024, "default": 4, "description": "windows that go through the model together"}}})json";

constexpr const char* kChoices = R"json({"type": "object", "required": ["model", "questions"], "properties": {
  "model": {"type": "string", "minLength": 1, "description": "language model: a Hugging Face folder, a GGUF file (F32 to Q2_K; docs/language-models.md) or llama2.c's .bin"},
  "questions": {"type": "array", "minItems": 1, "items": {"type": "string"}, "description": "JSONL files"}}})json";

constexpr const char* kGenerate = R"json({"type": "object", "required": ["model"], "properties": {
  "model": {"type": "string", "minLength": 1, "description": "language model: a Hugging Face folder, a GGUF file (F32 to Q2_K; docs/language-models.md) or llama2.c's .bin"},
  "prompt": {"type": "string", "default": "", "description": "text to go on from; empty: the start token alone"},
  "tokens": {"type": "integer", "minimum": 1, "maximum": 1000000, "default": 128, "description": "new tokens at most"},
  "greedy": {"type": "boolean", "default": false, "description": "the likeliest token at every step"},
  "temperature": {"type": "number", "exclusiveMinimum": 0, "default": 0.8, "description": "below 1: likely tokens gain"},
  "top-k": {"type": "integer", "minimum": 0, "default": 0, "description": "draw among the K likeliest tokens only; 0: all"},
  "top-p": {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "default": 0.95, "description": "draw among the likeliest tokens of this probability together"},
  "seed": {"type": "integer", "minimum": 0, "default": 0, "description": "the same seed draws the same text"},
  "ignore-end": {"type": "boolean", "default": false, "description": "go on behind the end token"}}})json";
// clang-format on

CommandSpec specOf(const char* name, const char* summary, const char* arguments,
                   std::vector<std::string> positional, std::string help) {
    CommandSpec spec;
    spec.name = name;
    spec.summary = summary;
    spec.arguments = Json::parse(arguments);
    const Json common = Json::parse(kCommon);
    for (const auto& [key, property] : common.items())
        spec.arguments["properties"][key] = property;
    spec.positional = std::move(positional);
    spec.home = CommandHome::Engine;
    spec.help = std::move(help);
    return spec;
}

}  // namespace

void declareLanguageCommands(CommandRegistry& registry) {
    registry.declare(
        specOf("perplexity", "Measure a language model's perplexity and bits per byte on texts", kPerplexity,
               {"model", "texts"},
               "Each text is tokenised once, cut into windows, and PPL = exp(total negative log-likelihood / "
               "predicted "
               "tokens). The line below the table is the key of the result: window, tokenizer and text; "
               "results with "
               "other keys are not comparable, bits per byte are. Kept as a run of the project.\n\n"
               "  vitrine perplexity models/llama wiki.test.txt --length 2048"));
    registry.declare(specOf(
        "choices", "Score a language model on multiple-choice and cloze questions", kChoices,
        {"model", "questions"},
        "A line of the file: {\"context\": \"...\", \"choices\": [\" one\", \" two\"], \"answer\": 0}, or "
        "{\"context\": \"...\", \"target\": \" word\"} for a cloze. The answer of the largest log-likelihood "
        "is chosen, "
        "also divided by its bytes (per byte)."));
    registry.declare(specOf("generate", "Go on with a text, token by token", kGenerate, {"model"},
                            "The text appears as it is written where a terminal watches.\n\n"
                            "  vitrine generate stories260K.bin --prompt 'Once upon a time' --greedy"));
}

}  // namespace vitrine
