#include "widgets/teachers/error_charts.h"

#include <QCoreApplication>

namespace vitrine {
namespace {

constexpr qsizetype kOneHotDegrees[] = {0, 90};

QVector<double> vectorOf(const std::vector<double>& values) {
    return QVector<double>(values.begin(), values.end());
}

QString nameOf(const ErrorContours::Contour& contour) {
    return QStringLiteral("%1  %2 : 1")
        .arg(QString::fromStdString(contour.normalizer))
        .arg(contour.ratio, 0, 'g', 3);
}

}  // namespace

std::vector<ChartSeries> errorPlaneSeries(const ErrorContours& contours) {
    std::vector<ChartSeries> series, points;
    for (size_t index = 0; index < contours.contours.size(); ++index) {
        const ErrorContours::Contour& contour = contours.contours[index];
        ChartSeries curve;
        curve.name = QString::fromStdString(contour.normalizer);
        curve.x = vectorOf(contour.x);
        curve.y = vectorOf(contour.y);
        curve.color = chartColor(index);
        curve.curve = true;
        ChartSeries places = curve;
        places.name = QCoreApplication::translate("ErrorView", "%1, one channel wrong").arg(curve.name);
        places.curve = places.line = false;
        places.points = true;
        places.x.clear();
        places.y.clear();
        for (const qsizetype degree : kOneHotDegrees) {
            places.x.append(curve.x.value(degree));
            places.y.append(curve.y.value(degree));
        }
        series.push_back(std::move(curve));
        points.push_back(std::move(places));
    }
    series.insert(series.end(), points.begin(), points.end());
    return series;
}

std::vector<ChartSeries> errorRadiusSeries(const ErrorContours& contours) {
    std::vector<ChartSeries> series;
    for (const ErrorContours::Contour& contour : contours.contours) {
        ChartSeries each;
        each.name = nameOf(contour);
        each.y = vectorOf(contour.radius);
        for (qsizetype degree = 0; degree < each.y.size(); ++degree)
            each.x.append(double(degree));
        series.push_back(std::move(each));
    }
    return series;
}

QString errorFactsText(const ErrorContours& contours) {
    return QCoreApplication::translate("ErrorView",
                                       "channels %1 and %2 of %3: deviations %4 and %5, correlation %6")
        .arg(contours.first)
        .arg(contours.second)
        .arg(contours.channels)
        .arg(contours.firstDeviation, 0, 'g', 3)
        .arg(contours.secondDeviation, 0, 'g', 3)
        .arg(contours.correlation, 0, 'f', 3);
}

}  // namespace vitrine
