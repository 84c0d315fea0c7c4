#include "core/media/line_chart_picture.h"

#include "core/media/color_map.h"
#include "core/media/picture_text.h"

#include <cmath>

namespace vitrine {
using namespace drawing;
namespace {

constexpr int kWidth = 560, kHeight = 340;  // of the plot itself, pixels
constexpr int kTicks = 5;

struct Axis {
    double low = 0, high = 1, step = 1;
};

// Whole steps of 1, 2 or 5 times a power of ten around all values.
Axis axisFor(double low, double high) {
    if (!(high > low)) {
        low -= std::abs(low) > 0 ? std::abs(low) / 2 : 0.5;
        high += std::abs(high) > 0 ? std::abs(high) / 2 : 0.5;
    }
    const double rough = (high - low) / kTicks, power = std::pow(10, std::floor(std::log10(rough)));
    double step = 10 * power;
    for (const double factor : {5.0, 2.0, 1.0})
        if (rough <= factor * power)
            step = factor * power;
    return {std::floor(low / step + 1e-9) * step, std::ceil(high / step - 1e-9) * step, step};
}

class Plot {
  public:
    Plot(cv::Mat& canvas, cv::Rect area, Axis x, Axis y) : canvas_(canvas), area_(area), x_(x), y_(y) {}

    cv::Point place(double x, double y) const {
        return {area_.x + int(std::lround((x - x_.low) / (x_.high - x_.low) * area_.width)),
                area_.y + area_.height - int(std::lround((y - y_.low) / (y_.high - y_.low) * area_.height))};
    }

    void grid() const {
        const cv::Scalar line(225, 225, 225);
        for (double value = x_.low; value <= x_.high + x_.step / 2; value += x_.step) {
            const cv::Point at = place(value, y_.low);
            cv::line(canvas_, at, {at.x, area_.y}, line);
            writeText(canvas_, tickText(value, x_.step), {at.x, at.y + 12}, kInk);
        }
        for (double value = y_.low; value <= y_.high + y_.step / 2; value += y_.step) {
            const cv::Point at = place(x_.low, value);
            cv::line(canvas_, at, {area_.x + area_.width, at.y}, line);
            const std::string text = tickText(value, y_.step);
            writeText(canvas_, text, {at.x - 8 - sizeOf(text).width / 2, at.y}, kInk);
        }
        cv::rectangle(canvas_, area_, kFaint);
    }

    void curve(const LineChartSeries& series, const cv::Scalar& ink) const {
        for (size_t index = 0; index < series.x.size(); ++index) {
            const cv::Point at = place(series.x[index], series.y[index]);
            if (index > 0)
                cv::line(canvas_, place(series.x[index - 1], series.y[index - 1]), at, ink, 2, cv::LINE_AA);
            cv::circle(canvas_, at, 4, ink, cv::FILLED, cv::LINE_AA);
        }
    }

    // Rounding would write 0 as 1e-17.
    static std::string tickText(double value, double step) {
        return numberText(std::abs(value) < step / 1000 ? 0 : value);
    }

  private:
    cv::Mat& canvas_;
    cv::Rect area_;
    Axis x_, y_;
};

Result<void> check(const LineChartPicture& picture) {
    if (picture.series.empty())
        return fail(ErrorCode::InvalidArgument, "there is no curve to draw", "line chart");
    for (const LineChartSeries& series : picture.series) {
        bool finite = true;
        for (const auto* values : {&series.x, &series.y})
            for (const double value : *values)
                finite &= std::isfinite(value);
        if (series.x.empty() || series.x.size() != series.y.size() || !finite)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("expected as many finite x as y values, found {} and {}", series.x.size(),
                                    series.y.size()),
                        "line chart: " + series.name);
    }
    return {};
}

}  // namespace

Result<Image> drawLineChart(const LineChartPicture& picture) {
    VITRINE_TRY_VOID(check(picture));
    double lowX = INFINITY, highX = -INFINITY, lowY = INFINITY, highY = -INFINITY;
    std::vector<std::string> names;
    for (const LineChartSeries& series : picture.series) {
        names.push_back(series.name);
        lowX = std::min(lowX, *std::min_element(series.x.begin(), series.x.end()));
        highX = std::max(highX, *std::max_element(series.x.begin(), series.x.end()));
        lowY = std::min(lowY, *std::min_element(series.y.begin(), series.y.end()));
        highY = std::max(highY, *std::max_element(series.y.begin(), series.y.end()));
    }
    if (picture.fromZero && lowY > 0)
        lowY = 0;
    const Axis x = axisFor(lowX, highX), y = axisFor(lowY, highY);
    const int left =
        kMargin + 22 +
        std::max(sizeOf(Plot::tickText(y.low, y.step)).width, sizeOf(Plot::tickText(y.high, y.step)).width) +
        30;
    const int top = kMargin + (picture.title.empty() ? 8 : 30);
    const int legend = 22 + widest(names) + 2 * kMargin;
    cv::Mat canvas(top + kHeight + 52, left + kWidth + legend, CV_8UC3, kPaper);
    const cv::Rect area(left, top, kWidth, kHeight);
    const Plot plot(canvas, area, x, y);
    plot.grid();
    for (size_t index = 0; index < picture.series.size(); ++index) {
        const Rgb8 color = labelColor(int64_t(index));
        const cv::Scalar ink(color.r, color.g, color.b);
        plot.curve(picture.series[index], ink);
        const cv::Point at(left + kWidth + kMargin, top + 10 + int(index) * 20);
        cv::line(canvas, at, {at.x + 16, at.y}, ink, 3, cv::LINE_AA);
        writeText(canvas, names[index], {at.x + 22 + sizeOf(names[index]).width / 2, at.y}, kInk);
    }
    writeText(canvas, picture.title, {left + kWidth / 2, kMargin + 8}, kInk, 0.5);
    writeText(canvas, picture.xTitle, {left + kWidth / 2, canvas.rows - kMargin - 4}, kFaint);
    writeUpwards(canvas, picture.yTitle, {kMargin + 4, top + kHeight / 2});
    return imageOf(canvas);
}

}  // namespace vitrine
