#include "core/claims/small_student.h"

namespace vitrine {

StudentOptions smallStudentOptions(int64_t positionGridSide, int64_t preferredSide,
                                   std::vector<StudentTeacher> teachers) {
    StudentOptions options;
    options.width = 48;
    options.depth = 2;
    options.headCount = 3;
    options.patchSize = 8;
    options.positionGridSide = positionGridSide;
    options.registers = 0;
    options.headHidden = 64;
    options.preferredSide = preferredSide;
    options.teachers = std::move(teachers);
    return options;
}

Result<std::shared_ptr<RadioModule>> taughtStudent(const StudentOptions& options, int64_t steps,
                                                   const ClaimRequest& request, const StepLoss& lossOf,
                                                   double gradientLimit) {
    const std::shared_ptr<RadioModule> student = makeStudent(options, uint64_t(request.seed));
    Optimizer optimizer(trainedParameters(*student), {.weightDecay = 0.01});
    const int64_t taken = scaledSteps(steps, request);
    for (int64_t step = 0; step < taken; ++step) {
        VITRINE_TRY_VOID(request.job->checkStop());
        const at::Tensor loss = lossOf(*student, step);
        optimizer.clearGradients();
        loss.backward();
        if (gradientLimit > 0)
            optimizer.clipGradients(gradientLimit);
        optimizer.step(cosineRate(step, 20, taken, 2e-3));
        request.job->advance();
    }
    return student;
}

}  // namespace vitrine
