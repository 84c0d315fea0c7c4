// The pages of one stream's feature space: covariance, feature cloud and errors, asked of the engine when
// they are looked at. Interface thread only.
#pragma once

#include "app/desktop/engine/engine_questions.h"
#include "app/desktop/teachers/teachers_questions.h"
#include "widgets/teachers/covariance_view.h"
#include "widgets/teachers/error_view.h"
#include "widgets/teachers/feature_cloud_view.h"

#include <functional>
#include <map>

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
    // What an answer depends on; what a page's answer does not is as it stands here.
    struct Asked {
        std::filesystem::path moments;
        QString normalizer = {};
        CloudAxes axes = CloudAxes::Principal;
        ErrorChannels channels = {};
        bool operator==(const Asked&) const = default;
    };
    void refresh();
    void askCovariance();
    void askCloud();
    void askErrors();
    // False: the page shows this or waits for it.
    bool isNew(const FactsPage* page, const Asked& wanted);
    template <typename Answer>
    void ask(FactsPage* page, const char* lane,
             std::function<Result<Answer>(TeacherEngine&, JobContext&)> question,
             std::function<void(Answer)> show);
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
    std::map<const FactsPage*, Asked> asked_;
};

}  // namespace vitrine
