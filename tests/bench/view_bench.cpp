// What the window's views cost, as a user sees it; needs a display (xvfb-run -a -s "-screen 0 1600x900x24").
//   view_bench [--side 30000] [--frames 300]           four linked views at 1600x900 while panning and
//   zooming: from the
//                                                      change of the camera until the window was composed and
//                                                      swapped
//   view_bench --folder DIR                            first thumbnails of a folder
//   view_bench --picture FILE --model DIR              a probe that moves: until four maps are drawn anew
//   view_bench --program vitrine-desktop               from the start until the window answers
// Any of them together; medians, 95th percentiles and the worst, beside the targets.
#include "tests/bench/view_bench_window.h"
#include "widgets/base/stall_detector.h"
#include "widgets/base/theme.h"
#include "widgets/view/tile_view.h"

#include <CLI/CLI.hpp>

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
            QApplication::processEvents(QEventLoop::AllEvents | QEventLoop::WaitForMoreEvents);
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

Json benchPanAndZoom(int64_t side, int frames) {
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
    return {{"renderer", bench.device().toStdString()},
            {"pictureSide", side},
            {"panMs", jsonOf(timesOf(pan), 33)},
            {"zoomMs", jsonOf(timesOf(zoom), 33)}};
}

}  // namespace

int main(int argumentCount, char** arguments) {
    int64_t side = 0;
    int frames = 300, repeats = 9;
    std::string folder, picture, model, program;
    CLI::App parser{"What the window's views cost", "view_bench"};
    parser.add_option("--side", side, "Pan and zoom over a picture of this many pixels a side");
    parser.add_option("--frames", frames, "Frames of panning, and of zooming");
    parser.add_option("--folder", folder, "First thumbnails of this folder");
    auto* pictureOption = parser.add_option("--picture", picture, "Move the probe over this picture");
    parser.add_option("--model", model, "with features of this model")->needs(pictureOption);
    parser.add_option("--program", program, "Start this program");
    parser.add_option("--repeats", repeats, "Repetitions of everything else than frames");
    CLI11_PARSE(parser, argumentCount, arguments);
    if (folder.empty() && picture.empty() && program.empty() && side == 0)
        side = 30'000;
    QCoreApplication::setAttribute(Qt::AA_ShareOpenGLContexts);
    QSurfaceFormat format;
    format.setVersion(3, 3);
    format.setProfile(QSurfaceFormat::CoreProfile);
    format.setDepthBufferSize(24);
    format.setSwapInterval(0);
    QSurfaceFormat::setDefaultFormat(format);
    Application application(argumentCount, arguments);
    Theme::instance().apply(true, QColor());
    Json report{{"bench", "view"}, {"window", {1600, 900}}, {"scale", qApp->devicePixelRatio()}};
    if (!program.empty())
        report["startMs"] = benchStart(program, repeats);
    if (!folder.empty())
        report["thumbnails"] = benchThumbnails(folder, repeats);
    if (!picture.empty())
        report["probe"] = benchHover(picture, model, 10 * repeats);
    if (side > 0)
        report["frames"] = benchPanAndZoom(side, frames);
    std::cout << report.dump(2) << "\n";
    return 0;
}
