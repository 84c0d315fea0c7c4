// View model of the analysis dock: what is asked for, whether it is being computed, and what came back. The
// work is done by the engine thread. Interface thread only.
#pragma once

#include "app/desktop/inspect/analysis/analysis_settings.h"
#include "app/desktop/inspect/inspect_controller.h"
#include "core/engine/analysis.h"
#include "core/engine/neighbor_votes.h"

#include <variant>

namespace vitrine {

// One finished analysis; never changed afterwards.
struct AnalysisOutcome {
    AnalysisSettings settings;
    QString model, other;  // names of the folders
    std::variant<LayerComparison, LayerRanks, NeighborLists, LabelVotes, ZeroShotTable, FixedPatternResult>
        result;
    double seconds = 0;

    std::string csv() const;
    const std::vector<SkippedPicture>& skipped() const;
};

class AnalysisController : public QObject {
    Q_OBJECT
  public:
    explicit AnalysisController(InspectController* pictures, QObject* parent = nullptr);

    const AnalysisSettings& settings() const { return settings_; }
    void setSettings(const AnalysisSettings& settings);
    // The models that the settings mean; null where there is none. Zero-shot takes models with a text side
    // only.
    const LoadedModel* model() const;
    const LoadedModel* other() const;
    const std::vector<LoadedModel>& models() const { return pictures_->models(); }

    // Analyses these pictures as the settings say; `chosen` is the picture that nearest ones are wanted of.
    // The latest request wins. What cannot be done ends as error().
    void run(const QStringList& pictures, const QString& chosen);
    void cancel();
    bool isRunning() const { return running_; }
    std::shared_ptr<const AnalysisOutcome> outcome() const { return outcome_; }
    const QString& error() const { return error_; }

  signals:
    void settingsChanged();
    void modelsChanged();
    void changed();  // running, outcome or error

  private:
    void fail(const QString& message);

    InspectController* pictures_;
    AnalysisSettings settings_;
    std::shared_ptr<const AnalysisOutcome> outcome_;
    QString error_;
    bool running_ = false;
};

}  // namespace vitrine
