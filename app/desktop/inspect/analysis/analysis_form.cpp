// The form of an AnalysisPanel: kind, models, and what the kind takes.
#include "app/desktop/inspect/analysis/analysis_panel.h"
#include "widgets/base/elided_combo.h"
#include "widgets/base/icons.h"

#include <QFileDialog>
#include <QFileInfo>
#include <QFormLayout>
#include <QLineEdit>
#include <QPushButton>
#include <QSignalBlocker>
#include <QSpinBox>
#include <QToolButton>
#include <QVBoxLayout>

namespace vitrine {

void AnalysisPanel::addField(const QString& label, QWidget* field, const QString& name, const QString& tip) {
    field->setObjectName(name);
    field->setToolTip(tip);
    field->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    if (auto* box = qobject_cast<ElidedCombo*>(field)) {
        box->setTip(tip);
        box->setMinimumContentsLength(6);
    }
    form_->addRow(label, field);
}

void AnalysisPanel::buildForm() {
    kind_->setObjectName("analysisKind");
    kind_->setMinimumContentsLength(6);
    for (const AnalysisKindName& kind : analysisKinds()) {
        kind_->addItem(tr(kind.title), int(kind.kind));
        kind_->setItemData(kind_->count() - 1, tr(kind.tip), Qt::ToolTipRole);
    }
    run_->setObjectName("analysisRun");
    run_->setMinimumWidth(76);
    more_->setObjectName("analysisMore");
    more_->setIcon(themedIcon("export"));
    more_->setToolTip(tr("Copy and save the result"));
    more_->setPopupMode(QToolButton::InstantPopup);
    auto* top = new QHBoxLayout;
    top->setSpacing(5);
    top->addWidget(kind_, 1);
    top->addWidget(run_);
    top->addWidget(more_);
    static_cast<QVBoxLayout*>(layout())->addLayout(top);

    form_->setContentsMargins(0, 0, 0, 0);
    form_->setSpacing(5);
    form_->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
    addField(tr("Model"), model_, "analysisModel", tr("Whose features"));
    addField(tr("Second"), other_, "analysisOther",
             tr("The model it is compared with; it may be the same one"));
    addField(tr("Samples"), samples_, "analysisSamples",
             tr("What is one sample: features of the same places, or the mean features of whole pictures"));
    addField(tr("Views"), views_, "analysisViews",
             tr("Augmented views of each picture for LiDAR; 0: without LiDAR"));
    addField(tr("Nearest"), count_, "analysisCount", tr("How many nearest pictures are shown"));
    addField(tr("Labels"), labels_, "analysisLabels",
             tr("Classes of the pictures: the names of their folders, or a CSV file with the columns file "
                "and label"));
    addField(tr("Voters"), voters_, "analysisVoters",
             tr("Nearest pictures that vote; each weighs exp(cosine / 0.07)"));
    addField(tr("Classes"), classes_, "analysisClassNames", tr("Names separated by commas: a dog, a truck"));
    addField(tr("Sentence"), sentence_, "analysisSentence",
             tr("What is asked of each class; {} stands for its name"));
    addField(tr("Layer"), layer_, "analysisLayer",
             tr("Hidden state: 0 after the embeddings, k after block k"));
    addField(tr("Show"), patternOf_, "analysisPatternOf",
             tr("Energy of the pattern, or how often a place holds an outlier token"));
    static_cast<QVBoxLayout*>(layout())->addLayout(form_);
    samples_->addItems({tr("Places of the pictures"), tr("Whole pictures")});
    patternOf_->addItems({tr("Energy"), tr("Outlier tokens")});
    views_->setRange(0, 16);
    count_->setRange(1, 30);
    voters_->setRange(1, 1000);
    layer_->setRange(-1, 0);
    layer_->setSpecialValueText(tr("final features"));
    classes_->setPlaceholderText(tr("a dog, a truck, a mountain"));

    connect(run_, &QPushButton::clicked, this, [this] {
        if (controller_->isRunning())
            controller_->cancel();
        else
            emit runRequested();
    });
    connect(kind_, &QComboBox::activated, this,
            [this] { edit([this](auto& s) { s.kind = AnalysisKind(kind_->currentData().toInt()); }); });
    connect(model_, &QComboBox::activated, this, [this] {
        edit([this](auto& s) { s.modelPath = model_->currentData().toString().toStdString(); });
    });
    connect(other_, &QComboBox::activated, this, [this] {
        edit([this](auto& s) { s.otherPath = other_->currentData().toString().toStdString(); });
    });
    connect(samples_, &QComboBox::activated, this,
            [this] { edit([this](auto& s) { s.places = samples_->currentIndex() == 0; }); });
    connect(views_, &QSpinBox::valueChanged, this,
            [this] { edit([this](auto& s) { s.views = views_->value(); }); });
    connect(count_, &QSpinBox::valueChanged, this,
            [this] { edit([this](auto& s) { s.count = count_->value(); }); });
    connect(voters_, &QSpinBox::valueChanged, this,
            [this] { edit([this](auto& s) { s.voters = voters_->value(); }); });
    connect(labels_, &QComboBox::activated, this, [this] {
        const QString chosen = labels_->currentData().toString();
        if (chosen.isEmpty())
            return chooseLabelFile();
        edit([&](auto& s) { s.labels = chosen.toStdString(); });
    });
    connect(layer_, &QSpinBox::valueChanged, this,
            [this] { edit([this](auto& s) { s.layer = layer_->value(); }); });
    connect(classes_, &QLineEdit::textEdited, this,
            [this] { edit([this](auto& s) { s.classes = classes_->text().toStdString(); }); });
    connect(sentence_, &QLineEdit::textEdited, this,
            [this] { edit([this](auto& s) { s.sentence = sentence_->text().toStdString(); }); });
    for (QLineEdit* field : {classes_, sentence_})
        connect(field, &QLineEdit::returnPressed, this, &AnalysisPanel::runRequested);
    connect(patternOf_, &QComboBox::activated, this, [this] {
        if (shown_)
            showOutcome(*shown_);
    });
}

void AnalysisPanel::chooseLabelFile() {
    refreshForm();  // the list shows what holds until a file is chosen
    auto* dialog = new QFileDialog(this, tr("Classes of the pictures"), {}, tr("Tables (*.csv)"));
    dialog->setFileMode(QFileDialog::ExistingFile);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QFileDialog::fileSelected, this,
            [this](const QString& file) { edit([&](auto& s) { s.labels = file.toStdString(); }); });
    dialog->open();
}

