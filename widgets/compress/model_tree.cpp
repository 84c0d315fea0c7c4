#include "widgets/compress/model_tree.h"

#include "core/base/csv.h"
#include "widgets/base/icons.h"
#include "widgets/base/theme.h"

#include <QHBoxLayout>
#include <QHash>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QToolButton>
#include <QTreeWidget>
#include <QVBoxLayout>
#include <cmath>

namespace vitrine {
namespace {

enum Column { kName, kShape, kType, kWeights, kSize, kOperations, kZeros, kPattern, kColumns };
constexpr int kLineRole = Qt::UserRole;  // number of the tensor; parts have none
constexpr int kIndentation = 12;
constexpr int kExpandedBelow = 120;  // tensors: larger trees open their first level only

QString percentText(double part) {
    return QStringLiteral("%1 %").arg(100 * part, 0, 'f', part > 0.1 || part == 0 ? 1 : 2);
}

}  // namespace

QString countText(double count) {
    static const QStringList units{"", " K", " M", " G", " T"};
    int unit = 0;
    while (std::abs(count) >= 1000 && unit + 1 < units.size()) {
        count /= 1000;
        ++unit;
    }
    return QStringLiteral("%1%2").arg(count, 0, 'f', unit == 0 ? 0 : count < 10 ? 2 : 1).arg(units[unit]);
}

QString sizeText(double bytes) {
    static const QStringList units{" B", " kB", " MB", " GB", " TB"};
    int unit = 0;
    while (std::abs(bytes) >= 1000 && unit + 1 < units.size()) {
        bytes /= 1000;
        ++unit;
    }
    return QStringLiteral("%1%2").arg(bytes, 0, 'f', unit == 0 ? 0 : bytes < 10 ? 2 : 1).arg(units[unit]);
}

ModelTree::ModelTree(QWidget* parent)
    : QWidget(parent),
      title_(new QLabel),
      facts_(new QLabel),
      status_(new QLabel),
      find_(new QLineEdit),
      tree_(new QTreeWidget) {
    setObjectName("compressModel");
    setAttribute(Qt::WA_StyledBackground);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(8, 6, 8, 6);
    layout->setSpacing(5);
    title_->setObjectName("compressModelName");
    title_->setProperty("role", "heading");
    facts_->setObjectName("compressModelFacts");
    facts_->setWordWrap(true);
    status_->setObjectName("compressModelStatus");
    status_->setWordWrap(true);
    status_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    status_->hide();
    auto* open = new QToolButton;
    open->setObjectName("compressOpenModel");
    open->setIcon(themedIcon("folder"));
    open->setToolTip(tr("Open a language model (folder, llama2.c, GGUF) or an encoder"));
    auto* count = new QToolButton;
    count->setObjectName("compressCount");
    count->setIcon(themedIcon("chart"));
    count->setToolTip(tr("Read all tensors: zeros and N:M compliance"));
    auto* top = new QHBoxLayout;
    top->addWidget(title_, 1);
    top->addWidget(count);
    top->addWidget(open);
    find_->setObjectName("compressFind");
    find_->setPlaceholderText(tr("Find tensors"));
    find_->setClearButtonEnabled(true);
    tree_->setObjectName("compressTree");
    tree_->setUniformRowHeights(true);
    tree_->setAlternatingRowColors(true);
    tree_->setColumnCount(kColumns);
    tree_->setIndentation(kIndentation);
    tree_->header()->setStretchLastSection(false);
    tree_->setToolTip(tr("A double click shows the weights and their mask"));
    layout->addLayout(top);
    layout->addWidget(facts_);
    layout->addWidget(status_);
    layout->addWidget(find_);
    layout->addWidget(tree_, 1);
    connect(open, &QToolButton::clicked, this, &ModelTree::openRequested);
    connect(count, &QToolButton::clicked, this, &ModelTree::countRequested);
    connect(find_, &QLineEdit::textChanged, this, &ModelTree::filter);
    connect(tree_, &QTreeWidget::itemDoubleClicked, this, [this](QTreeWidgetItem* item) {
        const QVariant line = item->data(kName, kLineRole);
        if (line.isValid() && content_.tensors[size_t(line.toInt())].matrix)
            emit tensorChosen(content_.tensors[size_t(line.toInt())].name);
    });
    setContent({});
}

void ModelTree::setStatus(const QString& text, bool bad) {
    status_->setText(text);
    status_->setVisible(!text.isEmpty());
    QPalette colors = palette();
    const ThemeColors& theme = Theme::instance().colors();
    colors.setColor(QPalette::WindowText, bad ? theme.bad : theme.secondaryText);
    status_->setPalette(colors);
}

void ModelTree::setContent(ModelContent content) {
    content_ = std::move(content);
    const bool open = !content_.title.isEmpty();
    title_->setText(open ? content_.title : tr("No model"));
    title_->setToolTip(content_.path);
    facts_->setText(
        open ? tr("%1%2 weights · %3 · %4FLOP a token")
                   .arg(content_.facts.isEmpty() ? QString() : content_.facts + QStringLiteral(" · "),
                        countText(content_.elements), sizeText(content_.bytes),
                        countText(content_.operations) + (content_.operations < 1000 ? " " : ""))
             : tr("Drop a language model or an encoder here, or open one."));
    facts_->setToolTip(
        tr("Operations of one token through all matrix products, two for each weight; without "
           "attention over the context"));
    rebuild();
}

void ModelTree::rebuild() {
    tree_->clear();
    tree_->setHeaderLabels({tr("tensor"), tr("shape"), tr("type"), tr("weights"), tr("size"), tr("FLOP"),
                            tr("zeros"), tr("%1 broken").arg(content_.pattern)});
    QHash<QString, QTreeWidgetItem*> parts;
    for (size_t index = 0; index < content_.tensors.size(); ++index) {
        const TensorLine& line = content_.tensors[index];
        QStringList pieces = line.name.split('.');
        // "wq.weight" is one line, not a part with one tensor.
        if (pieces.size() > 1 && (pieces.last() == "weight" || pieces.last() == "bias")) {
            const QString last = pieces.takeLast();
            pieces.last() += '.' + last;
        }
        QTreeWidgetItem* parent = tree_->invisibleRootItem();
        QString path;
        for (qsizetype piece = 0; piece < pieces.size(); ++piece) {
            path += '.' + pieces[piece];
            QTreeWidgetItem*& item = parts[path];
            if (!item) {
                item = new QTreeWidgetItem(parent, {pieces[piece]});
                for (int column = kWeights; column < kColumns; ++column)
                    item->setTextAlignment(column, Qt::AlignRight | Qt::AlignVCenter);
            }
            parent = item;
        }
        parent->setData(kName, kLineRole, int(index));
        parent->setToolTip(kName, line.name);
    }
    for (int row = 0; row < tree_->topLevelItemCount(); ++row)
        fill(tree_->topLevelItem(row));
    content_.tensors.size() < kExpandedBelow ? tree_->expandAll() : tree_->expandToDepth(0);
    for (int column = 0; column < kColumns; ++column)
        tree_->resizeColumnToContents(column);
    tree_->setAccessibleName(tr("Tensors of %1").arg(content_.title));
    tree_->setAccessibleDescription(toCsv());
    filter();
}

ModelTree::Sums ModelTree::fill(QTreeWidgetItem* item) {
    Sums sums;
    if (const QVariant index = item->data(kName, kLineRole); index.isValid()) {
        const TensorLine& line = content_.tensors[size_t(index.toInt())];
        item->setText(kShape, line.shape);
        item->setText(kType, line.dtype);
        sums = {line.elements, line.bytes, line.operations, 0, 0, line.groups, line.violatingGroups};
        if (line.zeros >= 0) {
            sums.zeros = line.zeros * line.elements;
            sums.counted = line.elements;
        }
    }
    for (int row = 0; row < item->childCount(); ++row) {
        const Sums below = fill(item->child(row));
        sums.elements += below.elements;
        sums.bytes += below.bytes;
        sums.operations += below.operations;
        sums.zeros += below.zeros;
        sums.counted += below.counted;
        sums.groups += below.groups;
        sums.violating += below.violating;
    }
    setCells(item, sums);
    return sums;
}

void ModelTree::setCells(QTreeWidgetItem* item, const Sums& sums) {
    item->setText(kWeights, countText(sums.elements));
    item->setText(kSize, sizeText(sums.bytes));
    item->setText(kOperations, sums.operations > 0 ? countText(sums.operations) : QString());
    if (sums.counted > 0)
        item->setText(kZeros, percentText(sums.zeros / sums.counted));
    if (sums.groups > 0) {
        item->setText(kPattern, sums.violating == 0 ? tr("none") : percentText(sums.violating / sums.groups));
        item->setToolTip(kPattern, tr("%1 of %2 groups keep more than %3 allows")
                                       .arg(sums.violating, 0, 'f', 0)
                                       .arg(sums.groups, 0, 'f', 0)
                                       .arg(content_.pattern));
        if (sums.violating == 0)
            item->setForeground(kPattern, Theme::instance().colors().good);
    }
}

// Parts stay where something below them matches.
void ModelTree::filter() {
    const QString wanted = find_->text().trimmed();
    const std::function<bool(QTreeWidgetItem*, bool)> show = [&](QTreeWidgetItem* item, bool above) {
        const QVariant index = item->data(kName, kLineRole);
        bool shown = above || wanted.isEmpty() ||
                     (index.isValid() &&
                      content_.tensors[size_t(index.toInt())].name.contains(wanted, Qt::CaseInsensitive));
        for (int row = 0; row < item->childCount(); ++row)
            shown = show(item->child(row), false) || shown;
        item->setHidden(!shown);
        if (shown && !wanted.isEmpty())
            item->setExpanded(true);
        return shown;
    };
    for (int row = 0; row < tree_->topLevelItemCount(); ++row)
        show(tree_->topLevelItem(row), false);
}

QString ModelTree::toCsv() const {
    QString csv = QStringLiteral("tensor,shape,type,weights,bytes,operations,zeros,groups,broken\n");
    for (const TensorLine& line : content_.tensors)
        csv += QStringLiteral("%1,%2,%3,%4,%5,%6,%7,%8,%9\n")
                   .arg(QString::fromStdString(csvField(line.name.toStdString())),
                        QString::fromStdString(csvField(line.shape.toStdString())), line.dtype,
                        QString::number(line.elements, 'f', 0), QString::number(line.bytes, 'f', 0),
                        QString::number(line.operations, 'f', 0),
                        line.zeros < 0 ? QString() : QString::number(line.zeros, 'g', 6),
                        line.groups > 0 ? QString::number(line.groups, 'f', 0) : QString(),
                        line.groups > 0 ? QString::number(line.violatingGroups, 'f', 0) : QString());
    return csv;
}

}  // namespace vitrine
