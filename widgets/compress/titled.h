// A view under a line that says what it shows, as the pages of Compress lay them out.
#pragma once

#include <QWidget>

namespace vitrine {

QWidget* titled(const QString& title, QWidget* view);

}  // namespace vitrine
