// What a model would say with parts of it switched off, masked or repaired by another rank: the next token's
// distribution before and after, and the text with what changed for each of its tokens.
#pragma once

#include "core/engine/compress_engine.h"
#include "widgets/compress/mask_panel.h"
#include "widgets/compress/switch_grid.h"

class QPlainTextEdit;
class QPushButton;
class QSlider;
class QTextBrowser;

namespace vitrine {

struct CompressedChoice {
    QString title;
    QString file;  // compressed.safetensors
    int rank = 0;  // of its paths; 0: none
};

class WhatIfView : public QWidget {
    Q_OBJECT
  public:
    explicit WhatIfView(QWidget* parent = nullptr);

    void setModel(const QString& title);
    // Masks (of files) and packed weights that can be laid over the model.
    void setChoices(const std::vector<MaskChoice>& masks, std::vector<CompressedChoice> compressed);
    QString text() const;
    void setText(const QString& text);
    SwitchGrid* switches() { return switches_; }
    std::filesystem::path masks() const;
    std::filesystem::path compressed() const;
    int64_t rank() const;
    void chooseMasks(const QString& title);
    void chooseCompressed(const QString& title);
    void setRank(int rank);
    void setAnswer(const WhatIf& answer);
    void setProblem(const QString& text);

  signals:
    void edited();

  private:
    void refreshRank();

    std::vector<MaskChoice> masks_;
    std::vector<CompressedChoice> compressedChoices_;
    QLabel *model_, *facts_, *rankText_;
    QPlainTextEdit* text_;
    SwitchGrid* switches_;
    QComboBox *mask_, *compressed_;
    QSlider* rank_;
    Chart* next_;
    QTextBrowser* tokens_;
    QPushButton* reset_;
};

}  // namespace vitrine
