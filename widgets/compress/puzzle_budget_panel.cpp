#include "widgets/compress/puzzle_budget_panel.h"

#include "widgets/compress/model_tree.h"

#include <QGridLayout>
#include <QLabel>
#include <QLineEdit>
#include <QRegularExpression>
#include <QRegularExpressionValidator>
#include <QSignalBlocker>
#include <QSlider>
#include <cmath>

namespace vitrine {
namespace {

constexpr int kFree = 100;     // per cent: limits nothing, on every slider
constexpr int kFastest = 500;  // per cent of the parent's speed

double PuzzleBudgets::*const kShares[] = {&PuzzleBudgets::parameters, &PuzzleBudgets::bytes,
                                          &PuzzleBudgets::promptTime, &PuzzleBudgets::speed};
double PuzzleWhole::*const kWhole[] = {&PuzzleWhole::parameters, &PuzzleWhole::bytes,
                                       &PuzzleWhole::promptSeconds, &PuzzleWhole::tokensPerSecond};

}  // namespace

PuzzleBudgetPanel::PuzzleBudgetPanel(QWidget* parent) : QWidget(parent), batches_(new QLineEdit) {
    setObjectName("puzzleBudgets");
    static const char* const names[] = {"Parameters", "Bytes", "PromptTime", "Speed"};
    const QString titles[] = {tr("Parameters"), tr("Memory"), tr("Time of the prompt"),
                              tr("Tokens per second")};
    const QString tips[] = {tr("At most, as a share of the parent's"),
                            tr("Weights and cache, at most, as a share of the parent's"),
                            tr("At most, as a share of the parent's, from times measured part by part"),
                            tr("At least, times the parent's, from times measured part by part")};
    auto* grid = new QGridLayout(this);
    grid->setContentsMargins(0, 0, 0, 0);
    grid->setHorizontalSpacing(10);
    for (int cost = 0; cost < kCosts; ++cost) {
        auto*& slider = sliders_[size_t(cost)];
        slider = new QSlider(Qt::Horizontal);
        slider->setObjectName(QStringLiteral("puzzle") + names[cost]);
        slider->setToolTip(tips[cost]);
        slider->setAccessibleName(titles[cost]);
        slider->setRange(cost == kSpeed ? kFree : 1, cost == kSpeed ? kFastest : kFree);
        slider->setValue(kFree);
        values_[size_t(cost)] = new QLabel;
        values_[size_t(cost)]->setObjectName(slider->objectName() + "Value");
        values_[size_t(cost)]->setMinimumWidth(150);
        const int row = cost / 2, column = 3 * (cost % 2);
        grid->addWidget(new QLabel(titles[cost]), row, column);
        grid->addWidget(slider, row, column + 1);
        grid->addWidget(values_[size_t(cost)], row, column + 2);
        grid->setColumnStretch(column + 1, 1);
        connect(slider, &QSlider::valueChanged, this, [this] {
            refresh();
            emit changed();
        });
    }
    batches_->setObjectName("puzzleBatches");
    batches_->setPlaceholderText(tr("as measured; several: 1, 8, 32"));
    batches_->setToolTip(tr(
        "Sequences at once: it is searched for each and the best is kept. More of them leave more time for a "
        "token and less memory. Limits of time need those that the run measured"));
    batches_->setAccessibleName(tr("Sequences at once"));
    batches_->setValidator(
        new QRegularExpressionValidator(QRegularExpression("[0-9]{0,5}([ ,;]+[0-9]{0,5})*"), batches_));
    grid->addWidget(new QLabel(tr("Sequences at once")), 2, 0);
    grid->addWidget(batches_, 2, 1);
    connect(batches_, &QLineEdit::editingFinished, this, &PuzzleBudgetPanel::changed);
    refresh();
}

void PuzzleBudgetPanel::setWhole(const PuzzleWhole& whole) {
    whole_ = whole;
    refresh();
}

PuzzleBudgets PuzzleBudgetPanel::budgets() const {
    PuzzleBudgets budgets;
    for (int cost = 0; cost < kCosts; ++cost)
        if (sliders_[size_t(cost)]->isEnabled() && sliders_[size_t(cost)]->value() != kFree)
            budgets.*kShares[cost] = sliders_[size_t(cost)]->value() / 100.0;
    const QStringList typed = batches_->text().split(QRegularExpression("[^0-9]+"), Qt::SkipEmptyParts);
    for (const QString& each : typed)
        if (const qint64 batch = each.toLongLong(); batch > 0)
            budgets.batches.push_back(batch);
    return budgets;
}

void PuzzleBudgetPanel::setBudgets(const PuzzleBudgets& budgets) {
    const PuzzleBudgets before = this->budgets();
    for (int cost = 0; cost < kCosts; ++cost) {
        const QSignalBlocker blocked(sliders_[size_t(cost)]);
        const double share = budgets.*kShares[cost];
        sliders_[size_t(cost)]->setValue(share > 0 ? int(std::lround(100 * share)) : kFree);
    }
    QStringList batches;
    for (const qint64 batch : budgets.batches)
        batches.append(QString::number(batch));
    batches_->setText(batches.join(", "));
    refresh();
    if (this->budgets() != before)
        emit changed();
}

void PuzzleBudgetPanel::reset() {
    const QSignalBlocker blocked(this);
    setBudgets({});
}

void PuzzleBudgetPanel::refresh() {
    for (int cost = 0; cost < kCosts; ++cost) {
        QSlider* slider = sliders_[size_t(cost)];
        const double whole = whole_.*kWhole[cost], limit = whole * slider->value() / 100;
        slider->setEnabled(whole > 0);
        QString text;
        if (whole <= 0)
            text = tr("not measured");
        else if (slider->value() == kFree)
            text = tr("no limit");
        else if (cost == kSpeed)
            text = tr("≥ %1 ×: %2 a second").arg(slider->value() / 100.0, 0, 'f', 2).arg(limit, 0, 'f', 0);
        else if (cost == kPromptTime)
            text = tr("≤ %1 %: %2 ms").arg(slider->value()).arg(1000 * limit, 0, 'f', 2);
        else
            text = tr("≤ %1 %: %2")
                       .arg(slider->value())
                       .arg(cost == kBytes ? sizeText(limit) : countText(limit));
        values_[size_t(cost)]->setText(text);
    }
}

}  // namespace vitrine
