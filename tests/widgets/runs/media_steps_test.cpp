#include "widgets/runs/media_panel.h"

#include <gmock/gmock.h>

#include <QApplication>

namespace vitrine {
namespace {

using ::testing::ElementsAre;

const std::vector<MediaItem> kItems{{1, "pca", 0, "/a0", ""},
                                    {1, "pca", 10, "/a10", ""},
                                    {2, "pca", 5, "/b5", ""},
                                    {2, "logo", -1, "/l", ""},
                                    {1, "map", 10, "/m10", ""}};

TEST(MediaSteps, ShowsTheNewestPictureUpToTheStep) {
    MediaSteps steps;
    steps.setItems(kItems);
    EXPECT_THAT(steps.steps(), ElementsAre(0, 5, 10));
    EXPECT_EQ(steps.names(), (QStringList{"logo", "map", "pca"}));
    EXPECT_EQ(steps.at(1, "pca", 9)->path, "/a0");
    EXPECT_EQ(steps.at(1, "pca", 10)->path, "/a10");
    EXPECT_FALSE(steps.at(2, "pca", 4));
    EXPECT_EQ(steps.at(2, "logo", 0)->path, "/l");
    EXPECT_EQ(steps.indexOf(7), 1);
    EXPECT_EQ(steps.indexOf(-5), 0);
}

TEST(MediaPanel, OneSliderMovesAllPicturesAndFollowsTheNewest) {
    MediaPanel panel;
    panel.resize(900, 600);
    QStringList wanted;
    QObject::connect(&panel, &MediaPanel::imageWanted, [&](const QString& path) { wanted.append(path); });
    panel.setMedia({{1, "one", Qt::red}, {2, "two", Qt::blue}}, kItems);
    panel.show();
    for (int i = 0; i < 3; ++i)
        QApplication::processEvents();
    EXPECT_EQ(panel.step(), 10);
    EXPECT_TRUE(wanted.contains("/a10"));
    EXPECT_TRUE(wanted.contains("/b5"));
    EXPECT_FALSE(wanted.contains("/a0"));
    panel.setStep(0);
    std::vector<QString> shown;
    for (const MediaItem& item : panel.grid()->shownItems())
        shown.push_back(item.path);
    EXPECT_THAT(shown, ElementsAre(QString("/l"), QString("/a0")));
    auto more = kItems;
    more.push_back({2, "pca", 20, "/b20", ""});
    panel.setMedia({{1, "one", Qt::red}, {2, "two", Qt::blue}}, more);
    EXPECT_EQ(panel.step(), 0) << "an older step that the user looks at must stay";
    panel.setStep(20);
    more.push_back({2, "pca", 30, "/b30", ""});
    panel.setMedia({{1, "one", Qt::red}, {2, "two", Qt::blue}}, more);
    EXPECT_EQ(panel.step(), 30);
}

}  // namespace
}  // namespace vitrine
