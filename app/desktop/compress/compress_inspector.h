// Questions of the Compress workspace to the engine.
#pragma once

#include "app/desktop/engine/engine_questions.h"

namespace vitrine {

class CompressInspector : public EngineQuestions<CompressEngine> {
  public:
    explicit CompressInspector(QObject* parent = nullptr)
        : EngineQuestions([](const Engine& library) { return library.createCompressEngine(); }, parent) {}
};

}  // namespace vitrine
