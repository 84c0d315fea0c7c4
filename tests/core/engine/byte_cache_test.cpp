#include "core/engine/byte_cache.h"

#include <gtest/gtest.h>

namespace vitrine {

TEST(ByteCache, DropsTheLeastRecentlyUsed) {
    ByteCache<int> cache(100);
    cache.insert("a", 1, 40);
    cache.insert("b", 2, 40);
    ASSERT_NE(cache.find("a"), nullptr);  // now "b" is the older one
    cache.insert("c", 3, 40);
    EXPECT_EQ(cache.find("b"), nullptr);
    EXPECT_EQ(*cache.find("a"), 1);
    EXPECT_EQ(*cache.find("c"), 3);
    EXPECT_EQ(cache.totalBytes(), 80);
    cache.setLimit(50);
    EXPECT_EQ(cache.size(), 1u);
}

TEST(ByteCache, KeepsOneThatIsTooLarge) {
    ByteCache<int> cache(10);
    EXPECT_EQ(cache.insert("big", 7, 1000), 7);
    EXPECT_EQ(*cache.find("big"), 7);
    cache.insert("big", 8, 5);
    EXPECT_EQ(cache.totalBytes(), 5);
}

}  // namespace vitrine
