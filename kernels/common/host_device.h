// VITRINE_HOST_DEVICE in front of a function that CUDA kernels call too; nothing for other compilers.
#pragma once

#ifdef __CUDACC__
#define VITRINE_HOST_DEVICE __host__ __device__
#else
#define VITRINE_HOST_DEVICE
#endif
