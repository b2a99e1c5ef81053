# Install and export: headers, the static or the shared library (BUILD_SHARED_LIBS), the package
# that find_package(fovea CONFIG) reads, and the command. docs/embedding.md shows their use.
# Components: headers, command, static, shared. Without a component the kind of library that was not
# chosen is left out; `cmake --install build --component shared` installs it all the same.
if(NOT FOVEA_INSTALL)
  return()
endif()
include(CMakePackageConfigHelpers)
set(package "${CMAKE_INSTALL_LIBDIR}/cmake/fovea")

fovea_public_headers(headers)
fovea_device_headers(device_headers)
foreach(header IN LISTS headers device_headers)
  cmake_path(GET header PARENT_PATH folder)
  install(FILES "${PROJECT_SOURCE_DIR}/${header}" COMPONENT headers
          DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/fovea/${folder}")
endforeach()

if(BUILD_SHARED_LIBS)
  set(static_by_default EXCLUDE_FROM_ALL)
  set(shared_by_default "")
else()
  set(static_by_default "")
  set(shared_by_default EXCLUDE_FROM_ALL)
endif()
install(TARGETS fovea ${FOVEA_PACKAGE_LIBRARIES} EXPORT fovea-static
        ARCHIVE COMPONENT static ${static_by_default})
install(EXPORT fovea-static NAMESPACE fovea:: DESTINATION "${package}"
        COMPONENT static ${static_by_default})
install(TARGETS fovea_shared EXPORT fovea-shared
        LIBRARY COMPONENT shared NAMELINK_COMPONENT shared ${shared_by_default})
install(EXPORT fovea-shared NAMESPACE fovea:: DESTINATION "${package}"
        COMPONENT shared ${shared_by_default})

configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/foveaConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/package/foveaConfig.cmake" INSTALL_DESTINATION "${package}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/package/foveaConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/package/foveaConfig.cmake"
              "${PROJECT_BINARY_DIR}/package/foveaConfigVersion.cmake"
              "${CMAKE_CURRENT_LIST_DIR}/FoveaOneDnn.cmake"
              "${CMAKE_CURRENT_LIST_DIR}/FoveaTurboJpeg.cmake"
              "${CMAKE_CURRENT_LIST_DIR}/FoveaUserKernels.cmake"
              "${PROJECT_SOURCE_DIR}/kernels/emulator/access_hooks.cpp"
        DESTINATION "${package}" COMPONENT headers)

if(TARGET fovea_command)
  install(TARGETS fovea_command RUNTIME COMPONENT command)
endif()
