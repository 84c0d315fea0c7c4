// Frame times of four linked picture views at 1600×900 while panning and zooming, as a user sees them: from
// the change of the camera until the window was composed and swapped. Run with a display (xvfb-run -a -s
// "-screen 0 1600x900x24").
//   view_bench [side of the picture, default 30000] [frames, default 300]
#include "core/base/json.h"
#include "widgets/base/theme.h"
#include "widgets/view/tile_view.h"

#include <QApplication>
#include <QElapsedTimer>
#include <QGridLayout>
#include <QOpenGLContext>
#include <QOpenGLFunctions>
#include <algorithm>
#include <cmath>
#include <iostream>

using namespace vitrine;

namespace {

std::shared_ptr<const Image> syntheticPicture(int64_t side) {
    auto image = std::make_shared<Image>(ImageSize{side, side}, 3, SampleType::U8);
    uint32_t noise = 1;
    for (int64_t y = 0; y < side; ++y) {
        auto* row = image->row<uint8_t>(y);
        for (int64_t x = 0; x < side; ++x) {
            noise = noise * 1664525 + 1013904223;
            row[3 * x] = uint8_t(x >> 4);
            row[3 * x + 1] = uint8_t(y >> 4);
            row[3 * x + 2] = uint8_t(noise >> 26);
        }
    }
    return image;
}

std::shared_ptr<const Image> syntheticMap(int64_t side) {
    auto image = std::make_shared<Image>(ImageSize{side, side}, 1, SampleType::F32);
    for (int64_t y = 0; y < side; ++y)
        for (int64_t x = 0; x < side; ++x)
            image->row<float>(y)[x] = std::sin(float(x) * 0.05f) * std::cos(float(y) * 0.03f);
    return image;
}

struct Times {
    double median = 0, p95 = 0, worst = 0;
};

Times timesOf(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return {values[values.size() / 2], values[values.size() * 95 / 100], values.back()};
}

class Bench {
  public:
    Bench(int64_t side) {
        window_.resize(1600, 900);
        auto* grid = new QGridLayout(&window_);
        grid->setContentsMargins(0, 0, 0, 0);
        grid->setSpacing(4);
        const auto picture = syntheticPicture(side);
        const auto map = syntheticMap(1024);
        for (int index = 0; index < 4; ++index) {
            auto* view = new TileView;
            view->setLink(&link_);
            view->setImageSize(picture->size());
            Layer layer{index == 0 ? picture : map, QRectF(0, 0, double(side), double(side)), {}, "cosine"};
            layer.display.scalar = index > 0;
            layer.display.range = {-1, 1};
            view->setLayer(layer);
            OverlayModel model;
            model.title = QStringLiteral("%1  Panel").arg(index + 1);
            model.subtitle = "64×64 patches · 12 ms";
            model.hasScale = index > 0;
            model.range = {-1, 1};
            model.readout = {"x 1234  y 5678   0.123", "patch 12, 34   token 1000"};
            view->setOverlayModel(model);
            QObject::connect(view, &QOpenGLWidget::frameSwapped, [this] { ++swapped_; });
            grid->addWidget(view, index / 2, index % 2);
            views_.push_back(view);
        }
        window_.show();
    }
    // Time until all four views were drawn, composed and swapped.
    double frame(const Camera& camera) {
        QElapsedTimer timer;
        timer.start();
        swapped_ = 0;
        link_.setCamera(camera);
        while (swapped_ < 4 && timer.elapsed() < 5000)
            QApplication::processEvents();
        return double(timer.nsecsElapsed()) / 1e6;
    }
    void settle(double seconds) {
        QElapsedTimer timer;
        timer.start();
        while (double(timer.elapsed()) < seconds * 1000)
            QApplication::processEvents();
    }
    QString device() {
        views_[0]->makeCurrent();
        return QString::fromLatin1(
            reinterpret_cast<const char*>(views_[0]->context()->functions()->glGetString(GL_RENDERER)));
    }

  private:
    QWidget window_;
    ViewLink link_;
    std::vector<TileView*> views_;
    int swapped_ = 0;
};

}  // namespace

int main(int argumentCount, char** arguments) {
    const int64_t side = argumentCount > 1 ? std::atoll(arguments[1]) : 30'000;
    const int frames = argumentCount > 2 ? std::atoi(arguments[2]) : 300;
    QCoreApplication::setAttribute(Qt::AA_ShareOpenGLContexts);
    QSurfaceFormat format;
    format.setSwapInterval(0);
    QSurfaceFormat::setDefaultFormat(format);
    QApplication application(argumentCount, arguments);
    Theme::instance().apply(true, QColor());
    Bench bench(side);
    bench.settle(1.0);

    Camera camera;
    camera.fitted = false;
    std::vector<double> pan, zoom;
    // While the pyramid is still being built, as for a picture just opened.
    for (int index = 0; index < frames; ++index) {
        const double share = double(index) / frames;
        camera.scale = 0.4;
        camera.centre = {side * (0.2 + 0.6 * share), side * (0.5 + 0.2 * std::sin(share * 12))};
        pan.push_back(bench.frame(camera));
    }
    for (int index = 0; index < frames; ++index) {
        const double share = double(index) / frames;
        camera.scale = std::exp2(-6 + 8 * (0.5 - 0.5 * std::cos(share * 12.566)));
        camera.centre = {side * 0.4, side * 0.4};
        zoom.push_back(bench.frame(camera));
    }
    const Times panned = timesOf(pan), zoomed = timesOf(zoom);
    const Json report{{"bench", "view"},
                      {"renderer", bench.device().toStdString()},
                      {"pictureSide", side},
                      {"frames", frames},
                      {"panMs", {{"median", panned.median}, {"p95", panned.p95}, {"worst", panned.worst}}},
                      {"zoomMs", {{"median", zoomed.median}, {"p95", zoomed.p95}, {"worst", zoomed.worst}}},
                      {"targetP95Ms", 33}};
    std::cout << report.dump(2) << "\n";
    return 0;
}
