#include "widgets/compress/removal_view.h"

#include "widgets/compress/titled.h"

#include <QComboBox>
#include <QGridLayout>
#include <QLabel>
#include <QSignalBlocker>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>
#include <optional>

namespace vitrine {
namespace {

constexpr double kBarWidth = 0.38;

// Of a student that only lost blocks, or only parts of one kind.
struct Removal {
    enum What { Blocks, Attention, FeedForward } what = Blocks;
    int count = 0;
};

std::optional<Removal> removalOf(const StructureStudent& student, int depth) {
    if (student.candidate || student.width > 0 || student.heads > 0 || student.intermediate > 0)
        return std::nullopt;
    const int blocks = student.depth > 0 ? depth - student.depth : 0;
    const int counts[] = {blocks, student.attentionRemoved, student.feedForwardRemoved};
    if (std::count_if(std::begin(counts), std::end(counts), [](int count) { return count > 0; }) != 1)
        return std::nullopt;
    const auto at = std::find_if(std::begin(counts), std::end(counts), [](int count) { return count > 0; });
    return Removal{Removal::What(at - std::begin(counts)), *at};
}

QString curveName(const StructureStudent& student, Removal::What what) {
    QString name = what == Removal::Blocks      ? RemovalView::tr("blocks")
                   : what == Removal::Attention ? RemovalView::tr("attention parts")
                                                : RemovalView::tr("feed-forward parts");
    if (student.standIn == QStringLiteral("mean"))
        name += RemovalView::tr(", their mean update");
    if (student.standIn == QStringLiteral("low_rank"))
        name += RemovalView::tr(", stand-ins of rank %1").arg(student.rank);
    return student.control ? RemovalView::tr("random: %1").arg(name) : name;
}

QString shortLabel(const StructureStudent& student, const Removal& removal) {
    const QString what = removal.what == Removal::Blocks      ? QString()
                         : removal.what == Removal::Attention ? RemovalView::tr("att ")
                                                              : RemovalView::tr("ff ");
    return QString::number(removal.count) + QLatin1Char(' ') + what +
           (student.rank > 0 ? RemovalView::tr("r%1").arg(student.rank) : RemovalView::tr("mean"));
}

double denseNats(const StructureResults& results) {
    for (const StructureStudent& student : results.students)
        if (student.name == QStringLiteral("dense"))
            return student.nats;
    return std::numeric_limits<double>::quiet_NaN();
}

QString playerName(const StructureStudent& student, int player) {
    if (student.depth > 0)
        return QString::number(player);
    return (player % 2 == 0 ? RemovalView::tr("att %1") : RemovalView::tr("ff %1")).arg(player / 2);
}

// Students by how much each of the first two texts lost against the dense model.
std::vector<ChartSeries> textSeries(const StructureResults& results, QStringList& names) {
    const StructureStudent* dense = nullptr;
    for (const StructureStudent& student : results.students)
        if (student.name == QStringLiteral("dense"))
            dense = &student;
    if (!dense || dense->texts.size() < 2)
        return {};
    const QString first = dense->texts.begin()->first, second = std::next(dense->texts.begin())->first;
    names = {first, second};
    ChartSeries chosen, random;
    chosen.name = RemovalView::tr("students");
    random.name = RemovalView::tr("random control");
    random.color = chartColor(4);
    for (ChartSeries* each : {&chosen, &random}) {
        each->line = false;
        each->points = true;
    }
    for (const StructureStudent& student : results.students)
        if (&student != dense && student.texts.contains(first) && student.texts.contains(second)) {
            ChartSeries& into = student.control ? random : chosen;
            into.x.append(student.texts.at(first) - dense->texts.at(first));
            into.y.append(student.texts.at(second) - dense->texts.at(second));
        }
    std::vector<ChartSeries> series;
    for (const ChartSeries* each : {&chosen, &random})
        if (!each->x.isEmpty())
            series.push_back(*each);
    return series;
}

}  // namespace

std::vector<ChartSeries> removalCurves(const StructureResults& results) {
    const int depth = int(results.scores.neurons.size());
    std::vector<std::pair<QString, std::map<int, double>>> curves;  // in the order of the students
    for (const StructureStudent& student : results.students) {
        const auto removal = removalOf(student, depth);
        if (!removal || !std::isfinite(student.natsAsCut) || (student.control && !student.standIns.empty()))
            continue;
        const QString name = curveName(student, removal->what);
        auto found = std::find_if(curves.begin(), curves.end(),
                                  [&](const auto& curve) { return curve.first == name; });
        if (found == curves.end()) {
            curves.emplace_back(name, std::map<int, double>{{0, denseNats(results)}});
            found = std::prev(curves.end());
        }
        found->second[removal->count] = student.natsAsCut;
    }
    std::vector<ChartSeries> series;
    for (const auto& [name, points] : curves) {
        ChartSeries one;
        one.name = name;
        one.points = true;
        one.dashed = name.startsWith(RemovalView::tr("random: %1").arg(QString()));
        for (const auto& [count, nats] : points) {
            one.x.append(count);
            one.y.append(nats);
        }
        series.push_back(std::move(one));
    }
    return series;
}

std::vector<WonBack> wonBack(const StructureResults& results) {
    const int depth = int(results.scores.neurons.size());
    std::vector<WonBack> found;
    for (const StructureStudent& student : results.students) {
        const auto removal = removalOf(student, depth);
        if (!removal || student.control || student.standIns.empty())
            continue;
        for (const StructureStudent& plain : results.students) {
            const auto same = removalOf(plain, depth);
            if (same && same->what == removal->what && same->count == removal->count && !plain.control &&
                plain.standIns.empty())
                found.push_back(
                    {student.name, shortLabel(student, *removal), plain.natsAsCut - student.natsAsCut});
        }
    }
    return found;
}

RemovalView::RemovalView(QWidget* parent)
    : QWidget(parent),
      facts_(new QLabel),
      student_(new QComboBox),
      curves_(new Chart),
      won_(new Chart),
      fits_(new Chart),
      texts_(new Chart) {
    setObjectName("removalView");
    facts_->setObjectName("removalFacts");
    facts_->setWordWrap(true);
    student_->setObjectName("removalStudent");
    student_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    student_->setMinimumContentsLength(24);
    curves_->setObjectName("removalCurves");
    curves_->setAxes(tr("removed"), tr("nats per token, as cut"));
    won_->setObjectName("removalWon");
    won_->setAxes(tr("gone, stand-in"), tr("won back (nats per token)"));
    fits_->setObjectName("removalFits");
    fits_->setAxes(tr("block or part that is gone"), tr("left of its update (%)"));
    texts_->setObjectName("removalTexts");
    auto* fits = new QWidget;
    auto* column = new QVBoxLayout(fits);
    column->setContentsMargins(0, 0, 0, 0);
    column->addWidget(student_, 0, Qt::AlignLeft);
    column->addWidget(fits_, 1);
    auto* grid = new QGridLayout(this);
    grid->setContentsMargins(0, 0, 0, 0);
    grid->addWidget(facts_, 0, 0, 1, 3);
    grid->addWidget(titled(tr("Loss by how many are gone"), curves_), 1, 0, 1, 2);
    grid->addWidget(titled(tr("What stand-ins win back"), won_), 1, 2);
    grid->addWidget(titled(tr("What a stand-in leaves of the energy of an update"), fits), 2, 0, 1, 2);
    grid->addWidget(titled(tr("What two texts lose"), texts_), 2, 2);
    for (int index = 0; index < 3; ++index)
        grid->setColumnStretch(index, 1);
    grid->setRowStretch(1, 1);
    grid->setRowStretch(2, 1);
    connect(student_, &QComboBox::activated, this, &RemovalView::refreshFits);
}

void RemovalView::setResults(StructureResults results) {
    results_ = std::move(results);
    const QString before = student_->currentText();
    const QSignalBlocker quiet(student_);
    student_->clear();
    standIns_.clear();
    for (const StructureStudent& student : results_.students)
        if (!student.standIns.empty()) {
            standIns_.push_back(student);
            student_->addItem(student.name);
        }
    student_->setCurrentIndex(student_->count() > 0 ? std::max(0, student_->findText(before)) : -1);
    curves_->setSeries(removalCurves(results_));
    const std::vector<WonBack> won = wonBack(results_);
    ChartSeries bars;
    QStringList names, said;
    bars.barWidth = 2 * kBarWidth;
    for (const WonBack& each : won) {
        bars.x.append(double(names.size()));
        bars.y.append(each.nats);
        names.append(each.label);
        said.append(tr("%1: %2").arg(each.student).arg(each.nats, 0, 'f', 4));
    }
    won_->setXNames(names);
    won_->setSeries(won.empty() ? std::vector<ChartSeries>() : std::vector<ChartSeries>{bars});
    facts_->setText(
        won.empty() ? tr("No stand-in beside the same cut without one: give plans with and "
                         "without stand_in")
                    : tr("Nats per token that stand-ins win back: %1").arg(said.join(QStringLiteral(" · "))));
    QStringList texts;
    const auto series = textSeries(results_, texts);
    texts_->setAxes(tr("%1: to dense (nats per token)").arg(texts.value(0)),
                    tr("%1: to dense").arg(texts.value(1)));
    texts_->setSeries(series);
    refreshFits();
}

void RemovalView::refreshFits() {
    const int index = student_->currentIndex();
    if (index < 0 || size_t(index) >= standIns_.size())
        return fits_->setSeries({});
    const StructureStudent& student = standIns_[size_t(index)];
    ChartSeries mean, map;
    mean.name = tr("by its mean update");
    map.name = tr("by the map");
    mean.barWidth = map.barWidth = kBarWidth;
    QStringList names;
    for (const StandInFit& fit : student.standIns) {
        const double place = double(names.size());
        mean.x.append(place - kBarWidth / 2);
        mean.y.append(100 * fit.leftByMean);
        map.x.append(place + kBarWidth / 2);
        map.y.append(100 * fit.leftByMap);
        names.append(playerName(student, fit.player));
    }
    fits_->setXNames(names);
    fits_->setSeries({mean, map});
}

}  // namespace vitrine
