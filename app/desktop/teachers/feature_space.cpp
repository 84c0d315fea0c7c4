#include "app/desktop/teachers/feature_space.h"

#include "widgets/teachers/statistics_charts.h"

#include <utility>

namespace vitrine {

FeatureSpace::FeatureSpace(CovarianceView* covariance, FeatureCloudView* cloud, ErrorView* errors,
                           QObject* parent)
    : QObject(parent),
      questions_([](const Engine& library) { return library.createTeacherEngine(); }),
      covariance_(covariance),
      cloud_(cloud),
      errors_(errors) {
    connect(&questions_, &EngineQuestionsBase::failed, this, [this](const QString& message) {
        for (FactsPage* page : std::initializer_list<FactsPage*>{covariance_, cloud_, errors_})
            page->setMessage(message);
    });
}

void FeatureSpace::setStream(std::shared_ptr<const LoadedStatistics> shown, size_t index,
                             const QString& normalizer) {
    shown_ = std::move(shown);
    index_ = index;
    normalizer_ = normalizer;
    refresh();
}

void FeatureSpace::setVisible(const QWidget* page) {
    visible_ = page;
    refresh();
}

void FeatureSpace::setErrorChannels(const ErrorChannels& channels) {
    errorChannels_ = channels;
    errors_->setChannels(channels);
    refresh();
}

void FeatureSpace::setCloudStyle(const FeatureCloudStyle& style) {
    cloud_->setStyle(style);
    refresh();
}

QString FeatureSpace::title() const {
    return statisticsNames(shown_->list).value(qsizetype(index_));
}

void FeatureSpace::refresh() {
    if (!shown_ || index_ >= shown_->files.size())
        return;
    if (visible_ == covariance_)
        askCovariance();
    if (visible_ == cloud_)
        askCloud();
    if (visible_ == errors_)
        askErrors();
}

bool FeatureSpace::isNew(const FactsPage* page, const Asked& wanted) {
    return std::exchange(asked_[page], wanted) != wanted;
}

template <typename Answer>
void FeatureSpace::ask(FactsPage* page, const char* lane,
                       std::function<Result<Answer>(TeacherEngine&, JobContext&)> question,
                       std::function<void(Answer)> show) {
    page->showWaiting();
    questions_.ask<Answer>(lane, std::move(question), [page, show = std::move(show)](Result<Answer> answer) {
        if (answer)
            show(std::move(*answer));
        else
            page->setMessage(QString::fromStdString(answer.error().text()));
    });
}

void FeatureSpace::askCovariance() {
    const Asked wanted{.moments = shown_->files[index_].moments, .normalizer = normalizer_};
    if (!isNew(covariance_, wanted))
        return;
    ask<CovarianceMaps>(
        covariance_, "covariance",
        [wanted](TeacherEngine& engine, JobContext& job) {
            return engine.covariance(wanted.moments, wanted.normalizer.toStdString(), job);
        },
        [this, wanted, name = title()](CovarianceMaps maps) {
            covariance_->setMaps(std::make_shared<const CovarianceMaps>(std::move(maps)), name,
                                 wanted.normalizer);
        });
}

void FeatureSpace::askCloud() {
    const StreamFiles& files = shown_->files[index_];
    const Asked wanted{.moments = files.moments, .normalizer = normalizer_, .axes = cloud_->style().axes};
    if (!isNew(cloud_, wanted))
        return;
    if (files.sample.empty()) {
        questions_.cancel("cloud");
        cloud_->setMessage(tr("This run kept no sample of the features: collect the statistics again."));
        return;
    }
    ask<FeatureClouds>(
        cloud_, "cloud",
        [wanted, sample = files.sample](TeacherEngine& engine, JobContext& job) {
            return engine.clouds(wanted.moments, sample, wanted.normalizer.toStdString(), wanted.axes, job);
        },
        [this, wanted, name = title()](FeatureClouds clouds) {
            cloud_->setClouds(std::make_shared<const FeatureClouds>(std::move(clouds)), name,
                              wanted.normalizer);
        });
}

void FeatureSpace::askErrors() {
    const Asked wanted{.moments = shown_->files[index_].moments, .channels = errorChannels_};
    if (!isNew(errors_, wanted))
        return;
    ask<ErrorContours>(
        errors_, "errors",
        [wanted](TeacherEngine& engine, JobContext& job) {
            return engine.errorContours(wanted.moments, wanted.channels.first, wanted.channels.second, job);
        },
        [this, name = title()](ErrorContours contours) { errors_->setContours(std::move(contours), name); });
}

}  // namespace vitrine
