#include "widgets/compress/sweep_grid.h"

#include <QGridLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QSignalBlocker>
#include <QToolButton>
#include <algorithm>
#include <set>

namespace vitrine {
namespace {

Json planOf(const QString& prune, const QString& pattern, const QString& format, const QString& rounding,
            const QString& lowRank, int64_t rank) {
    Json plan{{"prune", prune.toStdString()}};
    if (prune != "none")
        plan["pattern"] = pattern.toStdString();
    if (!format.isEmpty()) {
        plan["format"] = format.toStdString();
        plan["rounding"] = rounding.toStdString();
    }
    if (!lowRank.isEmpty()) {
        plan["low_rank"] = lowRank.toStdString();
        plan["rank"] = rank;
    }
    return plan;
}

// What a plan says without its defaults, so that it compares with those of a grid.
std::optional<Json> plainPlan(const Json& entry) {
    static const std::set<std::string> ofGrid{"prune", "pattern", "format", "rounding", "low_rank", "rank"};
    static const Json defaults{{"group", -1},          {"damping", 0.01},          {"act_order", false},
                               {"adapter_format", ""}, {"true_sequential", false}, {"skip", Json::array()}};
    if (!entry.is_object())
        return std::nullopt;
    for (const auto& [key, value] : entry.items())
        if (!ofGrid.contains(key) && (!defaults.contains(key) || defaults[key] != value))
            return std::nullopt;
    const auto text = [&](const char* key, const char* fallback) {
        return QString::fromStdString(entry.contains(key) && entry[key].is_string()
                                          ? entry[key].get<std::string>()
                                          : std::string(fallback));
    };
    const int64_t rank =
        entry.contains("rank") && entry["rank"].is_number_integer() ? entry["rank"].get<int64_t>() : 16;
    return planOf(text("prune", "sparsegpt"), text("pattern", "2:4"), text("format", ""),
                  text("rounding", "gptq"), text("low_rank", ""), rank);
}

}  // namespace

Result<Json> plansOfGrid(const SweepGrid& grid) {
    const auto needs = [](const QStringList& list, const char* what) -> Result<void> {
        if (list.isEmpty())
            return fail(ErrorCode::InvalidArgument, fmt::format("no {} is chosen", what), "grid",
                        "Choose at least one");
        return {};
    };
    VITRINE_TRY_VOID(needs(grid.prune, "way of pruning"));
    VITRINE_TRY_VOID(needs(grid.patterns, "sparsity"));
    VITRINE_TRY_VOID(needs(grid.formats, "format"));
    VITRINE_TRY_VOID(needs(grid.rounding, "rounding"));
    VITRINE_TRY_VOID(needs(grid.lowRank, "repair"));
    VITRINE_TRY_VOID(needs(grid.ranks, "rank"));
    Json plans = Json::array();
    for (const QString& prune : grid.prune)
        for (const QString& pattern : prune == "none" ? QStringList{""} : grid.patterns)
            for (const QString& format : grid.formats)
                for (const QString& rounding : format.isEmpty() ? QStringList{""} : grid.rounding)
                    for (const QString& lowRank : grid.lowRank)
                        for (const QString& rank : lowRank.isEmpty() ? QStringList{"1"} : grid.ranks) {
                            bool good = false;
                            const qlonglong number = rank.toLongLong(&good);
                            if (!good || number < 1)
                                return fail(ErrorCode::InvalidArgument,
                                            fmt::format("\"{}\" is no rank", rank.toStdString()), "ranks",
                                            "Whole numbers above 0, separated by commas");
                            if (prune == "none" && format.isEmpty())
                                continue;  // the dense model runs beside them anyway
                            Json plan = planOf(prune, pattern, format, rounding, lowRank, number);
                            if (std::find(plans.begin(), plans.end(), plan) == plans.end())
                                plans.push_back(std::move(plan));
                        }
    if (plans.empty())
        return fail(ErrorCode::InvalidArgument, "these choices change nothing in the model", "grid",
                    "Choose a way of pruning, or a low-bit format");
    return plans;
}

std::optional<SweepGrid> gridOfPlans(const Json& plans) {
    if (!plans.is_array() || plans.empty())
        return std::nullopt;
    SweepGrid grid{{}, {}, {}, {}, {}, {}};
    std::set<std::string> wanted;
    const auto add = [](QStringList& list, const QString& value) {
        if (!list.contains(value))
            list.append(value);
    };
    for (const Json& entry : plans) {
        const auto plan = plainPlan(entry);
        if (!plan)
            return std::nullopt;
        wanted.insert(plan->dump());
        const auto text = [&](const char* key) {
            return QString::fromStdString(plan->value(key, std::string()));
        };
        add(grid.prune, text("prune"));
        if (plan->contains("pattern"))
            add(grid.patterns, text("pattern"));
        add(grid.formats, text("format"));
        if (plan->contains("rounding"))
            add(grid.rounding, text("rounding"));
        add(grid.lowRank, text("low_rank"));
        if (plan->contains("rank"))
            add(grid.ranks, QString::number((*plan)["rank"].get<int64_t>()));
    }
    const SweepGrid usual;
    for (const auto member : {&SweepGrid::patterns, &SweepGrid::rounding, &SweepGrid::ranks})
        if ((grid.*member).isEmpty())
            grid.*member = usual.*member;
    const auto made = plansOfGrid(grid);
    if (!made || made->size() != wanted.size() || plans.size() != wanted.size())
        return std::nullopt;
    for (const Json& plan : *made)
        if (!wanted.contains(plan.dump()))
            return std::nullopt;
    return grid;
}

SweepGridView::SweepGridView(QWidget* parent) : QWidget(parent), note_(new QLabel) {
    setObjectName("compressGrid");
    auto* layout = new QGridLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setVerticalSpacing(4);
    layout->setColumnStretch(1, 1);
    addChoices(layout, 0, tr("Prune"), "compressPrune", &SweepGrid::prune,
               {{"none", tr("none"), tr("All weights stay; for low-bit formats alone")},
                {"magnitude", tr("magnitude"), tr("The smallest weights go")},
                {"wanda", tr("Wanda"), tr("Weight times the norm of its input")},
                {"sparsegpt_mask", tr("SparseGPT mask"), tr("SparseGPT's choice, weights as they were")},
                {"sparsegpt", tr("SparseGPT"), tr("What goes is made up for in the weights that stay")}});
    addTexts(layout, 1, tr("Sparsity"), "compressPatterns", &SweepGrid::patterns,
             tr("n:m along the inputs, or a part that goes such as 50%; several with commas"));
    addChoices(layout, 2, tr("Format"), "compressFormats", &SweepGrid::formats,
               {{"", tr("as stored"), tr("Weights keep their type")},
                {"int8", "int8", tr("8 bits, groups of 128")},
                {"int4", "int4", tr("4 bits, groups of 128")},
                {"int3", "int3", tr("3 bits, groups of 128")},
                {"fp8_e4m3", "FP8", tr("E4M3, one scale a row")},
                {"nf4", "NF4", tr("Normal float, blocks of 64")},
                {"nvfp4", "NVFP4", tr("FP4 with E4M3 scales, blocks of 16")}});
    addChoices(layout, 3, tr("Rounding"), "compressRounding", &SweepGrid::rounding,
               {{"nearest", tr("nearest"), tr("Each weight on its own")},
                {"gptq", "GPTQ", tr("The rest makes up for each rounding")}});
    addChoices(layout, 4, tr("Repair"), "compressLowRank", &SweepGrid::lowRank,
               {{"", tr("none"), tr("Without a low-rank path")},
                {"svd", "SVD", tr("Least error of the weights")},
                {"activation_scaled", tr("scaled SVD"), tr("Columns weighted by the mean size of inputs")},
                {"eora", "EoRA", tr("Least error where the inputs go")}});
    addTexts(layout, 5, tr("Rank"), "compressRanks", &SweepGrid::ranks,
             tr("Of the low-rank path; several with commas"));
    note_->setProperty("role", "secondary");
    note_->setWordWrap(true);
    note_->setText(tr("The plans are no grid. A choice here makes one of them."));
    layout->addWidget(note_, 6, 0, 1, 2);
    show();
    note_->hide();
}

void SweepGridView::addChoices(QGridLayout* layout, int row, const QString& title, const QString& name,
                               QStringList SweepGrid::*member,
                               const QList<std::tuple<QString, QString, QString>>& choices) {
    layout->addWidget(new QLabel(title), row, 0);
    auto* line = new QHBoxLayout;
    line->setSpacing(3);
    std::vector<Choice> made;
    for (const auto& [value, text, tip] : choices) {
        auto* button = new QToolButton;
        button->setObjectName(name + ":" + (value.isEmpty() ? QStringLiteral("off") : value));
        button->setText(text);
        button->setToolTip(tip);
        button->setCheckable(true);
        connect(button, &QToolButton::clicked, this, &SweepGridView::take);
        line->addWidget(button);
        made.push_back({value, button});
    }
    line->addStretch(1);
    layout->addLayout(line, row, 1);
    choices_.emplace_back(member, std::move(made));
}

void SweepGridView::addTexts(QGridLayout* layout, int row, const QString& title, const QString& name,
                             QStringList SweepGrid::*member, const QString& tip) {
    auto* edit = new QLineEdit;
    edit->setObjectName(name);
    edit->setToolTip(tip);
    layout->addWidget(new QLabel(title), row, 0);
    layout->addWidget(edit, row, 1);
    connect(edit, &QLineEdit::editingFinished, this, &SweepGridView::take);
    texts_.emplace_back(member, edit);
}

void SweepGridView::setGrid(const SweepGrid& grid, bool own) {
    grid_ = grid;
    note_->setVisible(own);
    show();
}

void SweepGridView::show() {
    for (const auto& [member, choices] : choices_)
        for (const Choice& choice : choices) {
            const QSignalBlocker blocked(choice.button);
            choice.button->setChecked((grid_.*member).contains(choice.value));
        }
    for (const auto& [member, edit] : texts_)
        if (!edit->hasFocus() || !edit->isModified())
            edit->setText((grid_.*member).join(", "));
}

void SweepGridView::take() {
    SweepGrid taken = grid_;
    for (const auto& [member, choices] : choices_) {
        // What no button stands for was in the recipe and stays.
        for (const Choice& choice : choices) {
            (taken.*member).removeAll(choice.value);
            if (choice.button->isChecked())
                (taken.*member).append(choice.value);
        }
    }
    for (const auto& [member, edit] : texts_) {
        QStringList values;
        for (const QString& piece : edit->text().split(',', Qt::SkipEmptyParts))
            if (const QString value = piece.trimmed(); !value.isEmpty() && !values.contains(value))
                values.append(value);
        taken.*member = values;
        edit->setModified(false);
    }
    if (taken == grid_ && note_->isHidden())
        return;
    grid_ = taken;
    emit edited();
}

}  // namespace vitrine
