// Linear and logarithmic axes of all plots.
#pragma once

class QCPAxis;

namespace vitrine {

// Sets the axis's scale with the ticks that suit it. On a logarithmic axis: powers of ten over long ranges,
// 1, 2 and 5 of each decade over shorter ones, round steps over less than one decade; labels never repeat.
void setAxisScale(QCPAxis* axis, bool logarithmic);
// Ticks of a linear axis: round steps, `whole`: at whole numbers only.
void setNumberTicks(QCPAxis* axis, bool whole);

}  // namespace vitrine
