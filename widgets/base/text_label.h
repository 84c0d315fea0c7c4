// Labels of lines that change while somebody looks: their text can be selected and copied.
#pragma once

#include <QLabel>

namespace vitrine {

QLabel* makeTextLabel(const QString& objectName);
void setTextColor(QLabel* label, const QColor& color);

}  // namespace vitrine
