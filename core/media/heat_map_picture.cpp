#include "core/media/heat_map_picture.h"

#include "core/media/picture_text.h"

namespace vitrine {
using namespace drawing;
namespace {

constexpr int kBarWidth = 16, kLongSide = 640, kSmallestCell = 4, kLargestCell = 48;

// Every n-th label such that neighbours do not touch, and always the last.
bool isWritten(size_t index, size_t count, int cell, int labelSide) {
    const size_t step = std::max<size_t>(1, size_t((labelSide + cell - 1) / std::max(1, cell)));
    return index + 1 == count || (index % step == 0 && index + step <= count - 1) || step == 1;
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
    return imageOf(canvas);
}

}  // namespace vitrine
