# options_test.cmake - fovea without optional libraries.
#   cmake -DWITHOUT=all|ZLIB|PNG|JPEG|ONEDNN -DSOURCE= -DWORK= -DGENERATOR= -DCXX= -P ...
cmake_minimum_required(VERSION 3.25)
set(slow "$ENV{FOVEA_SLOW_TESTS}")
if(NOT WITHOUT STREQUAL "all" AND NOT slow STREQUAL "1")
  message(NOTICE "SKIPPED: builds the command once more (minutes); FOVEA_SLOW_TESTS=1 runs it")
  return()
endif()
file(REMOVE_RECURSE "${WORK}")
set(libraries ${WITHOUT})
if(WITHOUT STREQUAL "all")
  set(libraries ZLIB PNG JPEG ONEDNN)
endif()
list(TRANSFORM libraries REPLACE "(.+)" "-DFOVEA_\\1=OFF" OUTPUT_VARIABLE options)
if(NOT slow STREQUAL "1")
  list(APPEND options -DFOVEA_UNITY=OFF -DFOVEA_COUNT_WORK=OFF)  # four files are built, alone
endif()

execute_process(COMMAND ${CMAKE_COMMAND} -S "${SOURCE}" -B "${WORK}" -G "${GENERATOR}"
    "-DCMAKE_CXX_COMPILER=${CXX}" -DCMAKE_BUILD_TYPE=Release -DFOVEA_CUDA=OFF -DFOVEA_BUILD_TESTS=OFF
    -DFOVEA_BUILD_EXAMPLES=OFF ${options}
  OUTPUT_VARIABLE summary ERROR_VARIABLE summary COMMAND_ERROR_IS_FATAL ANY)
foreach(library IN LISTS libraries)
  string(REPLACE "ONEDNN" "oneDNN        " library "${library}")
  if(NOT summary MATCHES "${library} off")
    message(FATAL_ERROR "the summary does not say that ${library} is off:\n${summary}")
  endif()
endforeach()
if(summary MATCHES "nets  +off|command  +off")
  message(FATAL_ERROR "nets or command are off, which need none of them:\n${summary}")
endif()

set(targets fovea_command)
if(NOT slow STREQUAL "1")
  if(NOT GENERATOR STREQUAL "Ninja")
    return()  # others cannot build single files
  endif()
  set(targets data/CMakeFiles/fovea_data.dir/gzip_none.cpp.o
              data/CMakeFiles/fovea_data.dir/png_none.cpp.o
              data/CMakeFiles/fovea_data.dir/jpeg_none.cpp.o
              kernels/registry/CMakeFiles/fovea_registry.dir/registry.cpp.o)
endif()
execute_process(COMMAND ${CMAKE_COMMAND} --build "${WORK}" -j 2 --target ${targets}
  OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${output}")
endif()
if(slow STREQUAL "1")
  execute_process(COMMAND "${WORK}/bin/fovea" presets OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND ldd "${WORK}/bin/fovea" OUTPUT_VARIABLE linked COMMAND_ERROR_IS_FATAL ANY)
  set(ZLIB "libz\\.so")
  set(PNG "libpng")
  set(JPEG "libturbojpeg")
  set(ONEDNN "libdnnl")
  foreach(library IN LISTS libraries)
    # libpng brings zlib along.
    if(linked MATCHES "${${library}}" AND NOT (library STREQUAL "ZLIB" AND linked MATCHES "${PNG}"))
      message(FATAL_ERROR "without ${library} the command is linked to it all the same:\n${linked}")
    endif()
  endforeach()
endif()
