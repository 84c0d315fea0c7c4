#include "tests/widgets/qt_fixture.h"
#include "widgets/base/theme.h"
#include "widgets/shell/main_window.h"
#include "widgets/shell/notice_list.h"
#include "widgets/shell/quiet_place.h"

#include <gtest/gtest.h>

#include <QDockWidget>
#include <QEnterEvent>
#include <QLabel>
#include <QMainWindow>
#include <QPushButton>
#include <QStatusBar>
#include <QTextEdit>
#include <QToolButton>

namespace vitrine {
namespace {

class Notices : public ::testing::Test {
  protected:
    void SetUp() override {
        testing::qtApplication();
        window_ = std::make_unique<MainWindow>(registry_);
        window_->resize(1000, 700);
        window_->show();
    }
    ToastHost& host() { return window_->toasts(); }
    ToastCard* card(const QString& text) {
        for (auto* each : window_->findChildren<ToastCard*>())
            if (each->text() == text)
                return each;
        return nullptr;
    }

    CommandRegistry registry_;
    std::unique_ptr<MainWindow> window_;
};

TEST_F(Notices, TheSameTextIsCountedAndKeptForTheList) {
    for (int i = 0; i < 3; ++i)
        host().show(ToastKind::Error, "the disk is full");
    host().show(ToastKind::Success, "saved");
    EXPECT_EQ(host().visibleTexts(), (QStringList{"the disk is full  (×3)", "saved"}));
    ASSERT_EQ(host().notices().size(), 2);
    EXPECT_EQ(host().notices().first().count, 3);
    EXPECT_EQ(window_->findChild<QToolButton*>("noticesButton")->text(), "4");
}

TEST_F(Notices, AtMostThreeLieOnTheWindowAndTheListHasThemAll) {
    for (int i = 1; i <= 5; ++i)
        host().show(ToastKind::Info, QString("number %1").arg(i));
    EXPECT_EQ(host().visibleTexts(), (QStringList{"number 3", "number 4", "number 5"}));
    ASSERT_TRUE(window_->commands().run("view.notices"));
    const auto* list = window_->findChild<NoticeList*>();
    ASSERT_TRUE(list);
    ASSERT_EQ(list->count(), 5);
    EXPECT_TRUE(list->item(0)->text().endsWith("number 5")) << list->item(0)->text().toStdString();
    EXPECT_TRUE(list->item(4)->text().endsWith("number 1"));
    EXPECT_EQ(window_->findChild<QToolButton*>("noticesButton")->text(), "") << "all are seen";
    ASSERT_TRUE(window_->commands().run("view.notices"));
    EXPECT_FALSE(window_->findChild<QDockWidget*>("noticesDock")->isVisible());
}

TEST_F(Notices, GoByThemselvesButNotUnderTheMouse) {
    host().setTimes(120, 120);
    host().show(ToastKind::Info, "goes");
    host().show(ToastKind::Info, "stays");
    ToastCard* kept = card("stays");
    ASSERT_TRUE(kept);
    QEnterEvent enter({5, 5}, {5, 5}, {5, 5});
    QCoreApplication::sendEvent(kept, &enter);
    EXPECT_TRUE(testing::waitUntil([&] { return host().visibleTexts() == QStringList{"stays"}; }));
    testing::waitUntil([] { return false; }, 300);
    EXPECT_EQ(host().visibleTexts(), QStringList{"stays"});
    QEvent leave(QEvent::Leave);
    QCoreApplication::sendEvent(kept, &leave);
    EXPECT_TRUE(testing::waitUntil([&] { return host().visibleTexts().isEmpty(); }));
    EXPECT_TRUE(testing::waitUntil([&] { return card("stays") == nullptr; })) << "faded, and gone";
    EXPECT_EQ(host().notices().size(), 2) << "the list has them still";
}

TEST_F(Notices, ALongTextIsCutOnTheWindowOnly) {
    const QString text = QString("word ").repeated(200).trimmed();
    host().show(ToastKind::Error, text);
    const QString shown = card(text)->findChild<QLabel*>("toastText")->text();
    EXPECT_LT(shown.size(), 300);
    EXPECT_TRUE(shown.endsWith("…"));
    EXPECT_EQ(host().notices().last().text, text);
}

// As the program looks: the theme's style is there before the window.
TEST(StatusBar, IsAsHighAsItsTextWhateverNoticesAndJobsThereAre) {
    testing::qtApplication();
    const QString plain = qApp->styleSheet();
    Theme::instance().apply(true, QColor());
    {
        QMainWindow textOnly;
        textOnly.statusBar()->setSizeGripEnabled(false);
        textOnly.statusBar()->addWidget(new QLabel("Ready"));
        textOnly.show();
        CommandRegistry registry;
        MainWindow window(registry);
        window.show();
        const auto extra = [&] {
            QApplication::processEvents();
            return window.statusBar()->height() - textOnly.statusBar()->height();
        };
        EXPECT_EQ(extra(), 0);
        window.toasts().show(ToastKind::Info, "said");
        EXPECT_EQ(extra(), 0) << "with a number of notices";
        EXPECT_TRUE(window.findChild<QToolButton*>("noticesButton")->isVisible());
        ASSERT_TRUE(window.commands().run("view.notices"));
        EXPECT_EQ(extra(), 0) << "when all are seen";
        for (const char* job : {"one job", "another"})
            window.jobs().begin(job, {});
        EXPECT_EQ(extra(), 0) << "with jobs";
        EXPECT_TRUE(window.findChild<QToolButton*>("jobCancel")->isVisible());
    }
    qApp->setStyleSheet(plain);
}

// A window of 1000 × 700 with a button in the lower right and a text that has the right two thirds.
TEST(QuietPlace, CoversNoControlAndLittleContent) {
    testing::qtApplication();
    QMainWindow window;
    auto* centre = new QWidget;
    window.setCentralWidget(centre);
    window.statusBar()->showMessage("ready");
    window.resize(1000, 700);
    auto* button = new QPushButton("Start", centre);
    button->setGeometry(880, 600, 100, 40);
    window.show();
    const QSize size(300, 80);
    const QRect beside = quietPlace(window, size, 14);
    const auto placed = [&](const QWidget* widget) {
        return QRect(widget->mapTo(&window, QPoint()), widget->size());
    };
    EXPECT_FALSE(beside.intersects(placed(button)));
    EXPECT_LT(beside.bottom(), window.statusBar()->geometry().top());
    EXPECT_TRUE(window.rect().contains(beside));
    delete button;
    EXPECT_EQ(quietPlace(window, size, 14).right(), 1000 - 14 - 1) << "the corner is free again";
    auto* text = new QTextEdit(centre);
    text->setGeometry(330, 0, 670, 700);
    text->show();
    EXPECT_FALSE(quietPlace(window, size, 14).intersects(placed(text)));
}

}  // namespace
}  // namespace vitrine
