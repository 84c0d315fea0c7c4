#include "tests/bench/bench_options.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>

namespace vitrine::bench {
namespace {

std::string usage(const char* program, const std::vector<BenchOption>& options) {
    std::string text = "usage: " + std::filesystem::path(program).filename().string();
    for (const BenchOption& option : options) {
        const bool isText = std::holds_alternative<std::string*>(option.value);
        const std::string value = !option.choices.empty() ? fmt::format("{}", fmt::join(option.choices, "|"))
                                  : isText                ? "TEXT"
                                                          : "N";
        text += fmt::format(" [{} {}]", option.key, value);
    }
    return text;
}

bool takeText(const BenchOption& option, const std::string& text) {
    const auto& choices = option.choices;
    if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end())
        return false;
    *std::get<std::string*>(option.value) = text;
    return true;
}

bool takeNumber(const BenchOption& option, const std::string& text) {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size())
        return false;
    number = std::max(number, option.least);
    if (const auto* place = std::get_if<int64_t*>(&option.value))
        **place = number;
    else
        std::get<std::function<void(int64_t)>>(option.value)(number);
    return true;
}

bool take(const BenchOption& option, const std::string& text) {
    return std::holds_alternative<std::string*>(option.value) ? takeText(option, text)
                                                              : takeNumber(option, text);
}

}  // namespace

bool readBenchOptions(int argumentCount, char** arguments, const std::vector<BenchOption>& options) {
    for (int index = 1; index < argumentCount; index += 2) {
        const std::string key = arguments[index];
        const auto option = std::find_if(options.begin(), options.end(),
                                         [&](const BenchOption& one) { return one.key == key; });
        const bool hasValue = index + 1 < argumentCount;
        if (option != options.end() && hasValue && take(*option, arguments[index + 1]))
            continue;
        const char* mistake = option == options.end() ? "unknown option" : "no such value of";
        std::fprintf(stderr, "%s %s\n%s\n", mistake, key.c_str(), usage(arguments[0], options).c_str());
        return false;
    }
    return true;
}

}  // namespace vitrine::bench
