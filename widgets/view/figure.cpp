#include "widgets/view/figure.h"

#include "core/base/file.h"

#include <QBuffer>
#include <QPainter>
#include <QSvgGenerator>
#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

constexpr int kMargin = 24, kTitleHeight = 40, kBarHeight = 14, kScaleHeight = 52, kProvenanceHeight = 34;

struct FigureLayout {
    QSize size;
    QRect picture, scale;
};

FigureLayout layoutOf(const Figure& figure) {
    const double aspect = figure.layer.rectInImage.height() / figure.layer.rectInImage.width();
    const int pictureHeight = std::max(1, int(std::lround(figure.width * aspect)));
    const int scaleHeight = figure.layer.display.scalar ? kScaleHeight : 0;
    FigureLayout layout;
    layout.picture = QRect(kMargin, kTitleHeight, figure.width, pictureHeight);
    layout.scale = QRect(kMargin, kTitleHeight + pictureHeight + 12, figure.width, scaleHeight);
    layout.size = {figure.width + 2 * kMargin,
                   kTitleHeight + pictureHeight + 12 + scaleHeight + kProvenanceHeight};
    return layout;
}

void paintFigure(QPainter& painter, const Figure& figure) {
    const FigureLayout layout = layoutOf(figure);
    painter.fillRect(QRect(QPoint(), layout.size), Qt::white);
    QFont font = painter.font();
    font.setPixelSize(18);
    painter.setFont(font);
    painter.setPen(Qt::black);
    painter.drawText(QRect(kMargin, 8, figure.width, kTitleHeight - 10), Qt::AlignLeft | Qt::AlignVCenter,
                     figure.title);
    const bool magnified = figure.width >= int(figure.layer.image->width());
    painter.setRenderHint(QPainter::SmoothPixmapTransform, !magnified);
    painter.drawImage(layout.picture, renderLayer(figure.layer));
    font.setPixelSize(13);
    painter.setFont(font);
    if (figure.layer.display.scalar) {
        QImage bar(256, 1, QImage::Format_RGB32);
        const ColorTable& table = colorTable(figure.layer.display.colorMap);
        for (int x = 0; x < 256; ++x)
            bar.setPixel(x, 0, qRgb(table[size_t(x)].r, table[size_t(x)].g, table[size_t(x)].b));
        const int barWidth = std::min(420, figure.width);
        const QRect place(kMargin, layout.scale.top(), barWidth, kBarHeight);
        painter.drawImage(place, bar);
        const QRect labels(kMargin, place.bottom() + 3, barWidth, 20);
        const ValueRange range = figure.layer.display.range;
        painter.drawText(labels, Qt::AlignLeft, QString::number(range.low, 'g', 4));
        painter.drawText(labels, Qt::AlignHCenter, QString::fromStdString(figure.layer.unit));
        painter.drawText(labels, Qt::AlignRight, QString::number(range.high, 'g', 4));
    }
    font.setPixelSize(11);
    painter.setFont(font);
    painter.setPen(QColor("#555555"));
    painter.drawText(
        QRect(kMargin, layout.size.height() - kProvenanceHeight, figure.width, kProvenanceHeight - 6),
        Qt::AlignLeft | Qt::AlignVCenter | Qt::TextWordWrap, figure.provenance);
}

QRgb colorOfPixel(const Layer& layer, int64_t x, int64_t y) {
    const Image& image = *layer.image;
    if (layer.display.scalar) {
        const Rgb8 color = colorOf(layer.display.colorMap, image.value(x, y, 0), layer.display.range.low,
                                   layer.display.range.high);
        return qRgb(color.r, color.g, color.b);
    }
    const auto channel = [&](int index) {
        const double value = image.value(x, y, image.channels() >= 3 ? index : 0);
        if (image.sampleType() == SampleType::U8)
            return int(value);
        if (image.sampleType() == SampleType::U16)
            return int(std::lround(value / 257));
        const double shown =
            std::pow(std::max(0.0, value * std::exp2(layer.display.exposure)), 1 / layer.display.gamma);
        return int(std::lround(std::clamp(shown, 0.0, 1.0) * 255));
    };
    return qRgb(channel(0), channel(1), channel(2));
}

}  // namespace

QImage renderLayer(const Layer& layer) {
    if (layer.isEmpty())
        return {};
    QImage image(int(layer.image->width()), int(layer.image->height()), QImage::Format_RGB32);
    for (int y = 0; y < image.height(); ++y) {
        auto* row = reinterpret_cast<QRgb*>(image.scanLine(y));
        for (int x = 0; x < image.width(); ++x)
            row[x] = colorOfPixel(layer, x, y);
    }
    return image;
}

QImage renderFigure(const Figure& figure) {
    QImage image(layoutOf(figure).size, QImage::Format_RGB32);
    QPainter painter(&image);
    painter.setRenderHint(QPainter::TextAntialiasing);
    paintFigure(painter, figure);
    painter.end();
    image.setText("Description", figure.provenance);
    return image;
}

Result<void> writeFigure(const Figure& figure, const std::filesystem::path& file) {
    if (figure.layer.isEmpty())
        return fail(ErrorCode::InvalidArgument, "this viewport shows nothing that could be saved");
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    std::string extension = file.extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(), ::tolower);
    if (extension == ".svg") {
        QSvgGenerator generator;
        generator.setOutputDevice(&buffer);
        generator.setSize(layoutOf(figure).size);
        generator.setViewBox(QRect(QPoint(), layoutOf(figure).size));
        generator.setTitle(figure.title);
        generator.setDescription(figure.provenance);
        QPainter painter(&generator);
        paintFigure(painter, figure);
        painter.end();
    } else if (extension == ".png") {
        renderFigure(figure).save(&buffer, "PNG");
    } else {
        return fail(ErrorCode::InvalidArgument, "a figure is saved as .png or .svg", file.string());
    }
    return writeFileAtomically(file, std::string_view(bytes.constData(), size_t(bytes.size())));
}

}  // namespace vitrine
