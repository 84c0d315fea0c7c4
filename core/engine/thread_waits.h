// How threads of GCC's OpenMP library wait for each other. Left to itself each spins for milliseconds before
// it sleeps. On cores that other programs use too, threads of a small network then spend most of their time
// waiting for a partner that is not running. A thousand turns, a few tens of microseconds, are as quick on a
// quiet machine. The library reads its environment once, when it is loaded.
#pragma once

#include <string>

namespace vitrine {

// Call first thing in main(), with its arguments. Leaves OMP_WAIT_POLICY and GOMP_SPINCOUNT alone where the
// user set one of them. A program that is linked with the library starts itself again once.
void shortenThreadWaits(char** arguments);

// What is set, for reports: "GOMP_SPINCOUNT=1000"; "waits as OpenMP's" where nothing is.
std::string threadWaits();

}  // namespace vitrine
