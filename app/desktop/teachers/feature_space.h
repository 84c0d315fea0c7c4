// The pages of one stream's feature space: covariance, feature cloud and errors, asked of the engine when
// they are looked at. Interface thread only.
#pragma once

#include "app/desktop/engine/engine_questions.h"
#include "app/desktop/teachers/teachers_questions.h"
#include "widgets/teachers/covariance_view.h"
#include "widgets/teachers/error_view.h"
#include "widgets/teachers/feature_cloud_view.h"

namespace vitrine {

class FeatureSpace : public QObject {
    Q_OBJECT
  public:
    FeatureSpace(CovarianceView* covariance, FeatureCloudView* cloud, ErrorView* errors, QObject* parent);

    // Stream `index` of what is shown, and the normaliser of everything after. Null: nothing is shown.
    void setStream(std::shared_ptr<const LoadedStatistics> shown, size_t index, const QString& normalizer);
    // Which page is looked at, if any: only that one is asked for.
    void setVisible(const QWidget* page);
    void setCloudStyle(const FeatureCloudStyle& style);
    void setErrorChannels(const ErrorChannels& channels);
    bool isBusy() const { return questions_.isBusy(); }

  private:
    // What a view shows or waits for.
    struct Asked {
        std::filesystem::path moments;
        QString normalizer;
        CloudAxes axes = CloudAxes::Principal;
        bool operator==(const Asked&) const = default;
    };
    void refresh();
    void askCovariance();
    void askCloud();
    void askErrors();
    struct ErrorsAsked {
        std::filesystem::path moments;
        ErrorChannels channels;
        bool operator==(const ErrorsAsked&) const = default;
    };
    QString title() const;

    EngineQuestions<TeacherEngine> questions_;
    CovarianceView* covariance_;
    FeatureCloudView* cloud_;
    ErrorView* errors_;
    std::shared_ptr<const LoadedStatistics> shown_;
    size_t index_ = 0;
    QString normalizer_;
    const QWidget* visible_ = nullptr;
    ErrorChannels errorChannels_;
    Asked covarianceAsked_, cloudAsked_;
    ErrorsAsked errorsAsked_;
};

}  // namespace vitrine
