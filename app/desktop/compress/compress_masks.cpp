#include "app/desktop/compress/compress_masks.h"

#include "app/desktop/compress/compress_texts.h"
#include "app/desktop/compress/what_if_desk.h"
#include "core/base/file.h"
#include "core/base/nearest.h"
#include "widgets/view/tile_view.h"

#include <algorithm>

namespace vitrine {
namespace {

constexpr std::array<const char*, 5> kColorNames{"patterns", "kept", "dropped", "weights", "difference"};

}  // namespace

MaskDesk::MaskDesk(CompressController* controller, CompressInspector* inspector, MaskPanel* panel,
                   QObject* parent)
    : QObject(parent), controller_(controller), inspector_(inspector), panel_(panel) {
    connect(panel_, &MaskPanel::requested, this, &MaskDesk::ask);
    connect(controller_, &CompressController::shownChanged, this, &MaskDesk::refreshMasks);
    connect(inspector_, &CompressInspector::stateChanged, this,
            [this] { panel_->setBusy(inspector_->isBusy("mask")); });
    refreshMasks();
}

void MaskDesk::setModel(const QString& path) {
    if (path == model_)
        return;
    model_ = path;
    asked_ = {};
    readTensors();
    refreshMasks();
}

void MaskDesk::readTensors() {
    using Names = std::vector<std::string>;
    inspector_->ask<Names>(
        "matrices",
        [path = model_.toStdString()](CompressEngine& engine, JobContext&) { return engine.matrices(path); },
        [this](Result<Names> names) {
            if (!names) {
                panel_->setTensors({});
                panel_->setView(nullptr, QString::fromStdString(names.error().text()));
                return;
            }
            QStringList list;
            for (const std::string& name : *names)
                list.append(QString::fromStdString(name));
            panel_->setTensors(list);
            if (!wantedTensor_.isEmpty())
                panel_->setChosen(std::exchange(wantedTensor_, {}), panel_->mask(), panel_->other(),
                                  panel_->colors());
            ask();
        });
}

void MaskDesk::refreshMasks() {
    std::vector<MaskChoice> choices{
        {tr("stored weights that are not 0"), {MaskSource::Kind::Nonzero, {}, {}}},
        {tr("magnitude 2:4, as it would be"), {MaskSource::Kind::Magnitude, {}, "2:4"}},
        {tr("magnitude 50 %, as it would be"), {MaskSource::Kind::Magnitude, {}, "50%"}},
        {tr("random 2:4"), {MaskSource::Kind::Random, {}, "2:4"}}};
    for (MaskChoice& each : planMasks(controller_->shown(), model_))
        choices.push_back(std::move(each));
    if (isSamePath(framesOf_, model_))
        choices.insert(choices.end(), frames_.begin(), frames_.end());
    panel_->setMasks(std::move(choices));
    ask();
}

void MaskDesk::setFrames(std::vector<MaskChoice> frames, const QString& model) {
    frames_ = std::move(frames);
    framesOf_ = model;
    refreshMasks();
}

void MaskDesk::ask() {
    MaskRequest request{model_.toStdString(), panel_->tensor().toStdString(), panel_->mask(), panel_->other(),
                        panel_->colors()};
    if (request.model.empty() || request.tensor.empty() || request == asked_)
        return;
    asked_ = request;
    inspector_->ask<MaskView>(
        "mask", [request](CompressEngine& engine, JobContext& job) { return engine.mask(request, job); },
        [this](Result<MaskView> view) {
            if (view)
                panel_->setView(std::make_shared<const MaskView>(std::move(*view)), {});
            else
                panel_->setView(nullptr, QString::fromStdString(view.error().text()));
        });
}

Result<void> MaskDesk::choose(const QString& tensor, const QString& mask, const QString& other,
                              const QString& colors) {
    const auto sourceOf = [this](const QString& title, const MaskSource& before) -> Result<MaskSource> {
        if (title.isEmpty())
            return before;
        if (title == "nothing")
            return MaskSource{};
        std::vector<std::string> names;
        for (const MaskChoice& choice : panel_->masks()) {
            if (choice.title == title)
                return choice.source;
            names.push_back(choice.title.toStdString());
        }
        const auto nearest = nearestName(title.toStdString(), names);
        return fail(ErrorCode::NotFound, fmt::format("there is no mask \"{}\"", title.toStdString()), "mask",
                    nearest ? fmt::format("Did you mean \"{}\"?", *nearest)
                            : fmt::format("One of: {}", fmt::join(names, ", ")));
    };
    VITRINE_TRY(const MaskSource maskSource, sourceOf(mask, panel_->mask()));
    VITRINE_TRY(const MaskSource otherSource, sourceOf(other, panel_->other()));
    MaskColors chosen = panel_->colors();
    if (!colors.isEmpty()) {
        const auto found = std::find(kColorNames.begin(), kColorNames.end(), colors.toStdString());
        if (found == kColorNames.end())
            return fail(ErrorCode::InvalidArgument, fmt::format("no colours \"{}\"", colors.toStdString()),
                        "colors", fmt::format("One of: {}", fmt::join(kColorNames, ", ")));
        chosen = MaskColors(found - kColorNames.begin());
    }
    if (!tensor.isEmpty() && !panel_->tensors().contains(tensor)) {
        if (!panel_->tensors().isEmpty())
            return fail(ErrorCode::NotFound,
                        fmt::format("the model has no matrix \"{}\"", tensor.toStdString()), "tensor",
                        "The model tree lists those that it has");
        wantedTensor_ = tensor;
    }
    panel_->setChosen(tensor.isEmpty() ? panel_->tensor() : tensor, maskSource, otherSource, chosen);
    ask();
    return {};
}

Result<void> MaskDesk::save(const std::filesystem::path& file) const {
    if (!panel_->view())
        return fail(ErrorCode::InvalidArgument, "no mask is shown", "masks", "Open a model first");
    if (file.extension() == ".csv")
        return writeFileAtomically(file, panel_->toCsv().toStdString());
    const QImage shown = panel_->tiles()->grabFramebuffer();
    if (file.extension() != ".png" || !shown.save(QString::fromStdString(file.string()), "PNG"))
        return fail(ErrorCode::IoFailure, "the picture cannot be written", file.string(),
                    "Pictures are saved as .png, patterns as .csv");
    return {};
}

}  // namespace vitrine
