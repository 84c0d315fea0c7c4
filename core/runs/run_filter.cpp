#include "core/runs/run_filter.h"

#include "core/base/nearest.h"

#include <array>
#include <cctype>
#include <charconv>

namespace vitrine {
namespace {

struct Field {
    const char* name;
    const char* sql;
};
constexpr std::array<Field, 17> kFields{{
    {"id", "r.id"},
    {"name", "r.name"},
    {"kind", "r.kind"},
    {"status", "r.status"},
    {"device", "r.device"},
    {"notes", "r.notes"},
    {"error", "r.error"},
    {"sweep", "r.sweep"},
    {"parent", "r.parent"},
    {"seed", "r.seed"},
    {"starred", "r.starred"},
    {"created", "r.created"},
    {"started", "r.started"},
    {"ended", "r.ended"},
    {"duration", "(coalesce(r.ended, unixepoch('now')) - r.started)"},
    {"result_hash", "r.result_hash"},
    {"tag", "tag"},  // handled apart: a run has many
}};

enum class TokenKind { Word, Text, Operator, Open, Close, End };
struct Token {
    TokenKind kind = TokenKind::End;
    std::string text;
    size_t at = 0;
};

Result<std::vector<Token>> tokenize(const std::string& text) {
    std::vector<Token> out;
    for (size_t i = 0; i < text.size();) {
        const char c = text[i];
        const size_t at = i;
        if (std::isspace(static_cast<unsigned char>(c))) {
            ++i;
        } else if (c == '(' || c == ')') {
            out.push_back({c == '(' ? TokenKind::Open : TokenKind::Close, std::string(1, c), at});
            ++i;
        } else if (c == '"' || c == '\'') {
            const size_t end = text.find(c, i + 1);
            if (end == std::string::npos)
                return fail(ErrorCode::InvalidArgument,
                            fmt::format("the quote at letter {} is not closed", at + 1), text);
            out.push_back({TokenKind::Text, text.substr(i + 1, end - i - 1), at});
            i = end + 1;
        } else if (std::string_view("=<>!~").find(c) != std::string_view::npos) {
            while (i < text.size() && std::string_view("=<>!~").find(text[i]) != std::string_view::npos)
                ++i;
            out.push_back({TokenKind::Operator, text.substr(at, i - at), at});
        } else {
            while (i < text.size() && !std::isspace(static_cast<unsigned char>(text[i])) &&
                   std::string_view("()=<>!~\"'").find(text[i]) == std::string_view::npos)
                ++i;
            out.push_back({TokenKind::Word, text.substr(at, i - at), at});
        }
    }
    out.push_back({TokenKind::End, "", text.size()});
    return out;
}

SqlValue valueOf(const Token& token) {
    double number = 0;
    const char* end = token.text.data() + token.text.size();
    const auto parsed = std::from_chars(token.text.data(), end, number);
    if (token.kind == TokenKind::Word && parsed.ec == std::errc() && parsed.ptr == end)
        return number;
    return token.text;
}

// For LIKE with '\' as its escape.
std::string likePattern(const std::string& text) {
    std::string out = "%";
    for (const char c : text)
        out += c == '%' || c == '_' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
    return out + "%";
}

class Parser {
  public:
    Parser(const Project& project, const std::string& text, std::vector<Token> tokens)
        : project_(project), text_(text), tokens_(std::move(tokens)) {}

    Result<SqlCondition> parse() {
        VITRINE_TRY_VOID(either(0));
        if (peek().kind != TokenKind::End)
            return fail(unexpected("\"and\", \"or\" or the end"));
        return std::move(out_);
    }

  private:
    static constexpr int kMaxDepth = 100;  // parentheses; SQLite's own limit is 1000

    const Token& peek() const { return tokens_[next_]; }
    bool takeWord(const char* word) {
        if (peek().kind != TokenKind::Word || peek().text != word)
            return false;
        ++next_;
        return true;
    }
    Error unexpected(const char* expected) const {
        const std::string found = peek().kind == TokenKind::End ? "the end" : "\"" + peek().text + "\"";
        return Error{ErrorCode::InvalidArgument,
                     fmt::format("expected {} at letter {}, found {}", expected, peek().at + 1, found), text_,
                     "Example: status = finished and metrics.loss < 0.3"};
    }

