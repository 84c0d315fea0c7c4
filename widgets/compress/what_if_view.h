// What a model would say with parts of it switched off, masked or repaired by another rank. A language model:
// the next token's distribution before and after, and the text with what changed for each of its tokens. An
// encoder: the features of a picture before and after, and the classes of its head.
#pragma once

#include "core/engine/compress_engine.h"
#include "widgets/compress/mask_panel.h"
#include "widgets/compress/picture_change_view.h"
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

    enum class Subject { Text, Picture };
    void setModel(const QString& title, Subject subject);
    Subject subject() const { return subject_; }
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
    PictureChangeView* picture() { return picture_; }
    // Part of the patch tokens that stays, and how the others go.
    double tokens() const;
    QString tokenMethod() const { return tokenMethod_->currentText(); }
    void setTokens(double part, const QString& method);
    void setAnswer(const WhatIf& answer);
    void setAnswer(const PictureWhatIf& answer);
    void setProblem(const QString& text);

  signals:
    void edited();

  private:
    void refreshRank();
    void refreshTokens();
    void setBars(const std::vector<NextToken>& bars);

    std::vector<MaskChoice> masks_;
    std::vector<CompressedChoice> compressedChoices_;
    Subject subject_ = Subject::Text;
    PictureChangeView* picture_;
    QComboBox* tokenMethod_;
    QSlider* keptTokens_;
    QLabel *keptText_, *tokensTitle_;
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
