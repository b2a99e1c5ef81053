# One function per idea: a library of ours, the kernels built twice, the umbrella.
set(FOVEA_INCLUDE_ROOT "${PROJECT_BINARY_DIR}/include")
file(MAKE_DIRECTORY "${FOVEA_INCLUDE_ROOT}")
file(CREATE_LINK "${PROJECT_SOURCE_DIR}" "${FOVEA_INCLUDE_ROOT}/fovea" SYMBOLIC)
set(FOVEA_LIBRARIES "" CACHE INTERNAL "")

add_library(fovea_options INTERFACE)
target_compile_features(fovea_options INTERFACE cxx_std_20)
target_compile_options(fovea_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wshadow -Wnon-virtual-dtor -ffp-contract=off>
  $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:${FOVEA_WERROR}>>:-Werror>
  # GCC collects its garbage later: sources of large headers compile in 6 to 15 % less time, and take 0.3 GB
  # more.
  $<$<COMPILE_LANG_AND_ID:CXX,GNU>:--param=ggc-min-heapsize=500000>
  # GCC 12 sees an overlap in std::string's operator+ where there is none (GCC bug 105651).
  $<$<AND:$<COMPILE_LANG_AND_ID:CXX,GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>)
if(FOVEA_SANITIZE STREQUAL "address")
  # A null pointer faults, and the address sanitizer says where; what object-size sees of an object, it sees
  # whole. Alignment is checked in kernels, where a card would fault. These checks took a third of the
  # compile time.
  target_compile_options(fovea_options INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=address,undefined -fno-sanitize=null,vptr,object-size,alignment
      -fno-sanitize-recover=all -fno-omit-frame-pointer>)
  target_link_options(fovea_options INTERFACE -fsanitize=address,undefined)
elseif(FOVEA_SANITIZE)
  target_compile_options(fovea_options INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${FOVEA_SANITIZE} -fno-omit-frame-pointer>)
  target_link_options(fovea_options INTERFACE -fsanitize=${FOVEA_SANITIZE})
endif()

# What decides, records and writes files, and leaves computing to kernels: cli/, layers/ and train/ compile in
# 100 s of CPU where -O1 takes 128, and no step is slower. Named after fovea_options.
add_library(fovea_host_options INTERFACE)
target_compile_options(fovea_host_options INTERFACE $<$<CONFIG:Release>:-Og>)

# Kernels on the emulator. Named after fovea_options.
add_library(fovea_emulated_options INTERFACE)
if(FOVEA_SANITIZE STREQUAL "address")
  target_compile_options(fovea_host_options INTERFACE -Og)
  target_compile_options(fovea_emulated_options INTERFACE -fsanitize=alignment)
endif()

# What nearly every host source reads: parsed once a target. Sources still include what
# they use; preset tidy builds without.
set(FOVEA_COMMON_HEADERS <algorithm> <array> <cstdint> <filesystem> <functional> <map> <memory> <optional> <span>
  <sstream> <string> <vector>)

# fovea_precompile(<target> <header>...): for a target whose sources are compiled one by one, and are more than
# a few.
function(fovea_precompile target)
  get_target_property(at_once ${target} UNITY_BUILD)
  get_target_property(sources ${target} SOURCES)
  list(LENGTH sources count)
  if(NOT at_once AND count GREATER 4)
    target_precompile_headers(${target} PRIVATE ${FOVEA_COMMON_HEADERS} ${ARGN})
  endif()
endfunction()

# fovea_compile_at_once(<target>): with FOVEA_UNITY its sources are one compilation, so that what they include is
# read, and its templates are made, once for all of them.
function(fovea_compile_at_once target)
  if(FOVEA_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
    # What a class keeps in a source's unnamed namespace, GCC takes for a header's where sources are included.
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-subobject-linkage>)
  endif()
endfunction()

# fovea_compile_alone(<target>): each source is a compilation of its own, where files use the same names for the
# same parts of a kernel or an op.
function(fovea_compile_alone target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD OFF)
endfunction()

