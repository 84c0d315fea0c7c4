// Two models write on from the same prompt, side by side, with what each gives its own text and the other's.
#pragma once

#include <QString>
#include <QWidget>
#include <array>
#include <vector>

class QComboBox;
class QDoubleSpinBox;
class QLabel;
class QPlainTextEdit;
class QPushButton;
class QSpinBox;
class QTextBrowser;

namespace vitrine {

struct WriterChoice {
    QString title;      // "dense: stories260K.bin", "sparsegpt 2:4"
    QString path;       // model folder or file
    QString tokenizer;  // empty: the one beside the model
    QString measured;   // "perplexity 3.55 on …" of the run; may be empty
};

struct WriteSettings {
    QString prompt = QStringLiteral("Once upon a time");
    int tokens = 120;
    double temperature = 0;  // 0: greedy
    int seed = 0;
};

class WriteView : public QWidget {
    Q_OBJECT
  public:
    explicit WriteView(QWidget* parent = nullptr);

    // What is chosen stays where it is still there; else dense on the left, `right` on the right.
    void setWriters(std::vector<WriterChoice> writers, const QString& right);
    const std::vector<WriterChoice>& writers() const { return writers_; }
    // Null: none is chosen. side: 0 left, 1 right.
    const WriterChoice* writer(int side) const;
    void setWriter(int side, const QString& title);
    WriteSettings settings() const;
    void setSettings(const WriteSettings& settings);
    // Rich text of a side, and the line under it.
    void setText(int side, const QString& html, const QString& facts);
    void setBusy(bool busy);

  signals:
    void writeRequested();
    void stopRequested();

  private:
    std::vector<WriterChoice> writers_;
    QPlainTextEdit* prompt_;
    QSpinBox *tokens_, *seed_;
    QDoubleSpinBox* temperature_;
    QPushButton* write_;
    std::array<QComboBox*, 2> models_{};
    std::array<QTextBrowser*, 2> texts_{};
    std::array<QLabel*, 2> facts_{};
    bool busy_ = false;
};

}  // namespace vitrine
