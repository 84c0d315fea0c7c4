// Loads the CUDA kernels where a driver answers, so that one binary serves machines with and without a GPU.
#pragma once

#include <string>

namespace vitrine::kernels {

// Devices that the NVIDIA driver reports; 0 without a driver. Never throws, loads nothing but libcuda.so.1.
int cudaDeviceCount();

// What the driver calls device `index` ("NVIDIA H100 80GB HBM3"); empty where there is no such device.
std::string cudaDeviceName(int index);

// Loads libvitrine_kernels_cuda.so, which lies beside this library, if a device is there. True if its
// operators are registered. Thread-safe, done once.
bool loadCudaKernels();

// Why loadCudaKernels() gave false ("no NVIDIA driver", or the loader's message); empty if it gave true.
std::string cudaKernelsStatus();

}  // namespace vitrine::kernels