    Result<void> either(int depth) {
        if (depth > kMaxDepth)
            return fail(ErrorCode::InvalidArgument, "too many parentheses", "filter");
        out_.sql += "(";
        VITRINE_TRY_VOID(both(depth));
        while (takeWord("or")) {
            out_.sql += " OR ";
            VITRINE_TRY_VOID(both(depth));
        }
        out_.sql += ")";
        return {};
    }

    Result<void> both(int depth) {
        VITRINE_TRY_VOID(single(depth));
        // Two conditions side by side mean "and", as in a search field.
        while (takeWord("and") || (peek().kind != TokenKind::End && peek().kind != TokenKind::Close &&
                                   !(peek().kind == TokenKind::Word && peek().text == "or"))) {
            out_.sql += " AND ";
            VITRINE_TRY_VOID(single(depth));
        }
        return {};
    }

    Result<void> single(int depth) {
        if (takeWord("not")) {
            if (++nots_ > kMaxDepth)
                return fail(ErrorCode::InvalidArgument, "too many \"not\"", "filter");
            out_.sql += "NOT ";
            return single(depth);
        }
        if (peek().kind == TokenKind::Open) {
            ++next_;
            VITRINE_TRY_VOID(either(depth + 1));
            if (peek().kind != TokenKind::Close)
                return fail(unexpected("\")\""));
            ++next_;
            return {};
        }
        if (peek().kind != TokenKind::Word && peek().kind != TokenKind::Text)
            return fail(unexpected("a field or a word"));
        const Token subject = tokens_[next_++];
        if (peek().kind != TokenKind::Operator)
            return freeText(subject);
        const Token op = tokens_[next_++];
        if (peek().kind != TokenKind::Word && peek().kind != TokenKind::Text)
            return fail(unexpected("a value"));
        const Token value = tokens_[next_++];
        return comparison(subject, op, value);
    }

    Result<void> freeText(const Token& token) {
        if (token.kind == TokenKind::Word && token.text == "starred") {
            out_.sql += "r.starred=1";
            return {};
        }
        out_.sql +=
            "(r.name || ' ' || r.kind || ' ' || r.id || ' ' || r.notes LIKE ? ESCAPE '\\' OR EXISTS"
            "(SELECT 1 FROM tags t WHERE t.run=r.number AND t.tag LIKE ? ESCAPE '\\'))";
        out_.values.insert(out_.values.end(), 2, likePattern(token.text));
        return {};
    }

    Result<void> comparison(const Token& subject, const Token& op, const Token& value) {
        static constexpr std::array<const char*, 9> kOperators{
            "=", "==", "!=", "<", "<=", ">", ">=", "~", "!~"};
        if (std::find(kOperators.begin(), kOperators.end(), op.text) == kOperators.end())
            return fail(ErrorCode::InvalidArgument, fmt::format("unknown operator \"{}\"", op.text), text_,
                        "One of = != < <= > >= ~ !~");
        const bool contains = op.text.back() == '~';
        const bool negative = op.text.front() == '!';
        SqlValue bound = valueOf(value);
        if (subject.text == "starred" && std::holds_alternative<std::string>(bound))
            bound = int64_t(value.text == "true" || value.text == "yes");
        if (contains)
            bound = likePattern(value.text);
        const std::string test = contains ? " LIKE ? ESCAPE '\\'" : (op.text == "==" ? "=?" : op.text + "?");
        if (subject.text == "tag") {
            out_.sql += fmt::format("{}EXISTS(SELECT 1 FROM tags t WHERE t.run=r.number AND t.tag{})",
                                    negative ? "NOT " : "", contains ? test : "=?");
            out_.values.push_back(contains ? bound : SqlValue(value.text));
            return {};
        }
        for (const char* kind : {"params", "metrics"})
            if (subject.text.starts_with(std::string(kind) + "."))
                return keyComparison(kind, subject.text.substr(std::string(kind).size() + 1), test,
                                     negative && contains, std::move(bound));
        VITRINE_TRY(const SqlCondition field, fieldExpression(project_, subject.text));
        out_.sql += fmt::format("coalesce({}{}{},0)", negative && contains ? "NOT " : "", field.sql, test);
        out_.values.push_back(std::move(bound));
        return {};
    }

