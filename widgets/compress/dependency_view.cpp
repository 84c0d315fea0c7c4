#include "widgets/compress/dependency_view.h"

#include <QComboBox>
#include <QCoreApplication>
#include <QHBoxLayout>
#include <QLabel>
#include <QSignalBlocker>
#include <QSpinBox>
#include <QVBoxLayout>

namespace vitrine {
namespace {

constexpr int kMost = 1 << 20;
constexpr int kNameWidth = 400;  // pixels: names of tensors are long, and tell by their ends

QString placesText(const TouchedTensor& tensor) {
    QStringList parts;
    for (const auto& [first, count] : tensor.places)
        parts.append(count == 1 ? QString::number(first)
                                : QStringLiteral("%1–%2").arg(first).arg(first + count - 1));
    return parts.join(QStringLiteral(", "));
}

}  // namespace

TableContent dependencyTable(const DependencyGroup& group) {
    const auto tr = [](const char* text) { return QCoreApplication::translate("DependencyView", text); };
    TableContent content;
    content.header = {tr("tensor"), tr("shape"), tr("along"), tr("places"), tr("weights")};
    content.headerTips = {tr("As the model stores it"), tr("Rows (outputs) × columns (inputs)"),
                          tr("What would be cut"), tr("From 0 on"), tr("That go")};
    for (const TouchedTensor& tensor : group.tensors) {
        QStringList shape;
        for (const int64_t size : tensor.shape)
            shape.append(QString::number(size));
        content.rows.push_back({QString::fromStdString(tensor.name), shape.join(QStringLiteral(" × ")),
                                tensor.dimension == 0 ? tr("rows") : tr("columns"), placesText(tensor),
                                qlonglong(tensor.weights())});
    }
    return content;
}

DependencyView::DependencyView(QWidget* parent)
    : QWidget(parent),
      kind_(new QComboBox),
      layer_(new QSpinBox),
      number_(new QSpinBox),
      model_(new QLabel),
      facts_(new QLabel),
      table_(new DataTable) {
    setObjectName("compressDependencies");
    kind_->setObjectName("dependencyKind");
    kind_->addItems({tr("channel"), tr("head"), tr("hidden unit")});
    kind_->setCurrentIndex(int(StructureQuestion::Kind::Neuron));
    layer_->setObjectName("dependencyLayer");
    number_->setObjectName("dependencyNumber");
    for (QSpinBox* each : {layer_, number_})
        each->setRange(0, kMost);
    model_->setObjectName("dependencyModel");
    facts_->setObjectName("dependencyFacts");
    facts_->setWordWrap(true);
    table_->setObjectName("dependencyTable");
    auto* top = new QHBoxLayout;
    top->addWidget(model_, 1);
    top->addWidget(kind_);
    top->addWidget(number_);
    top->addWidget(new QLabel(tr("of layer")));
    top->addWidget(layer_);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(8, 6, 8, 6);
    layout->addLayout(top);
    layout->addWidget(facts_);
    layout->addWidget(table_, 1);
    connect(kind_, &QComboBox::activated, this, &DependencyView::edited);
    for (QSpinBox* each : {layer_, number_})
        connect(each, &QSpinBox::valueChanged, this, &DependencyView::edited);
    setModel({}, true);
}

void DependencyView::setModel(const QString& title, bool language) {
    model_->setText(title.isEmpty() ? tr("Open a model first") : tr("%1: what goes with").arg(title));
    if (!language && kind() == StructureQuestion::Kind::Channel)
        kind_->setCurrentIndex(int(StructureQuestion::Kind::Neuron));
}

StructureQuestion::Kind DependencyView::kind() const {
    return StructureQuestion::Kind(kind_->currentIndex());
}

int64_t DependencyView::layer() const {
    return layer_->value();
}

int64_t DependencyView::number() const {
    return number_->value();
}

void DependencyView::setStructure(StructureQuestion::Kind kind, int64_t layer, int64_t number) {
    const QSignalBlocker blockedLayer(layer_), blockedNumber(number_);
    kind_->setCurrentIndex(int(kind));
    layer_->setValue(int(layer));
    number_->setValue(int(number));
}

void DependencyView::setGroup(const DependencyGroup& group) {
    facts_->setText(tr("%1 weights of %2 tensors go with it: they are cut out together or not at all")
                        .arg(group.weights)
                        .arg(group.tensors.size()));
    table_->setContent(dependencyTable(group));
    table_->setColumnWidth(0, kNameWidth);
    table_->setAccessibleName(tr("Dependency group"));
    table_->setAccessibleDescription(table_->toCsv());
}

void DependencyView::setProblem(const QString& text) {
    facts_->setText(text);
    table_->setContent({});
}

}  // namespace vitrine
