// What becomes of memory that is freed. The C library gives the largest pieces back to the system at once,
// and who needs such a piece again has every page of it cleared and mapped anew; smaller ones (up to 32 MB)
// stay with the process in holes between what is still used.
#pragma once

namespace vitrine {

// From now on this process keeps what it frees: for processes whose work repeats the same allocations, such
// as training, and ends with the process. Leaves the allocator alone where the user has set it up (MALLOC_*,
// GLIBC_TUNABLES) and where the C library is not glibc. Any number of calls are as one.
void keepFreedMemory();

// Gives back what was freed and is still held: between the parts of a long work whose results stay in memory
// among the holes of its temporaries, such as the blocks of a model that is compressed. Does nothing after
// keepFreedMemory(), and where the C library is not glibc. Takes about a millisecond.
void releaseFreedMemory();

}  // namespace vitrine
