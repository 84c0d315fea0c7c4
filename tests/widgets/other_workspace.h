// A workspace beside the one under test, for what happens while another is in front.
#pragma once

#include "widgets/shell/workspace.h"

namespace vitrine::testing {

class OtherWorkspace : public Workspace {
  public:
    OtherWorkspace() : Workspace("other", "Other", "grid1") {}
    void declareCommands(CommandCenter&) override {}
};

}  // namespace vitrine::testing
