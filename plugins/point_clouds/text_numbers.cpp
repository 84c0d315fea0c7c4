#include "plugins/point_clouds/text_numbers.h"

#include <charconv>
#include <cmath>

namespace vitrine::clouds {
namespace {

constexpr std::string_view kSpace = " \t\r\n\v\f";

}  // namespace

std::string_view nextWord(std::string_view& text) {
    const size_t start = text.find_first_not_of(kSpace);
    if (start == std::string_view::npos) {
        text = {};
        return {};
    }
    text.remove_prefix(start);
    const std::string_view word = text.substr(0, text.find_first_of(kSpace));
    text.remove_prefix(word.size());
    return word;
}

std::string_view nextLine(std::string_view& text) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line.empty() && line.back() == '\r')
        line.remove_suffix(1);
    return line;
}

bool parseNumber(std::string_view word, double& number) {
    if (!word.empty() && word.front() == '+')
        word.remove_prefix(1);  // from_chars does not take it
    const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), number);
    return problem == std::errc{} && end == word.data() + word.size();
}

Result<std::vector<double>> finiteNumbers(std::string_view text, std::string_view where) {
    std::vector<double> numbers;
    for (std::string_view word = nextWord(text); !word.empty(); word = nextWord(text)) {
        double number = 0;
        if (!parseNumber(word, number) || !std::isfinite(number))
            return fail(ErrorCode::InvalidFile,
                        fmt::format("expected a finite number, found \"{}\"", word.substr(0, 40)),
                        std::string(where));
        numbers.push_back(number);
    }
    return numbers;
}

}  // namespace vitrine::clouds
