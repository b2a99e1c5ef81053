# Kernels of a program that uses fovea. Part of the package; of the tree too, for sub-projects.
# fovea_target_kernels(<target> <a.cu>...): compiles them for the emulated device, and for cuda where
# the CUDA language is enabled and fovea has CUDA; the target then sees FOVEA_KERNELS_ON_CUDA. In the
# file, FOVEA_TARGET names the namespace that differs: emu, gpu (kernels/device/README.md). Where g++
# compiles without sanitizers, once more for the emulated device in namespace emu_counted, whose work
# `compare` can count; the target then sees FOVEA_KERNELS_COUNTED.
function(fovea_target_kernels target)
  set(counted "")
  foreach(source IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}")
    cmake_path(GET source FILENAME name)
    set(stub "${CMAKE_CURRENT_BINARY_DIR}/emulated/${name}.cpp")
    file(CONFIGURE OUTPUT "${stub}" CONTENT "#include \"${source}\"\n")
    # As fovea's own: fused multiply-adds where the source says so, and in one instruction.
    set_source_files_properties("${stub}" PROPERTIES COMPILE_DEFINITIONS FOVEA_EMULATED=1
      COMPILE_OPTIONS "-march=x86-64-v3;-ffp-contract=off;-Wno-unknown-pragmas")
    target_sources(${target} PRIVATE "${stub}")
    set(stub "${CMAKE_CURRENT_BINARY_DIR}/counted/${name}.cpp")
    file(CONFIGURE OUTPUT "${stub}" CONTENT "#include \"${source}\"\n")
    list(APPEND counted "${stub}")
    if(CMAKE_CUDA_COMPILER AND fovea_HAS_CUDA)
      target_sources(${target} PRIVATE "${source}")
    endif()
  endforeach()
  string(TOUPPER "${CMAKE_BUILD_TYPE}" config)
  set(flags "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${config}}")
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT FOVEA_SANITIZE AND NOT flags MATCHES "-fsanitize")
    fovea_target_counted_kernels(${target} ${counted})
  endif()
  if(CMAKE_CUDA_COMPILER AND fovea_HAS_CUDA)
    find_package(CUDAToolkit REQUIRED)
    set_target_properties(${target} PROPERTIES CUDA_STANDARD 20 CUDA_STANDARD_REQUIRED ON)
    target_compile_options(${target} PRIVATE
      $<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr -fmad=false -Xcompiler=-ffp-contract=off>)
    target_compile_definitions(${target} PRIVATE FOVEA_KERNELS_ON_CUDA=1)
    target_link_libraries(${target} PRIVATE CUDA::cudart_static)
  endif()
endfunction()

# Of fovea_target_kernels(): the stubs, compiled to count, as a part of the target.
function(fovea_target_counted_kernels target)
  set(parts ${target}_counted)
  while(TARGET ${parts})  # a second call for the target
    string(APPEND parts _)
  endwhile()
  add_library(${parts} OBJECT ${ARGN})
  target_compile_features(${parts} PRIVATE cxx_std_20)
  target_include_directories(${parts} PRIVATE "$<TARGET_PROPERTY:${target},INCLUDE_DIRECTORIES>")
  target_compile_definitions(${parts} PRIVATE "$<TARGET_PROPERTY:${target},COMPILE_DEFINITIONS>")
  target_compile_options(${parts} PRIVATE -ffp-contract=off)
  fovea_join_counted(joined ${parts})
  target_sources(${target} PRIVATE "${joined}")
  add_dependencies(${target} ${parts})  # Make joins files, and knows no rule for another target's
  target_compile_definitions(${target} PRIVATE FOVEA_KERNELS_COUNTED=1)
endfunction()

# fovea_join_counted(<out> <parts>): the OBJECT library <parts> holds kernels for the emulator; has them compiled
# into namespace emu_counted, saying what they access (kernels/emulator/counts.h), and joined to the object <out>,
# a source for a target of this folder. The functions through which they say so have ThreadSanitizer's names;
# joined to one object, they are nobody else's.
function(fovea_join_counted out parts)
  set(hooks "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/access_hooks.cpp")  # in a package
  if(NOT EXISTS "${hooks}")
    set(hooks "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../kernels/emulator/access_hooks.cpp")
    cmake_path(NORMAL_PATH hooks)
  endif()
  target_sources(${parts} PRIVATE "${hooks}")
  set_target_properties(${parts} PROPERTIES POSITION_INDEPENDENT_CODE ON
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_compile_definitions(${parts} PRIVATE FOVEA_EMULATED=1 FOVEA_COUNT_ACCESSES=1)
  # Loads and stores as the source has them: none made wide, none profiled.
  target_compile_options(${parts} PRIVATE -O2 -march=x86-64-v3 -Wno-unknown-pragmas
    -fsanitize=thread -Wno-tsan --param=tsan-instrument-func-entry-exit=0 -fno-tree-loop-distribute-patterns
    -fno-tree-vectorize -fno-store-merging -fno-profile-arcs -fno-test-coverage)
  set_source_files_properties("${hooks}" PROPERTIES
    COMPILE_OPTIONS -fno-sanitize=thread SKIP_PRECOMPILE_HEADERS ON)
  set(joined "${CMAKE_CURRENT_BINARY_DIR}/${parts}.o")
  set(objects $<FILTER:$<TARGET_OBJECTS:${parts}>,EXCLUDE,gch$>)  # CMake counts the precompiled header among them
  add_custom_command(OUTPUT "${joined}"
    COMMAND ${CMAKE_LINKER} -r -o "${joined}" "${objects}"
    COMMAND ${CMAKE_OBJCOPY} --wildcard --localize-symbol=__tsan_* "${joined}"
    DEPENDS "${objects}" COMMAND_EXPAND_LISTS VERBATIM)
  set_source_files_properties("${joined}" PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
  set(${out} "${joined}" PARENT_SCOPE)
endfunction()
