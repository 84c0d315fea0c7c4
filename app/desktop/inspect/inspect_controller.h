// View model of the Inspect workspace: which picture, which models, what each panel asks for and what came
// back. Talks to the engine thread; the latest request of a panel wins. Interface thread only.
#pragma once

#include "app/desktop/inspect/inspect_state.h"
#include "core/base/thread_pool.h"
#include "core/engine/engine_thread.h"
#include "core/media/value_range.h"

#include <QMap>
#include <QObject>
#include <QPointF>
#include <QSet>
#include <QStringList>
#include <QTimer>
#include <map>
#include <memory>
#include <optional>
#include <set>

namespace vitrine {

class JobList;

// What a panel shows now.
struct PanelContent {
    std::shared_ptr<const MapResult> result;  // null: nothing yet
    MapRequest request;                       // that made it
    QString error;
    QString hint;  // what is missing to show something
    bool busy = false;
};

class InspectController : public QObject {
    Q_OBJECT
  public:
    InspectController(JobList& jobs, QObject* parent = nullptr);
    ~InspectController() override;

    // Starts the engine thread (LibTorch is loaded there). Called by itself when a model is opened.
    void startEngine();
    void openModel(const QString& path);
    const std::vector<LoadedModel>& models() const { return models_; }
    const LoadedModel* modelOf(const PanelState& panel) const;
    // What a panel may choose: names of the engine's (none until it has answered), folders of those that the
    // panel's model brings along.
    std::vector<std::string> upsamplersFor(const PanelState& panel) const;

    void setPicture(const QString& path);
    const QString& picture() const { return picture_; }
    std::shared_ptr<const Image> image() const { return image_; }
    // While a slow picture is read: true after a moment, what could be had of it quickly (reduced; may be
    // null), and the size that it will have.
    bool isReadingSlowly() const { return readingSlowly_; }
    std::shared_ptr<const Image> preview() const { return preview_; }
    // Of the picture, or the one that is being read; nothing: unknown yet.
    ImageSize imageSize() const { return image_ ? image_->size() : previewOf_; }

    void setPanelCount(int count);
    int panelCount() const { return int(panels_.size()); }
    const PanelState& panel(int index) const { return panels_[size_t(index)]; }
    void setPanel(int index, const PanelState& state);
    const PanelContent& content(int index) const { return contents_[size_t(index)]; }

    void setProbe(std::optional<QPointF> inImage);
    std::optional<Probe> probe() const { return probe_; }
    void setText(const QString& text);
    const QString& text() const { return text_; }
    // Fits a basis to the panel's features and uses it in every PCA panel; unlock: each picture has its own.
    void lockBasis(int panel);
    void unlockBasis();
    bool basisLocked() const { return !lockedBasis_.empty(); }
    void refreshAll();
    void remake(int index);
    bool isBusy() const;

    // Long work of the engine thread, shown in the status bar with progress and a cancel button. `work` runs
    // on that thread; what it returns is called on the interface thread, unless the job was cancelled or
    // another one of the same lane took its place: then `abandoned` is called instead.
    struct EngineJob {
        QString lane, title;
        std::function<std::function<void()>(InspectEngine& engine, JobContext& job)> work;
        std::function<void()> abandoned;
        EnginePriority priority = EnginePriority::Interactive;
    };
    void runJob(EngineJob job);
    void cancelJob(const QString& lane);

    using EmbeddingCallback = std::function<void(Result<SummaryEmbedding>)>;
    void embed(const QStringList& pictures, EmbeddingCallback done);

  signals:
    void engineStateChanged(const QString& text);
    void modelsChanged();
    void pictureChanged();
    void panelChanged(int index);  // its content
    void basisChanged();
    void failed(const QString& message);

  private:
    void loadPicture(const QString& path);
    void showReading(ImageSize size, std::shared_ptr<const Image> preview);
    void showRead(const Result<std::shared_ptr<const Image>>& image);
    void announceAllPanels();
    // IfSlow: most maps are there before anybody could read that they are being made, and drawing all views
    // for saying it would delay them.
    enum class Announce { AtOnce, IfSlow };
    void request(int index, Announce announce = Announce::AtOnce);
    // False while an upsampler that is fitted to the picture is being fitted, or its fit was cancelled.
    bool fitIsThere(int index, const MapRequest& wanted);
    void startFit(int index, const std::string& key, const MapRequest& wanted);
    void dropFit(int index);
    // A probe changes several maps within milliseconds: they are shown in one frame, not in one each.
    void announceResult(int index);
    void announceResults();
    std::optional<MapRequest> requestFor(int index, QString& missing) const;
    // Runs `finish` on the interface thread unless this is gone.
    void post(std::function<void()> finish);

    JobList& jobs_;
    std::unique_ptr<ThreadPool> reader_;
    std::vector<LoadedModel> models_;
    std::vector<UpsamplerEntry> upsamplers_;
    std::map<std::string, std::vector<std::string>> ownUpsamplers_;  // by path of the model
    QString picture_, text_;
    std::shared_ptr<const Image> image_;
    QString pictureError_;
    std::vector<PanelState> panels_;
    std::vector<PanelContent> contents_;
    std::vector<uint64_t> generations_;
    QSet<int> finished_;  // panels whose new content is not announced yet
    QTimer announce_;
    struct PanelFit {
        std::string key;  // picture, model, framing and settings; empty: the panel needs no fit
        bool running = false;
    };
    std::map<int, PanelFit> fits_;  // by panel
    std::set<std::string> fitted_;  // keys of fits that were seen to be there
    uint64_t pictureGeneration_ = 0;
    std::optional<Probe> probe_;
    std::string lockedBasis_;
    int basisNumber_ = 0;
    struct LaneJob {
        int id = 0;  // in the status bar
        uint64_t number = 0;
        std::function<void()> abandoned;
    };
    QMap<QString, LaneJob> laneJobs_;
    uint64_t jobNumber_ = 0;
    QString engineError_;  // why there is none
    int loading_ = 0;
    bool readingPicture_ = false, readingSlowly_ = false;
    std::shared_ptr<const Image> preview_;
    ImageSize previewOf_;
    std::unique_ptr<EngineThread> engine_;  // last: its thread ends before the rest
};

}  // namespace vitrine
