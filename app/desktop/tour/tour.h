// Scripted walks through the real window: a JSON file with steps that open, select, click, type and compare
// what is shown and stored. They are the tests of the window and make the pictures of the manual.
//
//   {"name": "probe", "steps": [
//     {"do": "open", "paths": ["${TOUR}/photos"]},                     folders, pictures, models; ${NAME}:
//     environment
//     {"do": "command", "name": "inspect.layout", "arguments": {"panels": 2}},
//     {"do": "select", "name": "truck.jpg"},
//     {"do": "combo", "widget": "kind2", "text": "PCA"},
//     {"do": "click", "view": "view1", "x": 320, "y": 200},            picture pixels; or "widget" with "fx",
//     "fy": shares of its width and height
//     {"do": "click", "view": "view1", "control": "head", "fx": 0.9},  a control drawn over the view
//     {"do": "hover" | "drag", "view": …, "x": …, "y": …, "toX": …, "toY": …},
//     {"do": "lasso", "widget": …, "fx": …, "toFx": …},                with Shift, around the rectangle
//     between both
//     {"do": "drop", "widget": "galleryView", "paths": ["${TOUR}/photos"]},   from a file manager
//     {"do": "zoom", "view": "view1", "x": …, "y": …, "steps": 4},     wheel
//     {"do": "press", "widget": "embedButton"},
//     {"do": "key", "keys": "Ctrl+K"}, {"do": "type", "widget": "paletteEdit", "text": "fit"},
//     {"do": "wait", "for": "idle", "seconds": 30} or {"do": "wait", "seconds": 0.5},
//     {"do": "wait", "until": {"sql": "select …", "equals": "1"}, "seconds": 60},   any assertion
//     {"do": "assert", "widget": "galleryCount", "contains": "11"},    or "equals", "matches" (a regular
//     expression), "visible": true, "enabled": true
//     {"do": "assert", "view": "view2", "deviationAbove": 5},          pixels of the view or widget; also
//     "meanBetween": [a, b]
//     {"do": "assert", "view": "view2", "title": "PCA", "error": ""},  what its overlay says
//     {"do": "assert", "widget": "galleryView", "widthAbove": 159},  also "widthBelow"
//     {"do": "assert", "clipboard": "image", "minimum": 400},          or "text" with "contains" or "equals"
//     {"do": "assert", "action": "edit.undo", "enabled": false},
//     {"do": "assert", "selection": ["truck.jpg"]},
//     {"do": "assert", "file": "${OUT}/figure.svg", "contains": "truck"},
//     {"do": "assert", "sql": "select count(*) from runs", "equals": "1"},
//     {"do": "assert", "toast": ""},                                   text of a notice, "" for none;
//     "matches" and the like: of all that are shown, with " | " between them
//     {"do": "kill", "sql": "select pid from runs where …"},           SIGKILL to a job
//     {"do": "shell", "run": "vitrine run ${OUT}/recipe.json &", "seconds": 60},  other programs, with
//     VITRINE_PROJECT set; fails with its exit code
//     {"do": "mark", "name": "usable"},                                into the log, with the time
//     {"do": "remove", "path": "${OUT}/a.png"},
//     {"do": "watch"}, … {"do": "assert", "stallsBelow": 100, "memoryBelow": 1500},  what the interface
//     thread computed longest in one event since, in milliseconds without waiting, and the most memory that
//     was resident since, in MiB
//     {"do": "screenshot", "name": "probe"}]}
#pragma once

#include "core/base/json.h"

#include <QImage>
#include <QPointF>
#include <QString>
#include <filesystem>

class QWidget;

namespace vitrine {

class MainWindow;
class TileView;

class Tour {
  public:
    Tour(MainWindow& window, std::filesystem::path screenshots);

    // Runs all steps; the error names the step.
    Result<void> run(const std::filesystem::path& file);
    Result<void> screenshot(const std::string& name);
    // Handles events until the window has nothing to do.
    Result<void> waitUntilIdle(double seconds);

  private:
    Result<void> step(const Json& step);
    // The widget of a pointer step and the place in it; `to`: the end of a drag.
    struct Target {
        QWidget* widget = nullptr;
        QPointF at, to;
    };
    Result<Target> target(const Json& step) const;
    Result<void> pointerStep(const std::string& action, const Json& step);
    Result<void> inputStep(const std::string& action, const Json& step);
    Result<void> check(const Json& step);
    Result<void> checkWidget(const Json& step);
    Result<void> checkClipboard(const Json& step);
    Result<void> checkView(const Json& step);
    Result<void> killJob(const Json& step);
    static Result<void> checkPixels(const Json& step, const QImage& shown);
    Result<void> checkSql(const Json& step);
    Result<void> shellStep(const std::string& line, double seconds) const;
    Result<void> waitUntil(const Json& assertion, double seconds);
    static Result<void> startWatch();
    static Result<void> checkWatch(const Json& step);
    Result<QWidget*> widget(const Json& step, const char* key) const;
    Result<TileView*> view(const Json& step) const;
    std::string expanded(const std::string& text) const;
    static void wait(double seconds);

    MainWindow& window_;
    std::filesystem::path screenshots_, folder_;
};

}  // namespace vitrine
