#include "core/tokenizers/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace vitrine {
namespace {

constexpr std::string_view kSpaceClass =
    "\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{"
    "3000}";
constexpr std::string_view kWordClass =
    "\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}\\x{24b6}-\\x{24e9}\\x{1f130}-\\x{"
    "1f149}"
    "\\x{1f150}-\\x{1f169}\\x{1f170}-\\x{1f189}";

// Writes \s, \S, \w and \W out as classes: PCRE2's own differ (U+180E, marks).
std::string translate(std::string_view pattern) {
    std::string out;
    int classDepth = 0;
    for (size_t i = 0; i < pattern.size(); ++i) {
        const char c = pattern[i];
        if (c == '\\' && i + 1 < pattern.size()) {
            const char kind = pattern[++i];
            const std::string_view members = kind == 's' || kind == 'S' ? kSpaceClass : kWordClass;
            const bool negated = kind == 'S' || kind == 'W';
            if ((kind == 's' || kind == 'w') && classDepth > 0)
                out += members;
            else if ((kind == 's' || kind == 'w' || negated) && classDepth == 0)
                out += std::string(negated ? "[^" : "[") + std::string(members) + "]";
            else
                out += {c, kind};
            continue;
        }
        if (c == '[')
            ++classDepth;
        else if (c == ']' && classDepth > 0)
            --classDepth;
        out += c;
    }
    return out;
}

// Working memory of one thread: PCRE2's match block and the stack of its compiled code.
struct Scratch {
    pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
    pcre2_match_context* context = pcre2_match_context_create(nullptr);
    pcre2_jit_stack* stack = pcre2_jit_stack_create(64 << 10, 64 << 20, nullptr);
    Scratch() { pcre2_jit_stack_assign(context, nullptr, stack); }
    ~Scratch() {
        pcre2_match_data_free(data);
        pcre2_match_context_free(context);
        pcre2_jit_stack_free(stack);
    }
};

}  // namespace

struct Regex::Code {
    pcre2_code* code = nullptr;
    Code() = default;
    Code(const Code&) = delete;
    Code& operator=(const Code&) = delete;
    ~Code() { pcre2_code_free(code); }
};

Result<Regex> Regex::compile(std::string_view pattern) {
    const std::string translated = translate(pattern);
    int errorNumber = 0;
    PCRE2_SIZE errorPosition = 0;
    auto code = std::make_shared<Code>();
    code->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                               PCRE2_UTF | PCRE2_UCP, &errorNumber, &errorPosition, nullptr);
    if (!code->code) {
        PCRE2_UCHAR message[256] = {};
        pcre2_get_error_message(errorNumber, message, sizeof message);
        return fail(ErrorCode::InvalidArgument, fmt::format("the regular expression \"{}\" is not valid: {}",
                                                            pattern, reinterpret_cast<const char*>(message)));
    }
    pcre2_jit_compile(code->code, PCRE2_JIT_COMPLETE);  // where it fails, matching interprets the pattern
    Regex regex;
    regex.code_ = std::move(code);
    regex.pattern_ = pattern;
    return regex;
}

Result<Regex::Match> Regex::find(std::string_view text, size_t from) const {
    thread_local Scratch scratch;
    const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    int count = pcre2_match(code_->code, subject, text.size(), from, PCRE2_NO_UTF_CHECK, scratch.data,
                            scratch.context);
    if (count == PCRE2_ERROR_JIT_STACKLIMIT)
        count = pcre2_match(code_->code, subject, text.size(), from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                            scratch.data, scratch.context);
    if (count == PCRE2_ERROR_NOMATCH)
        return Match{};
    if (count < 0)
        return fail(
            ErrorCode::Unsupported,
            fmt::format("the regular expression \"{}\" gave up on a text of {} bytes (PCRE2 error {})",
                        pattern_, text.size(), count),
            {}, "Split the text into shorter pieces.");
    const PCRE2_SIZE* range = pcre2_get_ovector_pointer(scratch.data);
    return Match{range[0], range[1], true};
}

}  // namespace vitrine
