#include "widgets/base/data_table.h"

#include "tests/widgets/qt_fixture.h"

#include <gtest/gtest.h>

#include <QClipboard>
#include <QGuiApplication>
#include <QSignalSpy>

namespace vitrine {
namespace {

TableContent sampleTable() {
    TableContent content;
    content.header = {"layer", "rank"};
    content.rows = {{"a, b", 10.5}, {"say \"x\"", 9.34}, {"c", QVariant()}};
    content.decimals = 1;
    return content;
}

TEST(DataTable, CopiesAsCsv) {
    testing::qtApplication();
    DataTable table;
    table.setContent(sampleTable());
    EXPECT_EQ(table.toCsv(), "layer,rank\n\"a, b\",10.5\n\"say \"\"x\"\"\",9.34\nc,\n");
    table.selectRow(1);
    table.copy();
    EXPECT_EQ(QGuiApplication::clipboard()->text(), "layer,rank\n\"say \"\"x\"\"\",9.34\n");
    EXPECT_EQ(table.model()->index(0, 1).data().toString(), "10.5");
    EXPECT_EQ(table.model()->index(1, 1).data().toString(), "9.3");
}

TEST(DataTable, SortsByValueAndTellsTheRowAsGiven) {
    testing::qtApplication();
    DataTable table;
    table.setContent(sampleTable());
    // As text "9.34" would come last; what has no value does.
    table.sortByColumn(1, Qt::AscendingOrder);
    EXPECT_EQ(table.model()->index(0, 1).data().toString(), "9.3");
    EXPECT_EQ(table.model()->index(2, 0).data().toString(), "c");
    QSignalSpy chosen(&table, &DataTable::rowChosen);
    table.setCurrentIndex(table.model()->index(0, 0));
    ASSERT_EQ(chosen.size(), 1);
    EXPECT_EQ(chosen[0][0].toInt(), 1);
    table.setContent(sampleTable());
    EXPECT_EQ(table.model()->index(0, 0).data().toString(), "a, b");
    EXPECT_EQ(table.model()->index(2, 0).data().toString(), "c");
}

}  // namespace
}  // namespace vitrine
