// Charts as files and pictures, on white paper.
#include "core/base/file.h"
#include "widgets/base/theme.h"
#include "widgets/plots/chart_private.h"

#include <QBuffer>
#include <QSvgGenerator>

namespace vitrine {
namespace {

ThemeColors paperColors() {
    ThemeColors colors;
    colors.panel = colors.raised = Qt::white;
    colors.border = QColor("#c4c9d0");
    colors.text = QColor("#1b1e23");
    colors.secondaryText = QColor("#3f4650");
    return colors;
}

}  // namespace

QString Chart::toCsv() const {
    QString csv = "series,x,y,low,high\n";
    for (const ChartSeries& series : series_)
        for (qsizetype index = 0; index < series.x.size(); ++index) {
            QString name = series.name;
            csv +=
                QStringLiteral("\"%1\",%2,%3,%4,%5\n")
                    .arg(name.replace('"', "\"\""), QString::number(series.x[index], 'g', 17),
                         QString::number(series.y.value(index), 'g', 17),
                         series.low.isEmpty() ? QString() : QString::number(series.low.value(index), 'g', 17),
                         series.high.isEmpty() ? QString()
                                               : QString::number(series.high.value(index), 'g', 17));
        }
    return csv;
}

QPixmap Chart::toPixmap(int width, int height) {
    applyColors(paperColors());
    QPixmap pixmap = d_->plot->toPixmap(width, height);
    applyTheme();
    return pixmap;
}

Result<void> Chart::save(const std::filesystem::path& file) {
    const std::string extension = file.extension().string();
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    if (extension == ".csv") {
        bytes = toCsv().toUtf8();
    } else if (extension == ".png") {
        toPixmap(1200, 800).save(&buffer, "PNG");
    } else if (extension == ".svg") {
        QSvgGenerator generator;
        generator.setOutputDevice(&buffer);
        generator.setSize({1200, 800});
        generator.setViewBox(QRect(0, 0, 1200, 800));
        QCPPainter painter(&generator);
        applyColors(paperColors());
        d_->plot->toPainter(&painter, 1200, 800);
        painter.end();
        applyTheme();
    } else {
        return fail(ErrorCode::InvalidArgument, "a chart is saved as .png, .svg or .csv", file.string());
    }
    return writeFileAtomically(file, std::string_view(bytes.constData(), size_t(bytes.size())));
}

}  // namespace vitrine