void AnalysisPanel::edit(const std::function<void(AnalysisSettings&)>& change) {
    AnalysisSettings settings = controller_->settings();
    change(settings);
    controller_->setSettings(settings);
}

void AnalysisPanel::refreshModels(ElidedCombo* box, const LoadedModel* chosen, bool onlyWithText) {
    box->clear();
    for (const LoadedModel& model : controller_->models())
        if (model.info.hasText || !onlyWithText)
            box->addItem(QFileInfo(QString::fromStdString(model.path)).fileName(),
                         QString::fromStdString(model.path));
    box->setCurrentIndex(chosen ? box->findData(QString::fromStdString(chosen->path)) : -1);
    box->setPlaceholderText(onlyWithText ? tr("no model with a text side") : tr("no model is open"));
}

void AnalysisPanel::refreshForm() {
    const AnalysisSettings& settings = controller_->settings();
    const QSignalBlocker blocked[] = {QSignalBlocker(views_), QSignalBlocker(count_), QSignalBlocker(voters_),
                                      QSignalBlocker(layer_)};
    kind_->setCurrentIndex(kind_->findData(int(settings.kind)));
    kind_->setTip(tr(analysisKindName(settings.kind).tip));
    refreshModels(model_, controller_->model(), settings.kind == AnalysisKind::ZeroShot);
    refreshModels(other_, controller_->other(), false);
    samples_->setCurrentIndex(settings.places ? 0 : 1);
    views_->setValue(int(settings.views));
    count_->setValue(int(settings.count));
    voters_->setValue(int(settings.voters));
    labels_->clear();
    labels_->addItem(tr("Names of their folders"), "folders");
    const QString labels = QString::fromStdString(settings.labels);
    if (labels != "folders")
        labels_->addItem(QFileInfo(labels).fileName(), labels);
    labels_->addItem(tr("A CSV file…"), QString());
    labels_->setCurrentIndex(labels_->findData(labels));
    layer_->setMaximum(controller_->model() ? int(controller_->model()->info.layerCount) : 0);
    layer_->setValue(int(settings.layer));
    const auto setText = [](QLineEdit* field, const std::string& text) {
        if (field->text().toStdString() != text)  // keeps the place of the text cursor
            field->setText(QString::fromStdString(text));
    };
    setText(classes_, settings.classes);
    setText(sentence_, settings.sentence);
    const std::pair<QWidget*, AnalysisKind> fields[] = {
        {other_, AnalysisKind::Compare},    {samples_, AnalysisKind::Compare},
        {views_, AnalysisKind::Rank},       {count_, AnalysisKind::Neighbors},
        {labels_, AnalysisKind::Knn},       {voters_, AnalysisKind::Knn},
        {classes_, AnalysisKind::ZeroShot}, {sentence_, AnalysisKind::ZeroShot},
        {layer_, AnalysisKind::Pattern},    {patternOf_, AnalysisKind::Pattern}};
    for (const auto& [field, kind] : fields)
        form_->setRowVisible(field, kind == settings.kind);
    if (!shown_)
        refreshResult();
}

void AnalysisPanel::focusClasses() {
    classes_->setFocus();
}

}  // namespace vitrine
