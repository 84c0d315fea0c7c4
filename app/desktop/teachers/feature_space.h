// The pages of one stream's feature space: covariance and feature cloud, asked of the engine when they are
// looked at. Interface thread only.
#pragma once

#include "app/desktop/engine/engine_questions.h"
#include "app/desktop/teachers/teachers_questions.h"
#include "widgets/teachers/covariance_view.h"
#include "widgets/teachers/feature_cloud_view.h"

namespace vitrine {

class FeatureSpace : public QObject {
    Q_OBJECT
  public:
    FeatureSpace(CovarianceView* covariance, FeatureCloudView* cloud, QObject* parent);

    // Stream `index` of what is shown, and the normaliser of everything after. Null: nothing is shown.
    void setStream(std::shared_ptr<const LoadedStatistics> shown, size_t index, const QString& normalizer);
    // Which of the two is looked at: only that one is asked for.
    void setVisible(bool covariance, bool cloud);
    void setCloudStyle(const FeatureCloudStyle& style);
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
    QString title() const;

    EngineQuestions<TeacherEngine> questions_;
    CovarianceView* covariance_;
    FeatureCloudView* cloud_;
    std::shared_ptr<const LoadedStatistics> shown_;
    size_t index_ = 0;
    QString normalizer_;
    bool covarianceVisible_ = false, cloudVisible_ = false;
    Asked covarianceAsked_, cloudAsked_;
};

}  // namespace vitrine
