#include "widgets/compress/what_if_view.h"

#include "widgets/compress/token_text.h"
#include "widgets/plots/chart.h"

#include <QComboBox>
#include <QGridLayout>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QScrollArea>
#include <QSignalBlocker>
#include <QSlider>
#include <QSplitter>
#include <QTextBrowser>
#include <QVBoxLayout>
#include <cmath>

namespace vitrine {

constexpr double kBarWidth = 0.36;
constexpr int kTextHeight = 70, kFewestTokens = 10;

WhatIfView::WhatIfView(QWidget* parent)
    : QWidget(parent),
      picture_(new PictureChangeView),
      tokenMethod_(new QComboBox),
      keptTokens_(new QSlider(Qt::Horizontal)),
      keptText_(new QLabel),
      tokensTitle_(new QLabel(tr("Tokens"))),
      model_(new QLabel),
      facts_(new QLabel),
      rankText_(new QLabel),
      text_(new QPlainTextEdit),
      switches_(new SwitchGrid),
      mask_(new QComboBox),
      compressed_(new QComboBox),
      rank_(new QSlider(Qt::Horizontal)),
      next_(new Chart),
      tokens_(new QTextBrowser),
      reset_(new QPushButton(tr("All on"))) {
    setObjectName("compressWhatIf");
    model_->setObjectName("whatIfModel");
    facts_->setObjectName("whatIfFacts");
    facts_->setWordWrap(true);
    text_->setObjectName("whatIfText");
    text_->setFixedHeight(kTextHeight);
    text_->setPlaceholderText(tr("A text; the model's next token is shown"));
    text_->setPlainText(
        tr("Once upon a time, there was a little girl named Lily. She loved to play outside in the"));
    mask_->setObjectName("whatIfMasks");
    mask_->setToolTip(tr("Masks of a plan laid over the dense weights"));
    compressed_->setObjectName("whatIfCompressed");
    compressed_->setToolTip(tr("Packed weights of a plan in place of the dense ones"));
    tokenMethod_->setObjectName("whatIfTokenMethod");
    tokenMethod_->addItems({"merge", "attention", "norm", "random"});
    tokenMethod_->setToolTip(
        tr("Which patches go: the most similar merge (ToMe), those that the class tokens "
           "look at least, the smallest, or any"));
    keptTokens_->setObjectName("whatIfKeptTokens");
    keptTokens_->setRange(kFewestTokens, 100);
    keptTokens_->setValue(100);
    keptTokens_->setToolTip(tr("Part of the patches that the last block sees; features stay dense"));
    for (QComboBox* each : {mask_, compressed_}) {
        each->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
        each->setMinimumContentsLength(14);
    }
    rank_->setObjectName("whatIfRank");
    next_->setObjectName("whatIfNext");
    next_->setAxes(tr("next token"), tr("probability"));
    tokens_->setObjectName("whatIfTokens");
    tokens_->setToolTip(tr("Red: less likely than before; blue: more likely"));
    reset_->setObjectName("whatIfReset");
    auto* scroll = new QScrollArea;
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setWidget(switches_);
    auto* left = new QWidget;
    auto* grid = new QGridLayout(left);
    grid->setContentsMargins(0, 0, 0, 0);
    grid->addWidget(model_, 0, 0, 1, 3);
    grid->addWidget(scroll, 1, 0, 1, 3);
    grid->addWidget(new QLabel(tr("Masks")), 2, 0);
    grid->addWidget(mask_, 2, 1, 1, 2);
    grid->addWidget(new QLabel(tr("Weights")), 3, 0);
    grid->addWidget(compressed_, 3, 1, 1, 2);
    grid->addWidget(new QLabel(tr("Rank")), 4, 0);
    grid->addWidget(rank_, 4, 1);
    grid->addWidget(rankText_, 4, 2);
    grid->addWidget(tokensTitle_, 5, 0);
    grid->addWidget(keptTokens_, 5, 1);
    grid->addWidget(keptText_, 5, 2);
    grid->addWidget(tokenMethod_, 6, 1, 1, 2);
    grid->addWidget(reset_, 7, 0, 1, 3);
    grid->setRowStretch(1, 1);
    auto* right = new QWidget;
    auto* column = new QVBoxLayout(right);
    column->setContentsMargins(0, 0, 0, 0);
    column->addWidget(text_);
    column->addWidget(facts_);
    column->addWidget(picture_, 4);
    column->addWidget(next_, 3);
    column->addWidget(tokens_, 2);
    auto* split = new QSplitter(Qt::Horizontal);
    split->addWidget(left);
    split->addWidget(right);
    split->setStretchFactor(1, 1);
    split->setSizes({330, 600});
    split->setChildrenCollapsible(false);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(8, 6, 8, 6);
    layout->addWidget(split, 1);
    connect(text_, &QPlainTextEdit::textChanged, this, &WhatIfView::edited);
    connect(switches_, &SwitchGrid::edited, this, &WhatIfView::edited);
    connect(mask_, &QComboBox::activated, this, &WhatIfView::edited);
    connect(compressed_, &QComboBox::activated, this, [this] {
        refreshRank();
        emit edited();
    });
    connect(rank_, &QSlider::valueChanged, this, [this](int value) {
        rankText_->setText(QString::number(value));
        emit edited();
    });
    connect(keptTokens_, &QSlider::valueChanged, this, [this] {
        refreshTokens();
        emit edited();
    });
    connect(tokenMethod_, &QComboBox::activated, this, &WhatIfView::edited);
    connect(reset_, &QPushButton::clicked, this, [this] {
        switches_->setSwitches({});
        mask_->setCurrentIndex(0);
        compressed_->setCurrentIndex(0);
        refreshRank();
        keptTokens_->setValue(100);
        emit edited();
    });
    refreshTokens();
    setModel({}, Subject::Text);
    setChoices({}, {});
}

void WhatIfView::setModel(const QString& title, Subject subject) {
    subject_ = subject;
    const bool text = subject == Subject::Text;
    model_->setText(title.isEmpty() ? tr("Open a language model or an encoder first")
                                    : tr("%1: click what is to be off").arg(title));
    for (QWidget* each : {static_cast<QWidget*>(text_), static_cast<QWidget*>(tokens_)})
        each->setVisible(text);
    for (QWidget* each : {static_cast<QWidget*>(picture_), static_cast<QWidget*>(keptTokens_),
                          static_cast<QWidget*>(keptText_), static_cast<QWidget*>(tokensTitle_),
                          static_cast<QWidget*>(tokenMethod_)})
        each->setVisible(!text);
    next_->setVisible(text);
    next_->setAxes(text ? tr("next token") : tr("class"), tr("probability"));
}

void WhatIfView::refreshTokens() {
    keptText_->setText(tr("%1 %").arg(keptTokens_->value()));
}

double WhatIfView::tokens() const {
    return subject_ == Subject::Picture ? double(keptTokens_->value()) / 100 : 1;
}

void WhatIfView::setTokens(double part, const QString& method) {
    if (!method.isEmpty())
        tokenMethod_->setCurrentIndex(std::max(0, tokenMethod_->findText(method)));
    keptTokens_->setValue(int(std::lround(100 * part)));
}

void WhatIfView::setChoices(const std::vector<MaskChoice>& masks, std::vector<CompressedChoice> compressed) {
    const QString maskBefore = mask_->currentText(), compressedBefore = compressed_->currentText();
    masks_.clear();
    for (const MaskChoice& each : masks)
        if (each.source.kind == MaskSource::Kind::File)
            masks_.push_back(each);
    compressedChoices_ = std::move(compressed);
    const QSignalBlocker blockedMask(mask_), blockedCompressed(compressed_);
    mask_->clear();
    mask_->addItem(tr("none"));
    for (const MaskChoice& each : masks_)
        mask_->addItem(each.title);
    compressed_->clear();
    compressed_->addItem(tr("dense"));
    for (const CompressedChoice& each : compressedChoices_)
        compressed_->addItem(each.title);
    mask_->setCurrentIndex(std::max(0, mask_->findText(maskBefore)));
    compressed_->setCurrentIndex(std::max(0, compressed_->findText(compressedBefore)));
    if (compressed_->currentText() != compressedBefore || compressedBefore.isEmpty())
        refreshRank();
}

void WhatIfView::refreshRank() {
    const int index = compressed_->currentIndex() - 1;
    const int most =
        index >= 0 && size_t(index) < compressedChoices_.size() ? compressedChoices_[size_t(index)].rank : 0;
    const QSignalBlocker blocked(rank_);
    rank_->setRange(0, most);
    rank_->setValue(most);
    rank_->setEnabled(most > 0);
    rankText_->setText(most > 0 ? QString::number(most) : tr("no path"));
}

QString WhatIfView::text() const {
    return text_->toPlainText();
}

void WhatIfView::setText(const QString& text) {
    text_->setPlainText(text);
}

std::filesystem::path WhatIfView::masks() const {
    const int index = mask_->currentIndex() - 1;
    return index >= 0 && size_t(index) < masks_.size() ? masks_[size_t(index)].source.file
                                                       : std::filesystem::path();
}

std::filesystem::path WhatIfView::compressed() const {
    const int index = compressed_->currentIndex() - 1;
    return index >= 0 && size_t(index) < compressedChoices_.size()
               ? std::filesystem::path(compressedChoices_[size_t(index)].file.toStdString())
               : std::filesystem::path();
}

int64_t WhatIfView::rank() const {
    return rank_->isEnabled() ? rank_->value() : -1;
}

void WhatIfView::chooseMasks(const QString& title) {
    mask_->setCurrentIndex(std::max(0, mask_->findText(title)));
}

void WhatIfView::chooseCompressed(const QString& title) {
    compressed_->setCurrentIndex(std::max(0, compressed_->findText(title)));
    refreshRank();
}

void WhatIfView::setRank(int rank) {
    rank_->setValue(rank);
}

void WhatIfView::setAnswer(const WhatIf& answer) {
    switches_->setShape(answer.layers, answer.heads);
    facts_->setText(
        tr("The text costs %1 → %2 nats a token · the next token's distribution moves by %3 nats (KL) "
           "· %4 ms")
            .arg(answer.natsBefore, 0, 'f', 4)
            .arg(answer.natsAfter, 0, 'f', 4)
            .arg(answer.divergence, 0, 'f', 4)
            .arg(answer.milliseconds, 0, 'f', 1));
    setBars(answer.next);
    tokens_->setHtml(tokenHtml(answer.before, answer.after));
}

void WhatIfView::setAnswer(const PictureWhatIf& answer) {
    switches_->setShape(answer.layers, answer.heads);
    QStringList parts{tr("Features move by %1 of their size (cosine %2)")
                          .arg(answer.featureError, 0, 'f', 4)
                          .arg(answer.featureCosine, 0, 'f', 4)};
    if (answer.summaryCosine)
        parts.append(tr("summary %1").arg(*answer.summaryCosine, 0, 'f', 4));
    for (const PictureWhatIf::Adaptor& each : answer.adaptors)
        parts.append(tr("%1: %2, summary %3")
                         .arg(QString::fromStdString(each.name))
                         .arg(each.featureError, 0, 'f', 4)
                         .arg(each.summaryCosine, 0, 'f', 4));
    parts.append(tr("%1 ms").arg(answer.milliseconds, 0, 'f', 1));
    facts_->setText(parts.join(QStringLiteral(" · ")));
    picture_->setAnswer(answer);
    next_->setVisible(!answer.classes.empty());
    setBars(answer.classes);
}

void WhatIfView::setBars(const std::vector<NextToken>& bars) {
    ChartSeries before, after;
    before.name = tr("before");
    after.name = tr("after");
    before.color = chartColor(0);
    after.color = chartColor(1);
    before.barWidth = after.barWidth = kBarWidth;
    QStringList names;
    for (size_t index = 0; index < bars.size(); ++index) {
        const NextToken& token = bars[index];
        before.x.append(double(index) - kBarWidth / 2);
        before.y.append(token.before);
        after.x.append(double(index) + kBarWidth / 2);
        after.y.append(token.after);
        QString name = QString::fromStdString(token.text);
        if (subject_ == Subject::Text)  // blanks tell tokens apart
            name.replace('\n', QStringLiteral("⏎")).replace(' ', QStringLiteral("␣"));
        names.append(name);
    }
    next_->setXNames(names);
    next_->setSeries({before, after});
    next_->setAccessibleName(names.join(' '));
    next_->setAccessibleDescription(next_->toCsv());
}

void WhatIfView::setProblem(const QString& text) {
    facts_->setText(text);
    next_->setSeries({});
    tokens_->clear();
    picture_->clear();
}

}  // namespace vitrine
