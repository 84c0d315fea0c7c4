// The mask viewer: a matrix from its overview down to one group of four. Which tensor, which mask, against
// which other one; the picture in a tile view; the numbers of a block; what is kept; how often each pattern
// stands.
#pragma once

#include "core/engine/mask_view.h"

#include <QPoint>
#include <QStringList>
#include <QWidget>
#include <optional>
#include <vector>

class QComboBox;
class QLabel;

namespace vitrine {

class Chart;
class GroupView;
class TileView;

struct MaskChoice {
    QString title;  // "wanda 2:4 · run of today"
    MaskSource source;
};

class MaskPanel : public QWidget {
    Q_OBJECT
  public:
    explicit MaskPanel(QWidget* parent = nullptr);

    // Matrices of the model and masks that can be had; what is chosen stays where it is still there. At first
    // that is the first matrix that plans prune, and the mask of the first plan.
    void setTensors(const QStringList& names);
    void setMasks(std::vector<MaskChoice> choices);
    void setChosen(const QString& tensor, const MaskSource& mask, const MaskSource& other, MaskColors colors);
    QString tensor() const;
    MaskSource mask() const;
    MaskSource other() const;
    MaskColors colors() const;
    const QStringList& tensors() const { return tensors_; }
    const std::vector<MaskChoice>& masks() const { return choices_; }

    // Null: none yet. `problem`: why there is none.
    void setView(std::shared_ptr<const MaskView> view, const QString& problem);
    void setBusy(bool busy);
    const MaskView* view() const { return view_.get(); }
    // Goes to one group; the view is moved there.
    void showGroup(int64_t row, int64_t group);
    TileView* tiles() { return tiles_; }
    // Patterns and their counts.
    QString toCsv() const;

  signals:
    void requested();  // something else is chosen

  private:
    QComboBox* addCombo(class QHBoxLayout* into, const QString& title, const QString& name,
                        const QString& tip);
    void moveTo(QPoint group);
    void hover(QPointF inImage, bool inside);
    void refreshOverlay(const QString& readout);
    void refreshFacts();

    std::vector<MaskChoice> choices_;
    QStringList tensors_;
    std::shared_ptr<const MaskView> view_;
    QString problem_;
    bool busy_ = false, maskPicked_ = false;
    QComboBox *tensor_, *mask_, *other_, *colors_;
    QLabel *facts_, *groupText_;
    TileView* tiles_;
    GroupView* group_;
    Chart* histogram_;
};

}  // namespace vitrine