# fovea_add_library(<folder-name> <sources>...): static, position independent, hidden symbols;
# alias fovea::<name>.
function(fovea_add_library name)
  add_library(fovea_${name} STATIC ${ARGN})
  add_library(fovea::${name} ALIAS fovea_${name})
  set_target_properties(fovea_${name} PROPERTIES
    EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_compile_features(fovea_${name} PUBLIC cxx_std_20)
  target_include_directories(fovea_${name} PUBLIC
    "$<BUILD_INTERFACE:${FOVEA_INCLUDE_ROOT}>" "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  target_link_libraries(fovea_${name} PRIVATE $<BUILD_INTERFACE:fovea_options>)
  fovea_compile_at_once(fovea_${name})
  set(FOVEA_LIBRARIES ${FOVEA_LIBRARIES} fovea_${name} CACHE INTERNAL "")
endfunction()

# fovea_check_accesses(<target>): its emulated kernels say which memory they access, and the emulator
# finds races and unwritten reads in shared memory (kernels/emulator/access_checker.h).
function(fovea_check_accesses target)
  target_compile_definitions(${target} PRIVATE FOVEA_CHECK_ACCESSES=1)
  # Entries and exits of functions are of no interest; no loop may become an unheard memset; fences
  # are between blocks, whose accesses are not checked.
  target_compile_options(${target} PRIVATE
    -g1 -fsanitize=thread -Wno-tsan --param=tsan-instrument-func-entry-exit=0 -fno-tree-loop-distribute-patterns)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:fovea_emulator_checks>)
endfunction()

# fovea_batch_kernels(<name> <a.cu>...): kernels of a few lines, which spend their compile time on headers, as the
# one source ${<name>} for fovea_add_kernels(); without FOVEA_UNITY each for itself. CMake batches no CUDA.
function(fovea_batch_kernels name)
  if(NOT FOVEA_UNITY)
    set(${name} ${ARGN} PARENT_SCOPE)
    return()
  endif()
  list(TRANSFORM ARGN REPLACE "(.+)" "#include \"${CMAKE_CURRENT_SOURCE_DIR}/\\1\"\n" OUTPUT_VARIABLE lines)
  string(JOIN "" content ${lines})
  set(batch "${CMAKE_CURRENT_BINARY_DIR}/batch/${name}.cu")
  file(CONFIGURE OUTPUT "${batch}" CONTENT "${content}")
  set(${name} "${batch}" PARENT_SCOPE)
endfunction()

# fovea_stubs(<out> <folder> <a.cu>...): for each a source in <folder>, below the build folder, that the host
# compiler takes.
function(fovea_stubs out folder)
  set(stubs "")
  foreach(src IN LISTS ARGN)
    cmake_path(GET src PARENT_PATH place)
    cmake_path(IS_ABSOLUTE src batched)
    if(batched)
      set(place batch)
    endif()
    cmake_path(GET src FILENAME name)
    cmake_path(ABSOLUTE_PATH src BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}")
    set(stub "${CMAKE_CURRENT_BINARY_DIR}/${folder}/${place}/${name}.cpp")
    file(CONFIGURE OUTPUT "${stub}" CONTENT "#include \"${src}\"\n")
    list(APPEND stubs "${stub}")
  endforeach()
  set(${out} ${stubs} PARENT_SCOPE)
endfunction()

# fovea_add_kernels(<name> <a.cu>...): one source list, two devices. <name>_emu compiles the very
# sources with the host compiler on the emulator; <name>_cuda with nvcc where there is one.
function(fovea_add_kernels name)
  fovea_stubs(stubs emu ${ARGN})
  fovea_add_library(${name}_emu ${stubs})
  target_compile_definitions(fovea_${name}_emu PRIVATE FOVEA_EMULATED=1)
  # Explicit fmaf is a function call without FMA instructions, 11 times slower. conv/forward.cu compiles
  # in 8 s at -O2, in 12 at -O3.
  target_compile_options(fovea_${name}_emu PRIVATE -march=x86-64-v3 $<$<CONFIG:Release>:-O2>
    -Wno-unknown-pragmas)  # #pragma unroll is for nvcc
  target_link_libraries(fovea_${name}_emu
    PUBLIC fovea_core fovea_ops PRIVATE fovea_emulator $<BUILD_INTERFACE:fovea_emulated_options>)
  fovea_compile_alone(fovea_${name}_emu)
  fovea_precompile(fovea_${name}_emu)
  if(FOVEA_CHECK_ACCESSES)
    fovea_check_accesses(fovea_${name}_emu)
  endif()
  if(FOVEA_WITH_CUDA)
    fovea_add_library(${name}_cuda ${ARGN})
    fovea_compile_alone(fovea_${name}_cuda)
    # What ptxas says of registers and spills is kept for tests/kernels/ptxas.
    set(launcher "${PROJECT_SOURCE_DIR}/cmake/log_output.sh" ${CMAKE_CUDA_COMPILER_LAUNCHER})
    set_target_properties(fovea_${name}_cuda PROPERTIES
      CUDA_STANDARD 20 CUDA_STANDARD_REQUIRED ON CUDA_VISIBILITY_PRESET hidden
      CUDA_COMPILER_LAUNCHER "${launcher}")
    target_compile_options(fovea_${name}_cuda PRIVATE
      $<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr -fmad=false -Xcompiler=-ffp-contract=off -Xptxas=-v>)
    target_link_libraries(fovea_${name}_cuda PUBLIC fovea_core fovea_ops PRIVATE CUDA::cudart_static)
    if(NOT TARGET fovea_cuda_kernels)
      add_custom_target(fovea_cuda_kernels)  # every kernel through nvcc, and nothing else
    endif()
    add_dependencies(fovea_cuda_kernels fovea_${name}_cuda)
  endif()
endfunction()

# fovea_add_counted_kernels(<name> <a.cu>...): the sources once more for the emulator, saying what they access.
function(fovea_add_counted_kernels name)
  fovea_stubs(stubs counted ${ARGN})
  set(parts fovea_${name}_parts)
  add_library(${parts} OBJECT ${stubs})
  fovea_join_counted(joined ${parts})
  fovea_precompile(${parts})
  target_link_libraries(${parts} PRIVATE fovea_core fovea_ops fovea_emulator fovea_options)
  fovea_add_library(${name} "${joined}")
  add_dependencies(fovea_${name} ${parts})
  set_target_properties(fovea_${name} PROPERTIES LINKER_LANGUAGE CXX)
  target_link_libraries(fovea_${name} PUBLIC fovea_core fovea_ops PRIVATE fovea_emulator)
endfunction()

# fovea_public_headers(<out>): what is installed, as it is spelled after <fovea/. Headers of engines
# stay inside, and so does one whose head comment says "Internal." or "Internal to FOLDER/.".
function(fovea_public_headers out)
  set(headers "")
  foreach(folder core kernels/ops kernels/registry kernels/compare layers data train train/report cli)
    file(GLOB found CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}"
         "${PROJECT_SOURCE_DIR}/${folder}/*.h")
    foreach(header IN LISTS found)
      file(STRINGS "${PROJECT_SOURCE_DIR}/${header}" internal LIMIT_COUNT 1 REGEX "^// .*Internal( to [a-z/]+)?\\.")
      if(NOT internal AND NOT header MATCHES "_impl\\.h$")
        list(APPEND headers ${header})
      endif()
    endforeach()
  endforeach()
  if(EXISTS "${PROJECT_SOURCE_DIR}/fovea.h")
    list(APPEND headers fovea.h)
  endif()
  set(${out} ${headers} PARENT_SCOPE)
