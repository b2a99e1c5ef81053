# Options. As a sub-project, tests, examples and warnings-as-errors are off.
include(GNUInstallDirs)

option(FOVEA_BUILD_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(FOVEA_BUILD_EXAMPLES "Build python_free_examples/" ${PROJECT_IS_TOP_LEVEL})
option(FOVEA_COMMAND "Build the command fovea, and fovea::cli behind it, where CLI11 is found" ON)
option(FOVEA_INSTALL "Write install rules and the package" ${PROJECT_IS_TOP_LEVEL})
option(FOVEA_WERROR "Treat warnings as errors" OFF)
option(FOVEA_ZLIB "Read gzip files with zlib where it is found" ON)
option(FOVEA_PNG "Read PNG with libpng where it is found" ON)
option(FOVEA_JPEG "Read JPEG with libjpeg-turbo where it is found" ON)
option(FOVEA_ONEDNN "Use oneDNN on the CPU where it is found" ON)
option(FOVEA_CUDA "Build the CUDA kernels with nvcc where a toolkit is found" ON)
option(FOVEA_CUDNN "Build the cuDNN engine where cuDNN 9 is found" ON)
option(FOVEA_CHECK_ACCESSES "Emulated kernels report races and unwritten reads in shared memory" OFF)
set(FOVEA_SANITIZE "" CACHE STRING "Sanitizers for all targets: empty, address, thread")
include(CMakeDependentOption)
cmake_dependent_option(FOVEA_COUNT_WORK "Emulated kernels a second time, counting their work for fovea compare" ON
  "FOVEA_SANITIZE STREQUAL \"\"" OFF)
set(FOVEA_CUDA_ARCHITECTURES "" CACHE STRING
    "CUDA architectures; empty: native where a GPU is visible, else 80-real;89-real;90a-real;80-virtual")

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()
if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
endif()
