#include "core/media/heat_map_picture.h"

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cstring>

namespace vitrine {
namespace {

constexpr int kFont = cv::FONT_HERSHEY_SIMPLEX;
constexpr double kScale = 0.42;
constexpr int kMargin = 14, kBarWidth = 16, kLongSide = 640, kSmallestCell = 4, kLargestCell = 48;
const cv::Scalar kInk(30, 30, 30), kFaint(110, 110, 110), kPaper(255, 255, 255);

cv::Size sizeOf(const std::string& text, double scale = kScale) {
    int below = 0;
    cv::Size size = cv::getTextSize(text, kFont, scale, 1, &below);
    size.height += below;
    return size;
}

// `at` is the middle of the text.
void writeText(cv::Mat& canvas, const std::string& text, cv::Point at, const cv::Scalar& ink,
               double scale = kScale) {
    int below = 0;
    const cv::Size size = cv::getTextSize(text, kFont, scale, 1, &below);
    cv::putText(canvas, text, {at.x - size.width / 2, at.y + size.height / 2}, kFont, scale, ink, 1,
                cv::LINE_AA);
}

void writeUpwards(cv::Mat& canvas, const std::string& text, cv::Point at) {
    const cv::Size size = sizeOf(text);
    cv::Mat line(size.height + 6, size.width + 6, CV_8UC3, kPaper);
    writeText(line, text, {line.cols / 2, line.rows / 2}, kFaint);
    cv::rotate(line, line, cv::ROTATE_90_COUNTERCLOCKWISE);
    const cv::Rect area(at.x - line.cols / 2, at.y - line.rows / 2, line.cols, line.rows);
    const cv::Rect inside = area & cv::Rect(0, 0, canvas.cols, canvas.rows);
    line(inside - area.tl()).copyTo(canvas(inside));
}

int widest(const std::vector<std::string>& labels) {
    int width = 0;
    for (const std::string& label : labels)
        width = std::max(width, sizeOf(label).width);
    return width;
}

// Every n-th label such that neighbours do not touch, and always the last.
bool isWritten(size_t index, size_t count, int cell, int labelSide) {
    const size_t step = std::max<size_t>(1, size_t((labelSide + cell - 1) / std::max(1, cell)));
    return index + 1 == count || (index % step == 0 && index + step <= count - 1) || step == 1;
}

std::string numberText(double value) {
    return fmt::format("{:.3g}", value);
}

void drawCells(cv::Mat& canvas, const HeatMapPicture& picture, cv::Point corner, int cell) {
    for (size_t row = 0; row < picture.rows; ++row)
        for (size_t column = 0; column < picture.columns; ++column) {
            const Rgb8 color = colorOf(picture.colors, picture.values[row * picture.columns + column],
                                       picture.low, picture.high);
            const int place = int(picture.rowsUpwards ? picture.rows - 1 - row : row);
            cv::rectangle(canvas,
                          cv::Rect(corner.x + int(column) * cell, corner.y + place * cell, cell, cell),
                          cv::Scalar(color.r, color.g, color.b), cv::FILLED);
        }
}

void drawLabels(cv::Mat& canvas, const HeatMapPicture& picture, cv::Point corner, int cell) {
    const int lineHeight = sizeOf("0").height + 4;
    for (size_t row = 0; row < picture.rowLabels.size(); ++row) {
        if (!isWritten(row, picture.rowLabels.size(), cell, lineHeight))
            continue;
        const int place = int(picture.rowsUpwards ? picture.rows - 1 - row : row);
        const int width = sizeOf(picture.rowLabels[row]).width;
        writeText(canvas, picture.rowLabels[row],
                  {corner.x - 6 - width / 2, corner.y + place * cell + cell / 2}, kInk);
    }
    const int wide = widest(picture.columnLabels) + 8;
    for (size_t column = 0; column < picture.columnLabels.size(); ++column)
        if (isWritten(column, picture.columnLabels.size(), cell, wide))
            writeText(canvas, picture.columnLabels[column],
                      {corner.x + int(column) * cell + cell / 2, corner.y + int(picture.rows) * cell + 12},
                      kInk);
}

void drawBar(cv::Mat& canvas, const HeatMapPicture& picture, cv::Rect bar) {
    for (int y = 0; y < bar.height; ++y) {
        const Rgb8 color = colorOf(picture.colors, 1 - double(y) / std::max(1, bar.height - 1), 0, 1);
        cv::line(canvas, {bar.x, bar.y + y}, {bar.x + bar.width - 1, bar.y + y},
                 cv::Scalar(color.r, color.g, color.b));
    }
    const auto mark = [&](double value, int y) {
        const std::string text = numberText(value);
        writeText(canvas, text, {bar.x + bar.width + 6 + sizeOf(text).width / 2, y}, kInk);
    };
    mark(picture.high, bar.y + 6);
    mark((picture.low + picture.high) / 2, bar.y + bar.height / 2);
    mark(picture.low, bar.y + bar.height - 6);
}

}  // namespace

Result<Image> drawHeatMap(const HeatMapPicture& picture) {
    if (picture.rows == 0 || picture.columns == 0 ||
        picture.values.size() != picture.rows * picture.columns ||
        (!picture.rowLabels.empty() && picture.rowLabels.size() != picture.rows) ||
        (!picture.columnLabels.empty() && picture.columnLabels.size() != picture.columns))
        return fail(ErrorCode::InvalidArgument, "values and labels do not fit the matrix", "heat map");
    const int cell =
        std::clamp(kLongSide / int(std::max(picture.rows, picture.columns)), kSmallestCell, kLargestCell);
    const int width = cell * int(picture.columns), height = cell * int(picture.rows);
    const int left = kMargin + (picture.rowTitle.empty() ? 0 : 22) + widest(picture.rowLabels) + 8;
    const int top = kMargin + (picture.title.empty() ? 0 : 26);
    const int bottom =
        (picture.columnLabels.empty() ? 0 : 20) + (picture.columnTitle.empty() ? 0 : 22) + kMargin;
    const int right =
        18 + kBarWidth + 8 +
        std::max(sizeOf(numberText(picture.low)).width, sizeOf(numberText(picture.high)).width) + kMargin +
        12;
    const int whole = std::max(left + width + right, sizeOf(picture.title, 0.5).width + 2 * kMargin);
    cv::Mat canvas(top + std::max(height, 60) + bottom, whole, CV_8UC3, kPaper);
    const cv::Point corner(left, top);
    drawCells(canvas, picture, corner, cell);
    drawLabels(canvas, picture, corner, cell);
    drawBar(canvas, picture, {left + width + 18, top, kBarWidth, std::max(height, 60)});
    if (!picture.title.empty())
        writeText(canvas, picture.title, {whole / 2, kMargin + 6}, kInk, 0.5);
    if (!picture.columnTitle.empty())
        writeText(canvas, picture.columnTitle, {left + width / 2, canvas.rows - kMargin - 4}, kFaint);
    if (!picture.rowTitle.empty())
        writeUpwards(canvas, picture.rowTitle, {kMargin + 6, top + height / 2});

    Image image({canvas.cols, canvas.rows}, 3, SampleType::U8);
    for (int y = 0; y < canvas.rows; ++y)
        std::memcpy(image.row<uint8_t>(y), canvas.ptr(y), size_t(canvas.cols) * 3);
    return image;
}

}  // namespace vitrine
