#include "core/engine/html_report.h"

#include <fmt/format.h>

namespace vitrine {
namespace {

std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

std::string base64(const std::string& bytes) {
    static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (size_t i = 0; i < bytes.size(); i += 3) {
        const size_t count = std::min<size_t>(3, bytes.size() - i);
        uint32_t group = 0;
        for (size_t k = 0; k < 3; ++k)
            group = group << 8 | (k < count ? uint8_t(bytes[i + k]) : 0);
        for (size_t k = 0; k < 4; ++k)
            out += k <= count ? kDigits[group >> (18 - 6 * k) & 63] : '=';
    }
    return out;
}

constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --line: #d9dee6; --page: #fbfcfd; --card: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #98a3b3; --line: #313a47; --page: #14181e; --card: #1b2129; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); margin: 2.5rem auto; max-width: 76rem; padding: 0 1.5rem; }
h1 { font-size: 1.7rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; border-top: 1px solid var(--line); padding-top: 1.2rem; }
p { color: var(--soft); margin: .3rem 0 1rem; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem; }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
figure img { width: 100%; display: block; } figcaption { padding: .5rem .7rem; font-size: .85rem; }
details { color: var(--soft); font-size: .75rem; } pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .3rem 0 0; }
table { border-collapse: collapse; font-size: .88rem; } th, td { padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); text-align: left; }
td { font-variant-numeric: tabular-nums; })";

std::string pictureHtml(const ReportPicture& picture) {
    std::string out =
        fmt::format("<figure><img alt=\"{0}\" src=\"data:image/png;base64,{1}\"><figcaption>{0}",
                    escaped(picture.caption), base64(picture.png));
    if (!picture.provenance.empty())
        out += fmt::format("<details><summary>made by</summary><pre>{}</pre></details>",
                           escaped(picture.provenance));
    return out + "</figcaption></figure>\n";
}

std::string tableHtml(const ReportTable& table) {
    const auto row = [](const std::vector<std::string>& cells, const char* tag) {
        std::string out = "<tr>";
        for (const std::string& cell : cells)
            out += fmt::format("<{0}>{1}</{0}>", tag, escaped(cell));
        return out + "</tr>\n";
    };
    std::string out = "<table>\n" + row(table.header, "th");
    for (const auto& cells : table.rows)
        out += row(cells, "td");
    return out + "</table>\n";
}

}  // namespace

std::string htmlReport(const std::string& title, const std::string& subtitle,
                       const std::vector<ReportSection>& sections) {
    std::string out = fmt::format(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
        "content=\"width=device-width\"><title>{0}</title><style>{1}</style></head><body>\n<h1>{0}</"
        "h1><p>{2}</p>\n",
        escaped(title), kStyle, escaped(subtitle));
    for (const ReportSection& section : sections) {
        out += fmt::format("<h2>{}</h2>\n", escaped(section.title));
        if (!section.text.empty())
            out += fmt::format("<p>{}</p>\n", escaped(section.text));
        if (!section.pictures.empty()) {
            out += "<div class=\"pictures\">\n";
            for (const ReportPicture& picture : section.pictures)
                out += pictureHtml(picture);
            out += "</div>\n";
        }
        if (!section.table.header.empty())
            out += tableHtml(section.table);
    }
    return out + "</body></html>\n";
}

}  // namespace vitrine