    // By set of run numbers: one contiguous read of the key's values, however many runs there are.
    Result<void> keyComparison(const std::string& kind, const std::string& name, const std::string& test,
                               bool negate, SqlValue bound) {
        const bool isParam = kind == "params";
        VITRINE_TRY(const int64_t key, knownKey(project_, kind, name));
        const char* column = isParam ? "value" : "last_value";
        // A text value sorts above every number in SQLite: compare numbers with numbers only.
        const bool numeric = std::holds_alternative<double>(bound);
        const bool ordered = test[0] == '<' || test[0] == '>';
        out_.sql += fmt::format(
            "r.number IN (SELECT run FROM {} WHERE key={} AND {}({}{}){})",
            isParam ? "param_values" : "series", key, negate ? "NOT " : "", column, test,
            numeric && ordered ? fmt::format(" AND typeof({}) IN ('integer','real')", column) : "");
        out_.values.push_back(std::move(bound));
        return {};
    }

    const Project& project_;
    const std::string& text_;
    std::vector<Token> tokens_;
    size_t next_ = 0;
    int nots_ = 0;
    SqlCondition out_;
};

}  // namespace

Result<int64_t> knownKey(const Project& project, const std::string& kind, const std::string& name) {
    const bool isParam = kind == "params";
    const char* stored = isParam ? "param" : "metric";
    for (const std::string& candidate : {name, "settings." + name}) {
        VITRINE_TRY(const SqlValue id, project.database().scalar(
                                           "SELECT id FROM keys WHERE kind=? AND name=?", stored, candidate));
        if (!std::holds_alternative<std::monostate>(id))
            return integerOr(id, 0);
        if (!isParam)
            break;
    }
    VITRINE_TRY(Statement rows, project.database().prepare("SELECT name FROM keys WHERE kind=?"));
    rows.bindAll(stored);
    std::vector<std::string> names;
    while (true) {
        VITRINE_TRY(const bool row, rows.step());
        if (!row)
            break;
        names.push_back(rows.text(0));
    }
    const auto nearest = nearestName(name, names);
    return fail(ErrorCode::InvalidArgument, fmt::format("no run has {}.{}", kind, name), {},
                nearest ? fmt::format("Did you mean \"{}.{}\"?", kind, *nearest) : "");
}

Result<SqlCondition> fieldExpression(const Project& project, const std::string& field) {
    for (const auto& [kind, table, column] : {std::array<const char*, 3>{"params", "param_values", "value"},
                                              {"metrics", "series", "last_value"}}) {
        const std::string prefix = std::string(kind) + ".";
        if (!field.starts_with(prefix))
            continue;
        VITRINE_TRY(const int64_t key, knownKey(project, kind, field.substr(prefix.size())));
        return SqlCondition{
            fmt::format("(SELECT {} FROM {} WHERE key={} AND run=r.number)", column, table, key), {}};
    }
    std::vector<std::string> names{"params.", "metrics."};
    for (const Field& known : kFields) {
        names.emplace_back(known.name);
        if (field == known.name)
            return SqlCondition{
                field == "tag" ? "(SELECT group_concat(tag, ', ') FROM tags WHERE run=r.number)" : known.sql,
                {}};
    }
    const auto nearest = nearestName(field, names);
    return fail(ErrorCode::InvalidArgument, fmt::format("runs have no field \"{}\"", field), {},
                nearest ? fmt::format("Did you mean \"{}\"?", *nearest)
                        : "Parameters are params.KEY, metrics are metrics.KEY");
}

Result<SqlCondition> parseFilter(const Project& project, const std::string& text) {
    VITRINE_TRY(auto tokens, tokenize(text));
    if (tokens.size() == 1)
        return SqlCondition{"1", {}};
    if (tokens.size() > 500)
        return fail(ErrorCode::InvalidArgument, "the filter is too long", "filter");
    return Parser(project, text, std::move(tokens)).parse();
}

}  // namespace vitrine
