#include "widgets/compress/titled.h"

#include <QLabel>
#include <QVBoxLayout>

namespace vitrine {

QWidget* titled(const QString& title, QWidget* view) {
    auto* box = new QWidget;
    auto* layout = new QVBoxLayout(box);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(2);
    auto* label = new QLabel(title);
    label->setProperty("role", "secondary");
    layout->addWidget(label);
    layout->addWidget(view, 1);
    view->setAccessibleName(title);
    return box;
}

}  // namespace vitrine
