// All that notices said since the start, newest first; Ctrl+C copies what is selected.
#pragma once

#include <QListWidget>

namespace vitrine {

class ToastHost;

class NoticeList : public QListWidget {
    Q_OBJECT
  public:
    explicit NoticeList(ToastHost* notices, QWidget* parent = nullptr);

  private:
    void refresh();
    void copySelected() const;

    ToastHost* notices_;
};

}  // namespace vitrine
