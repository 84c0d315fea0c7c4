// Settings of the job "teacher-statistics".
#pragma once

#include "core/base/json.h"

namespace vitrine {

Json teacherStatisticsSettingsSchema();

}  // namespace vitrine
