// Texts on pictures that are drawn with OpenCV. Internal to core/media.
#pragma once

#include "core/media/image.h"

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace vitrine::drawing {

inline constexpr int kFont = cv::FONT_HERSHEY_SIMPLEX;
inline constexpr double kScale = 0.42;
inline constexpr int kMargin = 14;
inline const cv::Scalar kInk(30, 30, 30), kFaint(110, 110, 110), kPaper(255, 255, 255);

inline cv::Size sizeOf(const std::string& text, double scale = kScale) {
    int below = 0;
    cv::Size size = cv::getTextSize(text, kFont, scale, 1, &below);
    size.height += below;
    return size;
}

// `at` is the middle of the text.
inline void writeText(cv::Mat& canvas, const std::string& text, cv::Point at, const cv::Scalar& ink,
                      double scale = kScale) {
    int below = 0;
    const cv::Size size = cv::getTextSize(text, kFont, scale, 1, &below);
    cv::putText(canvas, text, {at.x - size.width / 2, at.y + size.height / 2}, kFont, scale, ink, 1,
                cv::LINE_AA);
}

inline void writeUpwards(cv::Mat& canvas, const std::string& text, cv::Point at) {
    const cv::Size size = sizeOf(text);
    cv::Mat line(size.height + 6, size.width + 6, CV_8UC3, kPaper);
    writeText(line, text, {line.cols / 2, line.rows / 2}, kFaint);
    cv::rotate(line, line, cv::ROTATE_90_COUNTERCLOCKWISE);
    const cv::Rect area(at.x - line.cols / 2, at.y - line.rows / 2, line.cols, line.rows);
    const cv::Rect inside = area & cv::Rect(0, 0, canvas.cols, canvas.rows);
    line(inside - area.tl()).copyTo(canvas(inside));
}

inline int widest(const std::vector<std::string>& texts) {
    int width = 0;
    for (const std::string& text : texts)
        width = std::max(width, sizeOf(text).width);
    return width;
}

inline std::string numberText(double value) {
    return fmt::format("{:.3g}", value);
}

inline Image imageOf(const cv::Mat& canvas) {
    Image image({canvas.cols, canvas.rows}, 3, SampleType::U8);
    for (int y = 0; y < canvas.rows; ++y)
        std::memcpy(image.row<uint8_t>(y), canvas.ptr(y), size_t(canvas.cols) * 3);
    return image;
}

}  // namespace vitrine::drawing
