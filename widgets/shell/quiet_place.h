// Where something that lies over a window covers least of what is worked with.
#pragma once

#include <QRect>

class QWidget;

namespace vitrine {

// A place for `size` above the status bar of `window`, `margin` away from its edges: over no button, field or
// tab if there is such a place, else over as few as can be; then over as little as possible of pictures,
// tables, texts and of what has the keyboard; then as near as possible to the lower right corner. Notices
// themselves do not count.
QRect quietPlace(const QWidget& window, QSize size, int margin);

}  // namespace vitrine
