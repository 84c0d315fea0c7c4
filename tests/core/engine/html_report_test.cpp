#include "core/engine/html_report.h"

#include <gtest/gtest.h>

namespace vitrine {

TEST(HtmlReport, EscapesNamesAndEmbedsPictures) {
    ReportSection section;
    section.title = "<script>alert(1)</script>";
    section.pictures = {{"a \"b\" & c", "Man", "made by"}, {"d", "Ma", ""}, {"e", "M", ""}};
    section.table.header = {"x<y"};
    section.table.rows = {{"1&2"}};
    const std::string html = htmlReport("t", "s", {section});
    EXPECT_EQ(html.find("<script>"), std::string::npos);
    EXPECT_NE(html.find("&lt;script&gt;"), std::string::npos);
    EXPECT_NE(html.find("base64,TWFu\""), std::string::npos);
    EXPECT_NE(html.find("base64,TWE=\""), std::string::npos);
    EXPECT_NE(html.find("base64,TQ==\""), std::string::npos);
    EXPECT_NE(html.find("x&lt;y"), std::string::npos);
    EXPECT_NE(html.find("1&amp;2"), std::string::npos);
}

}  // namespace vitrine
