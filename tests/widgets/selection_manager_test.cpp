#include "widgets/base/selection_manager.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

struct Listener {
    explicit Listener(SelectionManager& manager) {
        QObject::connect(&manager, &SelectionManager::selectionChanged,
                         [this](const QString& s) { selections << s; });
        QObject::connect(&manager, &SelectionManager::highlightChanged,
                         [this](const QString& s) { highlights << s; });
        QObject::connect(&manager, &SelectionManager::filterChanged,
                         [this](const QString& s) { filters << s; });
    }
    QStringList selections, highlights, filters;
};

TEST(SelectionManager, SelectsOnceAndNamesTheSource) {
    SelectionManager manager;
    Listener listener(manager);
    manager.select({"a", "b", "a"}, "gallery");
    manager.select({"a", "b"}, "plot");
    EXPECT_EQ(listener.selections, QStringList{"gallery"});
    EXPECT_EQ(manager.selected(), (QStringList{"a", "b"}));
    EXPECT_EQ(manager.current(), "b");
    EXPECT_TRUE(manager.isSelected("a"));
    EXPECT_FALSE(manager.isSelected("c"));
}

TEST(SelectionManager, TogglesAndClears) {
    SelectionManager manager;
    manager.toggle("a", "x");
    manager.toggle("b", "x");
    manager.toggle("a", "x");
    EXPECT_EQ(manager.selected(), QStringList{"b"});
    manager.clearSelection("x");
    EXPECT_EQ(manager.current(), QString());
}

TEST(SelectionManager, HighlightIsApartFromSelection) {
    SelectionManager manager;
    Listener listener(manager);
    manager.select({"a"}, "x");
    manager.highlight("b", "map");
    manager.highlight("b", "map");
    EXPECT_EQ(listener.highlights, QStringList{"map"});
    EXPECT_EQ(manager.selected(), QStringList{"a"});
}

TEST(SelectionManager, FiltersOfSeveralSourcesMustAllPass) {
    SelectionManager manager;
    Listener listener(manager);
    EXPECT_TRUE(manager.passes("a"));
    manager.setFilter("plot", {"a", "b"});
    manager.setFilter("table", {"b", "c"});
    EXPECT_FALSE(manager.passes("a"));
    EXPECT_TRUE(manager.passes("b"));
    manager.clearFilter("table");
    manager.clearFilter("table");
    EXPECT_TRUE(manager.passes("a"));
    EXPECT_EQ(listener.filters, (QStringList{"plot", "table", "table"}));
}

}  // namespace
}  // namespace vitrine
