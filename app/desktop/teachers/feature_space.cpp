#include "app/desktop/teachers/feature_space.h"

#include "widgets/teachers/statistics_charts.h"

namespace vitrine {

FeatureSpace::FeatureSpace(CovarianceView* covariance, FeatureCloudView* cloud, ErrorView* errors,
                           QObject* parent)
    : QObject(parent),
      questions_([](const Engine& library) { return library.createTeacherEngine(); }),
      covariance_(covariance),
      cloud_(cloud),
      errors_(errors) {
    connect(&questions_, &EngineQuestionsBase::failed, this, [this](const QString& message) {
        covariance_->setMessage(message);
        cloud_->setMessage(message);
        errors_->setMessage(message);
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

void FeatureSpace::askCovariance() {
    const Asked wanted{shown_->files[index_].moments, normalizer_};
    if (wanted == covarianceAsked_)
        return;
    covarianceAsked_ = wanted;
    covariance_->showWaiting();
    questions_.ask<CovarianceMaps>(
        "covariance",
        [wanted](TeacherEngine& engine, JobContext& job) {
            return engine.covariance(wanted.moments, wanted.normalizer.toStdString(), job);
        },
        [this, wanted, name = title()](Result<CovarianceMaps> maps) {
            if (maps)
                covariance_->setMaps(std::make_shared<const CovarianceMaps>(std::move(*maps)), name,
                                     wanted.normalizer);
            else
                covariance_->setMessage(QString::fromStdString(maps.error().text()));
        });
}

void FeatureSpace::askCloud() {
    const StreamFiles& files = shown_->files[index_];
    const Asked wanted{files.moments, normalizer_, cloud_->style().axes};
    if (wanted == cloudAsked_)
        return;
    cloudAsked_ = wanted;
    if (files.sample.empty()) {
        questions_.cancel("cloud");
        cloud_->setMessage(tr("This run kept no sample of the features: collect the statistics again."));
        return;
    }
    cloud_->showWaiting();
    questions_.ask<FeatureClouds>(
        "cloud",
        [wanted, sample = files.sample](TeacherEngine& engine, JobContext& job) {
            return engine.clouds(wanted.moments, sample, wanted.normalizer.toStdString(), wanted.axes, job);
        },
        [this, wanted, name = title()](Result<FeatureClouds> clouds) {
            if (clouds)
                cloud_->setClouds(std::make_shared<const FeatureClouds>(std::move(*clouds)), name,
                                  wanted.normalizer);
            else
                cloud_->setMessage(QString::fromStdString(clouds.error().text()));
        });
}

void FeatureSpace::askErrors() {
    const ErrorsAsked wanted{shown_->files[index_].moments, errorChannels_};
    if (wanted == errorsAsked_)
        return;
    errorsAsked_ = wanted;
    errors_->showWaiting();
    questions_.ask<ErrorContours>(
        "errors",
        [wanted](TeacherEngine& engine, JobContext& job) {
            return engine.errorContours(wanted.moments, wanted.channels.first, wanted.channels.second, job);
        },
        [this, name = title()](Result<ErrorContours> contours) {
            if (contours)
                errors_->setContours(std::move(*contours), name);
            else
                errors_->setMessage(QString::fromStdString(contours.error().text()));
        });
}

}  // namespace vitrine
