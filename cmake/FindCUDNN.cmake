# FindCUDNN - cuDNN's headers. The library itself is opened at run time, when first used, so that no
# binary needs it to start.
#   CUDNN_INCLUDE_DIR   where cudnn_graph.h lies
#   CUDNN_VERSION       of the headers, 9.19.0
#   CUDNN::headers      an imported target with that folder
find_path(CUDNN_INCLUDE_DIR cudnn_graph.h
  HINTS ${CUDAToolkit_INCLUDE_DIRS} ENV CUDNN_ROOT PATH_SUFFIXES include)
mark_as_advanced(CUDNN_INCLUDE_DIR)
if(CUDNN_INCLUDE_DIR AND EXISTS "${CUDNN_INCLUDE_DIR}/cudnn_version.h")
  file(STRINGS "${CUDNN_INCLUDE_DIR}/cudnn_version.h" lines
       REGEX "^#define CUDNN_(MAJOR|MINOR|PATCHLEVEL) +[0-9]+")
  string(REGEX REPLACE "[^;]* ([0-9]+)" "\\1" CUDNN_VERSION "${lines}")
  string(REPLACE ";" "." CUDNN_VERSION "${CUDNN_VERSION}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CUDNN REQUIRED_VARS CUDNN_INCLUDE_DIR
                                  VERSION_VAR CUDNN_VERSION HANDLE_VERSION_RANGE)
if(CUDNN_FOUND AND NOT TARGET CUDNN::headers)
  add_library(CUDNN::headers INTERFACE IMPORTED GLOBAL)
  set_target_properties(CUDNN::headers PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${CUDNN_INCLUDE_DIR}")
endif()
