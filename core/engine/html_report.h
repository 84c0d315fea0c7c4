// A report of pictures and tables as one HTML file that needs nothing else: pictures are inside.
#pragma once

#include <string>
#include <vector>

namespace vitrine {

struct ReportPicture {
    std::string caption;
    std::string png;         // encoded bytes
    std::string provenance;  // shown under the caption on demand
};

struct ReportTable {
    std::vector<std::string> header;
    std::vector<std::vector<std::string>> rows;
};

struct ReportSection {
    std::string title;
    std::string text;
    std::vector<ReportPicture> pictures;
    ReportTable table;  // left out if its header is empty
};

// Light and dark follow the reader's system.
std::string htmlReport(const std::string& title, const std::string& subtitle,
                       const std::vector<ReportSection>& sections);

}  // namespace vitrine
