// A frozen network that a student learns from.
#pragma once

#include "core/base/result.h"
#include "core/models/model.h"

#include <functional>
#include <memory>
#include <string>

namespace vitrine {

struct TeacherOutput {
    at::Tensor summary;   // (B, S); undefined where the teacher has none
    at::Tensor features;  // (B, C, h, w)
};

class Teacher {
  public:
    virtual ~Teacher() = default;
    virtual const std::string& name() const = 0;
    // What it computes: hash of its weights or definition, and which of its outputs. Equal ones say the same
    // of equal pixels.
    virtual const std::string& identity() const = 0;
    virtual int64_t summaryWidth() const = 0;  // 0: no summary
    virtual int64_t featureWidth() const = 0;
    virtual int64_t cellPixels() const = 0;  // pixels a side that one feature cell stands for (patch, stride)
    // Sides of pictures that it takes: `side` made acceptable (multiples of its patch, its fixed size).
    virtual int64_t nearestSide(int64_t side) const = 0;
    // pixels (B, 3, H, W) in [0, 1]; no gradients are kept. Values that are not finite are an error that
    // names the teacher and the first picture of the batch concerned, of which the first here is
    // `firstPicture`.
    Result<TeacherOutput> look(const at::Tensor& pixels, int64_t firstPicture = 0) const;

  protected:
    virtual Result<TeacherOutput> compute(const at::Tensor& pixels) const = 0;
};

// Passes of one encoder that several teachers look through (its final features and those of a layer): the
// same pixels are encoded once.
class SharedPasses {
  public:
    explicit SharedPasses(std::shared_ptr<const Model> model) : model_(std::move(model)) {}
    const Model& model() const { return *model_; }
    // Adds to what every pass computes from now on.
    void want(const EncodeRequest& request);
    // Output of all that is wanted; `layers` in ascending order of their numbers.
    Result<EncoderOutput> encode(const at::Tensor& pixels);
    const at::Tensor& layerOf(const EncoderOutput& output, int64_t layer) const;

  private:
    std::shared_ptr<const Model> model_;
    EncodeRequest wanted_;
    at::Tensor pixels_;
    EncoderOutput output_;
};

// Any loaded encoder, or one of its adaptor heads. `mean`, `std`: of pixels in [0, 1], three values each;
// empty where the encoder normalises itself.
struct EncoderTeacherOptions {
    std::string name;
    std::string identity;  // hash of the model
    std::string adaptor;   // empty: backbone
    int64_t layer = -1;    // map that stands for its features; -1: the final ones
    std::vector<double> mean, std;
    bool useSummary = true;
};
// InvalidArgument if the encoder has no such adaptor or layer.
Result<std::unique_ptr<Teacher>> makeEncoderTeacher(std::shared_ptr<const Model> model,
                                                    EncoderTeacherOptions options);
// As the other, with passes that further teachers of the same encoder and normalisation share.
Result<std::unique_ptr<Teacher>> makeEncoderTeacher(std::shared_ptr<SharedPasses> passes,
                                                    EncoderTeacherOptions options);

// A function as a teacher: the frozen networks of experiments.
struct FunctionTeacherOptions {
    std::string name;
    std::string identity;  // empty: its name
    int64_t summaryWidth = 0, featureWidth = 0, cellPixels = 1;
    int64_t fixedSide = 0;  // 0: any multiple of cellPixels
    std::function<TeacherOutput(const at::Tensor& pixels)> compute;
};
std::unique_ptr<Teacher> makeFunctionTeacher(FunctionTeacherOptions options);

}  // namespace vitrine
