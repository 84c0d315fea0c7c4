#include "widgets/base/elided_combo.h"

#include "tests/widgets/qt_fixture.h"
#include "widgets/base/theme.h"

#include <gtest/gtest.h>

#include <QHBoxLayout>

namespace vitrine {
namespace {

struct Header {
    QApplication& application = testing::qtApplication();  // before the widgets
    QWidget window;
    ElidedCombo first, second;

    Header() {
        Theme::instance().apply(true, QColor());
        first.addItems({"PCA", "As the model saw it"});
        second.addItems({"No compare", "Difference with 2"});
        auto* layout = new QHBoxLayout(&window);
        for (ElidedCombo* box : {&first, &second}) {
            box->setHugging(60);
            layout->addWidget(box);
        }
        layout->addStretch(1);
    }
    void show(int width) {
        window.resize(width, 60);
        window.show();
        QApplication::processEvents();
    }
};

TEST(ElidedCombo, TakesWhatItsEntryNeedsAndNoMore) {
    Header header;
    header.show(600);
    EXPECT_EQ(header.first.width(), header.first.fullWidth());
    EXPECT_EQ(header.second.width(), header.second.fullWidth());
    const int narrow = header.first.width();
    header.first.setCurrentIndex(1);
    header.show(600);
    EXPECT_GT(header.first.width(), narrow + 50);
    EXPECT_EQ(header.first.width(), header.first.fullWidth());
}

TEST(ElidedCombo, GivesWayWhereThereIsNoRoom) {
    Header header;
    header.first.setCurrentIndex(1);
    header.second.setCurrentIndex(1);
    header.show(180);
    EXPECT_LE(header.window.width(), 180);
    EXPECT_GE(header.first.width(), 60);
    EXPECT_LT(header.first.width(), header.first.fullWidth());
}

// The text is drawn at its full width exactly when the list is at least that wide.
TEST(ElidedCombo, FullWidthIsNotTooSmall) {
    Header header;
    header.show(600);
    const auto inkedPixels = [&](int width) {
        header.first.setFixedWidth(width);
        QApplication::processEvents();
        const QImage image = header.first.grab().toImage();
        int inked = 0;
        for (int y = 4; y < image.height() - 4; ++y)  // without the frame and the arrow
            for (int x = 4; x < image.width() - 24; ++x)
                inked += qGray(image.pixel(x, y)) > 150;
        return inked;
    };
    header.first.setCurrentIndex(1);
    const int full = header.first.fullWidth();
    EXPECT_EQ(inkedPixels(full), inkedPixels(full + 40));
    EXPECT_LT(inkedPixels(full - 30), inkedPixels(full));
}

}  // namespace
}  // namespace vitrine