endfunction()

# fovea_device_headers(<out>): what a user's kernels are written with, and the emulator behind it;
# installed too. They want nvcc, or FOVEA_EMULATED.
function(fovea_device_headers out)
  set(headers "")
  foreach(folder kernels/device kernels/emulator)
    file(GLOB found CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}"
         "${PROJECT_SOURCE_DIR}/${folder}/*.h")
    list(APPEND headers ${found})
  endforeach()
  set(${out} ${headers} PARENT_SCOPE)
endfunction()

# fovea::fovea: what users link. Static: an interface over the folders' libraries. Shared: one
# libfovea.so of the same objects, which are position independent already; built with
# BUILD_SHARED_LIBS, else only where something asks for it (the install test).
function(fovea_add_umbrella)
  set(FOVEA_PACKAGE_LIBRARIES ${FOVEA_LIBRARIES} PARENT_SCOPE)  # what tests add later stays out
  add_library(fovea INTERFACE)
  target_link_libraries(fovea INTERFACE ${FOVEA_LIBRARIES})

  # Every object once; the archives behind them only bring the libraries of others.
  set(objects "")
  foreach(lib IN LISTS FOVEA_LIBRARIES)
    list(APPEND objects $<TARGET_OBJECTS:${lib}>)
  endforeach()
  add_library(fovea_shared SHARED ${objects})
  set_target_properties(fovea_shared PROPERTIES
    OUTPUT_NAME fovea EXPORT_NAME fovea
    LINKER_LANGUAGE CXX
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  target_compile_features(fovea_shared PUBLIC cxx_std_20)
  target_include_directories(fovea_shared PUBLIC
    "$<BUILD_INTERFACE:${FOVEA_INCLUDE_ROOT}>" "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  target_link_libraries(fovea_shared PRIVATE $<BUILD_INTERFACE:fovea_options> ${FOVEA_LIBRARIES})
  # What others' archives define is theirs: only what FOVEA_API names leaves.
  target_link_options(fovea_shared PRIVATE -Wl,--exclude-libs,libcudart_static.a -Wl,--no-undefined)

  if(BUILD_SHARED_LIBS)
    add_library(fovea::fovea ALIAS fovea_shared)
  else()
    set_target_properties(fovea_shared PROPERTIES EXCLUDE_FROM_ALL ON)
    add_library(fovea::fovea ALIAS fovea)
  endif()
endfunction()

function(fovea_print_summary)
  if(NOT PROJECT_IS_TOP_LEVEL)
    return()
  endif()
  message(STATUS "fovea ${PROJECT_VERSION}: ${CMAKE_BUILD_TYPE}, ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}")
  if(FOVEA_WITH_ONEDNN)
    message(STATUS "  oneDNN         ${dnnl_VERSION}")
  else()
    message(STATUS "  oneDNN         off: the CPU computes with engines simd and reference (install libdnnl-dev)")
  endif()
  if(FOVEA_WITH_CUDA)
    message(STATUS "  CUDA           ${CUDAToolkit_VERSION}, architectures ${CMAKE_CUDA_ARCHITECTURES}")
  else()
    message(STATUS "  CUDA           off: no nvcc found, or -DFOVEA_CUDA=OFF (cpu and emulated work without it)")
  endif()
  if(FOVEA_WITH_CUDNN)
    message(STATUS "  cuDNN          ${CUDNN_VERSION} headers; the library is opened when first used")
  elseif(FOVEA_WITH_CUDA)
    message(STATUS "  cuDNN          off: no headers of cuDNN 9.2 or later found, or -DFOVEA_CUDNN=OFF")
  endif()
  set(formats "")
  foreach(format ZLIB PNG JPEG)
    if(FOVEA_WITH_${format})
      string(APPEND formats " ${format}")
    else()
      string(APPEND formats " (${format} off: not found, or -DFOVEA_${format}=OFF)")
    endif()
  endforeach()
  message(STATUS "  input files   ${formats}")
  if(NOT FOVEA_WITH_NETS)
    message(STATUS "  nets           off: core, kernels and data alone (install nlohmann-json3-dev, libtomlplusplus-dev)")
  elseif(NOT TARGET fovea_command)
    message(STATUS "  command        off: the library alone (install libcli11-dev, or -DFOVEA_COMMAND=OFF was given)")
  endif()
  message(STATUS "  tests          ${FOVEA_BUILD_TESTS}; examples ${FOVEA_BUILD_EXAMPLES}; sanitizer '${FOVEA_SANITIZE}'")
endfunction()

# fovea_embed_presets(<out.cpp> <dir> <name>...): TOML files as raw string literals.
function(fovea_embed_presets out dir)
  set(entries "")
  foreach(name IN LISTS ARGN)
    file(READ "${dir}/${name}.toml" text)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${dir}/${name}.toml")
    string(APPEND entries "    {\"${name}\", R\"preset(${text})preset\"},\n")
  endforeach()
  file(CONFIGURE OUTPUT "${out}" @ONLY CONTENT
"// Made from layers/presets/*.toml by CMake.
#include <fovea/layers/presets.h>
namespace fovea::detail {
namespace {
constexpr EmbeddedPreset kPresets[] = {
@entries@};
}
std::span<const EmbeddedPreset> embedded_presets() { return kPresets; }
}  // namespace fovea::detail
")
endfunction()
