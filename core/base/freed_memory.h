// What becomes of memory that a training step frees. The C library gives large pieces back to the system at
// once, and the next step has every page of them cleared and mapped anew; kept, they are used again.
#pragma once

namespace vitrine {

// From now on this process keeps what it frees: for processes whose work repeats the same allocations, such
// as training, and ends with the process. Leaves the allocator alone where the user has set it up (MALLOC_*,
// GLIBC_TUNABLES) and where the C library is not glibc. Any number of calls are as one.
void keepFreedMemory();

}  // namespace vitrine
