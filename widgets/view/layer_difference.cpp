#include "widgets/view/layer_difference.h"

#include <cmath>
#include <limits>

namespace vitrine {
namespace {

double fullScale(const Image& image) {
    return image.sampleType() == SampleType::U8    ? 255.0
           : image.sampleType() == SampleType::U16 ? 65535.0
                                                   : 1.0;
}

double meanOf(const Image& image, int64_t x, int64_t y) {
    const int colors = image.channels() >= 3 ? 3 : 1;
    double sum = 0;
    for (int channel = 0; channel < colors; ++channel)
        sum += image.value(x, y, channel);
    return sum / colors / fullScale(image);
}

double pixelDifference(const Image& a, int64_t ax, int64_t ay, const Image& b, int64_t bx, int64_t by) {
    if (a.channels() != b.channels())
        return std::abs(meanOf(a, ax, ay) - meanOf(b, bx, by));
    double largest = 0;
    for (int channel = 0; channel < a.channels(); ++channel)
        largest = std::max(largest, std::abs(a.value(ax, ay, channel) / fullScale(a) -
                                             b.value(bx, by, channel) / fullScale(b)));
    return largest;
}

}  // namespace

LayerDifference layerDifference(const Layer& first, const Layer& second) {
    const Image& a = *first.image;
    const Image& b = *second.image;
    auto out = std::make_shared<Image>(a.size(), 1, SampleType::F32);
    LayerDifference result;
    double sum = 0, squares = 0;
    int64_t count = 0;
    for (int64_t y = 0; y < a.height(); ++y) {
        float* row = out->row<float>(y);
        for (int64_t x = 0; x < a.width(); ++x) {
            const QPointF inSecond =
                second.layerFromImage(first.imageFromLayer({double(x) + 0.5, double(y) + 0.5}));
            const int64_t bx = int64_t(std::floor(inSecond.x())), by = int64_t(std::floor(inSecond.y()));
            if (bx < 0 || by < 0 || bx >= b.width() || by >= b.height()) {
                row[x] = std::numeric_limits<float>::quiet_NaN();
                continue;
            }
            const double difference = pixelDifference(a, x, y, b, bx, by);
            row[x] = float(difference);
            sum += difference;
            squares += difference * difference;
            result.largest = std::max(result.largest, difference);
            ++count;
        }
    }
    if (count > 0) {
        result.meanAbsolute = sum / double(count);
        result.rootMeanSquare = std::sqrt(squares / double(count));
    }
    result.layer = first;
    result.layer.image = std::move(out);
    result.layer.display.scalar = true;
    result.layer.display.colorMap = ColorMap::Magma;
    result.layer.display.range = {0, result.largest > 0 ? result.largest : 1.0};
    result.layer.unit = "|A − B|";
    return result;
}

}  // namespace vitrine
