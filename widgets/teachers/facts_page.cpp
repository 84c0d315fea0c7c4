#include "widgets/teachers/facts_page.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QStackedWidget>
#include <QVBoxLayout>

namespace vitrine {

FactsPage::FactsPage(const QString& name, QWidget* parent)
    : QWidget(parent),
      facts_(new QLabel),
      message_(new QLabel),
      pages_(new QStackedWidget),
      controls_(new QHBoxLayout) {
    setObjectName(name + "View");
    facts_->setObjectName(name + "Facts");
    facts_->setProperty("role", "secondary");
    facts_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    facts_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    message_->setObjectName(name + "Message");
    message_->setAlignment(Qt::AlignCenter);
    message_->setWordWrap(true);
    message_->setProperty("role", "secondary");
    auto* content = new QWidget;
    content_ = new QHBoxLayout(content);
    content_->setContentsMargins(0, 0, 0, 0);
    content_->setSpacing(8);
    pages_->addWidget(message_);
    pages_->addWidget(content);
    controls_->addWidget(facts_, 1);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(8, 6, 8, 6);
    layout->addLayout(controls_);
    layout->addWidget(pages_, 1);
}

bool FactsPage::isEmpty() const {
    return pages_->currentWidget() == message_;
}

void FactsPage::showWaiting() {
    if (isEmpty())
        setMessage(tr("Computing …"));
    else
        facts_->setText(tr("Computing …"));
}

void FactsPage::setMessage(const QString& message) {
    dropContent();
    facts_->clear();
    message_->setText(message);
    pages_->setCurrentIndex(0);
}

void FactsPage::addControl(QWidget* control) {
    controls_->addWidget(control);
}

void FactsPage::addView(QWidget* view) {
    content_->addWidget(view, 1);
    view->setContextMenuPolicy(Qt::CustomContextMenu);
    connect(view, &QWidget::customContextMenuRequested, this,
            [this, view](QPoint at) { emit menuRequested(view->mapToGlobal(at)); });
}

void FactsPage::setFacts(const QString& facts) {
    facts_->setText(facts);
    facts_->setToolTip(facts);
}

void FactsPage::showContent() {
    pages_->setCurrentIndex(1);
}

}  // namespace vitrine
