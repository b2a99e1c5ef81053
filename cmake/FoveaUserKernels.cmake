# Kernels of a program that uses fovea. Part of the package; of the tree too, for sub-projects.
# fovea_target_kernels(<target> <a.cu>...): compiles them for the emulated device, and for cuda where
# the CUDA language is enabled and fovea has CUDA; the target then sees FOVEA_KERNELS_ON_CUDA. In the
# file, FOVEA_TARGET names the namespace that differs: emu, gpu (kernels/device/README.md).
function(fovea_target_kernels target)
  foreach(source IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}")
    cmake_path(GET source FILENAME name)
    set(stub "${CMAKE_CURRENT_BINARY_DIR}/emulated/${name}.cpp")
    file(CONFIGURE OUTPUT "${stub}" CONTENT "#include \"${source}\"\n")
    # As fovea's own: fused multiply-adds where the source says so, and in one instruction.
    set_source_files_properties("${stub}" PROPERTIES COMPILE_DEFINITIONS FOVEA_EMULATED=1
      COMPILE_OPTIONS "-march=x86-64-v3;-ffp-contract=off;-Wno-unknown-pragmas")
    target_sources(${target} PRIVATE "${stub}")
    if(CMAKE_CUDA_COMPILER AND fovea_HAS_CUDA)
      target_sources(${target} PRIVATE "${source}")
    endif()
  endforeach()
  if(CMAKE_CUDA_COMPILER AND fovea_HAS_CUDA)
    find_package(CUDAToolkit REQUIRED)
    set_target_properties(${target} PROPERTIES CUDA_STANDARD 20 CUDA_STANDARD_REQUIRED ON)
    target_compile_options(${target} PRIVATE
      $<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr -fmad=false -Xcompiler=-ffp-contract=off>)
    target_compile_definitions(${target} PRIVATE FOVEA_KERNELS_ON_CUDA=1)
    target_link_libraries(${target} PRIVATE CUDA::cudart_static)
  endif()
endfunction()
