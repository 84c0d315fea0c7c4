#include "widgets/base/axis_scale.h"

#include <qcustomplot.h>

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

constexpr double kManyDecades = 3;
constexpr int kMostPowers = 8;

class LogTicker : public QCPAxisTicker {
  protected:
    QVector<double> createTickVector(double tickStep, const QCPRange& range) override {
        decades_ = range.lower > 0 ? std::log10(range.upper / range.lower) : 0;
        if (decades_ < 1)
            return QCPAxisTicker::createTickVector(tickStep, range);
        const bool onlyPowers = decades_ > kManyDecades;
        const int step = onlyPowers ? std::max(1, int(std::ceil(decades_ / kMostPowers))) : 1;
        const int first = int(std::floor(std::log10(range.lower))) / step * step - step;
        QVector<double> ticks;
        for (int power = first; std::pow(10.0, power) <= range.upper * 10; power += step) {
            ticks.append(std::pow(10.0, power));
            if (!onlyPowers) {
                ticks.append(2 * std::pow(10.0, power));
                ticks.append(5 * std::pow(10.0, power));
            }
        }
        return ticks;
    }
    // Between powers of ten the other digits; elsewhere the ticks themselves are close enough.
    int getSubTickCount(double tickStep) override {
        if (decades_ < 1)
            return QCPAxisTicker::getSubTickCount(tickStep);
        return decades_ > kManyDecades ? 8 : 0;
    }

  private:
    double decades_ = 0;
};

class WholeTicker : public QCPAxisTicker {
  protected:
    double getTickStep(const QCPRange& range) override {
        return std::max(1.0, std::ceil(QCPAxisTicker::getTickStep(range)));
    }
};

}  // namespace

void setNumberTicks(QCPAxis* axis, bool whole) {
    axis->setTicker(whole ? QSharedPointer<QCPAxisTicker>(new WholeTicker)
                          : QSharedPointer<QCPAxisTicker>(new QCPAxisTicker));
}

void setAxisScale(QCPAxis* axis, bool logarithmic) {
    axis->setScaleType(logarithmic ? QCPAxis::stLogarithmic : QCPAxis::stLinear);
    axis->setTicker(logarithmic ? QSharedPointer<QCPAxisTicker>(new LogTicker)
                                : QSharedPointer<QCPAxisTicker>(new QCPAxisTicker));
    axis->setNumberFormat("gb");
    axis->setNumberPrecision(5);
}

}  // namespace vitrine
