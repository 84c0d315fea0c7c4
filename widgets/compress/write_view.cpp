#include "widgets/compress/write_view.h"

#include <QComboBox>
#include <QDoubleSpinBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSignalBlocker>
#include <QSplitter>
#include <QTextBrowser>
#include <QVBoxLayout>
#include <algorithm>

namespace vitrine {

constexpr int kPromptHeight = 64;

WriteView::WriteView(QWidget* parent)
    : QWidget(parent),
      prompt_(new QPlainTextEdit),
      tokens_(new QSpinBox),
      seed_(new QSpinBox),
      temperature_(new QDoubleSpinBox),
      write_(new QPushButton(tr("Write"))) {
    setObjectName("compressWrite");
    prompt_->setObjectName("writePrompt");
    prompt_->setFixedHeight(kPromptHeight);
    prompt_->setPlaceholderText(tr("A prompt; empty: from the start token"));
    tokens_->setObjectName("writeTokens");
    tokens_->setRange(1, 4096);
    tokens_->setSuffix(tr(" tokens"));
    temperature_->setObjectName("writeTemperature");
    temperature_->setRange(0, 4);
    temperature_->setSingleStep(0.1);
    temperature_->setSpecialValueText(tr("greedy"));
    temperature_->setPrefix(tr("temperature "));
    temperature_->setToolTip(tr("0: always the likeliest token"));
    seed_->setObjectName("writeSeed");
    seed_->setRange(0, 1'000'000);
    seed_->setPrefix(tr("seed "));
    write_->setObjectName("writeStart");
    write_->setToolTip(tr("Both models go on from the prompt, one after the other"));
    auto* controls = new QVBoxLayout;
    auto* line = new QHBoxLayout;
    for (QWidget* each : std::initializer_list<QWidget*>{tokens_, temperature_, seed_})
        line->addWidget(each);
    controls->addLayout(line);
    controls->addWidget(write_);
    auto* top = new QHBoxLayout;
    top->addWidget(prompt_, 1);
    top->addLayout(controls);
    auto* split = new QSplitter(Qt::Horizontal);
    split->setChildrenCollapsible(false);
    for (int side = 0; side < 2; ++side) {
        models_[size_t(side)] = new QComboBox;
        models_[size_t(side)]->setObjectName(side == 0 ? "writeLeft" : "writeRight");
        models_[size_t(side)]->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
        models_[size_t(side)]->setToolTip(tr("The dense model, and plans whose model was kept"));
        texts_[size_t(side)] = new QTextBrowser;
        texts_[size_t(side)]->setObjectName(side == 0 ? "writeLeftText" : "writeRightText");
        facts_[size_t(side)] = new QLabel;
        facts_[size_t(side)]->setObjectName(side == 0 ? "writeLeftFacts" : "writeRightFacts");
        facts_[size_t(side)]->setWordWrap(true);
        facts_[size_t(side)]->setTextInteractionFlags(Qt::TextSelectableByMouse);
        auto* column = new QWidget;
        auto* layout = new QVBoxLayout(column);
        layout->setContentsMargins(0, 0, 0, 0);
        layout->addWidget(models_[size_t(side)]);
        layout->addWidget(texts_[size_t(side)], 1);
        layout->addWidget(facts_[size_t(side)]);
        split->addWidget(column);
    }
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(8, 6, 8, 6);
    layout->addLayout(top);
    layout->addWidget(split, 1);
    connect(write_, &QPushButton::clicked, this,
            [this] { busy_ ? emit stopRequested() : emit writeRequested(); });
    setSettings({});
}

void WriteView::setWriters(std::vector<WriterChoice> writers, const QString& right) {
    std::array<QString, 2> before;
    for (int side = 0; side < 2; ++side)
        if (const WriterChoice* chosen = writer(side))
            before[size_t(side)] = chosen->title;
    writers_ = std::move(writers);
    const auto has = [this](const QString& title) {
        return std::any_of(writers_.begin(), writers_.end(),
                           [&](const WriterChoice& each) { return each.title == title; });
    };
    for (int side = 0; side < 2; ++side) {
        QComboBox* combo = models_[size_t(side)];
        const QSignalBlocker blocked(combo);
        combo->clear();
        for (const WriterChoice& each : writers_)
            combo->addItem(each.title);
        QString wanted = before[size_t(side)];
        // A right side that only repeats the left one gives way to the first compressed model.
        if (!has(wanted) || (side == 1 && wanted == models_[0]->currentText()))
            wanted = side == 1 && has(right) ? right : QString();
        combo->setCurrentIndex(wanted.isEmpty() ? (writers_.empty() ? -1 : 0) : combo->findText(wanted));
    }
    write_->setEnabled(!writers_.empty());
}

const WriterChoice* WriteView::writer(int side) const {
    const int index = models_[size_t(side)]->currentIndex();
    return index >= 0 && size_t(index) < writers_.size() ? &writers_[size_t(index)] : nullptr;
}

void WriteView::setWriter(int side, const QString& title) {
    if (const int index = models_[size_t(side)]->findText(title); index >= 0)
        models_[size_t(side)]->setCurrentIndex(index);
}

WriteSettings WriteView::settings() const {
    return {prompt_->toPlainText(), tokens_->value(), temperature_->value(), seed_->value()};
}

void WriteView::setSettings(const WriteSettings& settings) {
    prompt_->setPlainText(settings.prompt);
    tokens_->setValue(settings.tokens);
    temperature_->setValue(settings.temperature);
    seed_->setValue(settings.seed);
}

void WriteView::setText(int side, const QString& html, const QString& facts) {
    texts_[size_t(side)]->setHtml(html);
    facts_[size_t(side)]->setText(facts);
}

void WriteView::setBusy(bool busy) {
    busy_ = busy;
    write_->setText(busy ? tr("Stop") : tr("Write"));
}

}  // namespace vitrine
