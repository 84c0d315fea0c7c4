#include "app/desktop/teachers/collect_panel.h"

#include "widgets/base/data_table.h"
#include "widgets/base/icons.h"

#include <QCheckBox>
#include <QDateTime>
#include <QFileInfo>
#include <QFormLayout>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QProgressBar>
#include <QPushButton>
#include <QSignalBlocker>
#include <QSpinBox>
#include <QToolButton>
#include <QVBoxLayout>

namespace vitrine {

constexpr int kListHeight = 84;

CollectPanel::CollectPanel(TeachersController* controller, QWidget* parent)
    : QWidget(parent),
      controller_(controller),
      form_(new QFormLayout),
      layers_(new QLineEdit),
      adaptors_(new QLineEdit),
      resolution_(new QSpinBox),
      limit_(new QSpinBox),
      batch_(new QSpinBox),
      recursive_(new QCheckBox(tr("Folders below too"))),
      exact_(new QCheckBox(tr("Covariance in float64"))),
      collect_(new QPushButton),
      bar_(new QProgressBar),
      status_(new QLabel),
      runs_(new DataTable) {
    setObjectName("collectPanel");
    setAttribute(Qt::WA_StyledBackground);
    setMinimumWidth(260);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(8, 6, 8, 6);
    layout->setSpacing(5);
    models_ = addList(tr("Teachers"), "teacherModels", tr("Models whose features are measured"), true);
    pictures_ = addList(tr("Pictures"), "teacherPictures",
                        tr("Pictures and folders that they are measured on"), false);
    buildForm();
    buildRuns();
    connect(controller_, &TeachersController::settingsChanged, this, &CollectPanel::refreshForm);
    connect(controller_, &TeachersController::stateChanged, this, &CollectPanel::refreshState);
    connect(controller_, &TeachersController::runsChanged, this, &CollectPanel::refreshRuns);
    refreshForm();
    refreshState();
    refreshRuns();
}

QListWidget* CollectPanel::addList(const QString& title, const QString& name, const QString& tip,
                                   bool models) {
    auto* list = new QListWidget;
    list->setObjectName(name);
    list->setToolTip(tip);
    list->setFixedHeight(kListHeight);
    list->setTextElideMode(Qt::ElideMiddle);
    list->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    auto* add = new QToolButton;
    add->setObjectName(name + "Add");
    add->setIcon(themedIcon("plus"));
    add->setToolTip(models ? tr("Add a model folder") : tr("Add a folder of pictures"));
    auto* header = new QHBoxLayout;
    header->addWidget(new QLabel(title));
    header->addStretch(1);
    header->addWidget(add);
    auto* whole = static_cast<QVBoxLayout*>(layout());
    whole->addLayout(header);
    whole->addWidget(list);
    connect(add, &QToolButton::clicked, this, [this, models] { emit addRequested(models); });
    connect(list, &QListWidget::itemChanged, this, [this, list, models](QListWidgetItem* item) {
        const size_t row = size_t(list->row(item));
        const bool chosen = item->checkState() == Qt::Checked;
        edit([=](CollectSettings& s) { (models ? s.models : s.pictures)[row].chosen = chosen; });
    });
    return list;
}

void CollectPanel::buildForm() {
    form_->setContentsMargins(0, 0, 0, 0);
    form_->setSpacing(5);
    const auto field = [this](const QString& label, QWidget* widget, const char* name, const QString& tip) {
        widget->setObjectName(name);
        widget->setToolTip(tip);
        form_->addRow(label, widget);
    };
    field(tr("Layers"), layers_, "teacherLayers",
          tr("Hidden states, separated by commas; -1 stands for the final features"));
    field(tr("Adaptors"), adaptors_, "teacherAdaptors",
          tr("Adaptor heads by name; * for all that a model has"));
    field(tr("Resolution"), resolution_, "teacherResolution", tr("Model pixels of the short side"));
    field(tr("At most"), limit_, "teacherLimit", tr("Pictures, evenly spread over the list"));
    field(tr("Batch"), batch_, "teacherBatch", tr("Pictures that go through a model together"));
    field({}, recursive_, "teacherRecursive", tr("Pictures of folders below the chosen ones too"));
    field({}, exact_, "teacherExact",
          tr("For the tail of the spectrum: eigenvalues below 1e-7 of the largest"));
    adaptors_->setPlaceholderText(tr("none"));
    resolution_->setRange(0, 8192);
    resolution_->setSingleStep(32);
    resolution_->setSuffix(tr(" px"));
    resolution_->setSpecialValueText(tr("each model's own"));
    limit_->setRange(0, 100'000'000);
    limit_->setSuffix(tr(" pictures"));
    limit_->setSpecialValueText(tr("all pictures"));
    batch_->setRange(1, 1024);
    auto* whole = static_cast<QVBoxLayout*>(layout());
    whole->addLayout(form_);
    collect_->setObjectName("teacherCollect");
    bar_->setObjectName("teacherProgress");
    bar_->setTextVisible(false);
    bar_->setFixedHeight(6);
    status_->setObjectName("teacherStatus");
    status_->setProperty("role", "secondary");
    status_->setWordWrap(true);
    status_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    whole->addWidget(collect_);
    whole->addWidget(bar_);
    whole->addWidget(status_);

    connect(layers_, &QLineEdit::textEdited, this,
            [this] { edit([this](auto& s) { s.layers = layers_->text(); }); });
    connect(adaptors_, &QLineEdit::textEdited, this,
            [this] { edit([this](auto& s) { s.adaptors = adaptors_->text(); }); });
    connect(resolution_, &QSpinBox::valueChanged, this,
            [this] { edit([this](auto& s) { s.resolution = resolution_->value(); }); });
    connect(limit_, &QSpinBox::valueChanged, this,
            [this] { edit([this](auto& s) { s.limit = limit_->value(); }); });
    connect(batch_, &QSpinBox::valueChanged, this,
            [this] { edit([this](auto& s) { s.batch = batch_->value(); }); });
    connect(recursive_, &QCheckBox::toggled, this,
            [this](bool on) { edit([on](auto& s) { s.recursive = on; }); });
    connect(exact_, &QCheckBox::toggled, this, [this](bool on) { edit([on](auto& s) { s.exact = on; }); });
    connect(collect_, &QPushButton::clicked, this, [this] {
        if (controller_->isCollecting())
            emit cancelRequested();
        else
            emit collectRequested();
    });
}

void CollectPanel::buildRuns() {
    auto* whole = static_cast<QVBoxLayout*>(layout());
    whole->addSpacing(4);
    whole->addWidget(new QLabel(tr("Earlier statistics of the project")));
    runs_->setObjectName("teacherRuns");
    runs_->setSelectionBehavior(QAbstractItemView::SelectRows);
    runs_->setToolTip(tr("Choose a run to see its results"));
    whole->addWidget(runs_, 1);
    connect(runs_, &DataTable::rowChosen, this, [this](int row) {
        if (row >= 0 && size_t(row) < controller_->runs().size())
            emit openRequested(QString::fromStdString(controller_->runs()[size_t(row)].run.id));
    });
}

void CollectPanel::edit(const std::function<void(CollectSettings&)>& change) {
    CollectSettings settings = controller_->settings();
    change(settings);
    controller_->setSettings(settings);
}

void CollectPanel::refreshForm() {
    const CollectSettings& settings = controller_->settings();
    const auto fill = [](QListWidget* list, const std::vector<CollectInput>& inputs) {
        const QSignalBlocker blocked(list);
        // Items are changed, not made anew: one of them may be the sender.
        while (list->count() > int(inputs.size()))
            delete list->takeItem(list->count() - 1);
        while (list->count() < int(inputs.size()))
            list->addItem(new QListWidgetItem);
        for (int row = 0; row < list->count(); ++row) {
            const CollectInput& input = inputs[size_t(row)];
            list->item(row)->setText(QFileInfo(input.path).fileName());
            list->item(row)->setToolTip(input.path);
            list->item(row)->setCheckState(input.chosen ? Qt::Checked : Qt::Unchecked);
        }
        QStringList chosen;
        for (const CollectInput& input : inputs)
            if (input.chosen)
                chosen.append(QFileInfo(input.path).fileName());
        list->setAccessibleDescription(chosen.join(", "));
    };
    fill(models_, settings.models);
    fill(pictures_, settings.pictures);
    models_->setAccessibleName(tr("Chosen teachers"));
    pictures_->setAccessibleName(tr("Chosen pictures"));
    const QSignalBlocker blocked[] = {QSignalBlocker(resolution_), QSignalBlocker(limit_),
                                      QSignalBlocker(batch_), QSignalBlocker(recursive_),
                                      QSignalBlocker(exact_)};
    for (const auto& [field, text] :
         {std::pair{layers_, settings.layers}, std::pair{adaptors_, settings.adaptors}})
        if (field->text() != text)  // keeps the place of the text cursor
            field->setText(text);
    resolution_->setValue(int(settings.resolution));
    limit_->setValue(int(settings.limit));
    batch_->setValue(int(settings.batch));
    recursive_->setChecked(settings.recursive);
    exact_->setChecked(settings.exact);
}

void CollectPanel::refreshState() {
    const bool collecting = controller_->isCollecting();
    collect_->setText(collecting ? tr("Cancel") : tr("Collect"));
    bar_->setVisible(collecting);
    const RunProgress& progress = controller_->progress();
    bar_->setRange(0, int(std::max(0.0, progress.total)));
    bar_->setValue(int(std::max(0.0, progress.done)));
    QString text = controller_->error();
    if (collecting)
        text = controller_->isStopping() ? tr("Stopping after the pictures at hand")
               : progress.text.isEmpty() ? tr("Waiting for the job")
                                         : progress.text;
    status_->setText(text);
    status_->setVisible(!text.isEmpty());
}

void CollectPanel::refreshRuns() {
    TableContent content;
    content.header = {tr("teachers"), tr("started"), tr("state")};
    for (const StatisticsRun& each : controller_->runs())
        content.rows.push_back(
            {each.teachers.join(", "),
             QDateTime::fromSecsSinceEpoch(qint64(each.run.created)).toString("dd.MM. HH:mm"),
             QString::fromLatin1(runStatusName(each.run.status))});
    if (content.header == runs_->content().header && content.rows == runs_->content().rows)
        return;
    runs_->setContent(std::move(content));
    runs_->setAccessibleName(tr("Statistics runs"));
    runs_->setAccessibleDescription(runs_->toCsv());
}

}  // namespace vitrine
