# What others build on: libparapet.so, and what `cmake --install` puts where.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

# One library made of all layers. The whole of these three is in it, as they define what the public
# headers declare; of the others, what is needed.
add_library(parapet_shared SHARED)
add_library(parapet::parapet ALIAS parapet_shared)
target_link_libraries(parapet_shared PRIVATE parapet_api)
set_target_properties(parapet_shared PROPERTIES
  EXPORT_NAME parapet OUTPUT_NAME parapet
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
  LINKER_LANGUAGE CXX
  LINK_LIBRARY_OVERRIDE WHOLE_ARCHIVE,parapet_api,parapet_guard,parapet_base)
target_compile_features(parapet_shared INTERFACE cxx_std_20)
# std's templates are visible wherever they are instantiated; the script hides our copies of them.
set(exports ${PROJECT_SOURCE_DIR}/cmake/parapet.map)
target_link_options(parapet_shared PRIVATE LINKER:--version-script=${exports})
set_target_properties(parapet_shared PROPERTIES LINK_DEPENDS ${exports})

# The headers that this library implements, by name: a header is public by decision.
set(headers chat_tokenizer engine_info error export guard llm model_card types)
list(TRANSFORM headers REPLACE ".+" "${PROJECT_SOURCE_DIR}/include/parapet/\\0.h")
target_sources(parapet_shared PUBLIC
  FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include FILES ${headers})

install(TARGETS parapet_shared EXPORT parapetTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/models/parapet-guard-tiny
  DESTINATION ${CMAKE_INSTALL_DATADIR}/parapet/models)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# find_package(parapet)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/parapet)
set(bundled_model ${CMAKE_INSTALL_DATADIR}/parapet/models/parapet-guard-tiny)
configure_package_config_file(
  cmake/parapetConfig.cmake.in ${PROJECT_BINARY_DIR}/parapetConfig.cmake
  INSTALL_DESTINATION ${package_dir} PATH_VARS bundled_model)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/parapetConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(EXPORT parapetTargets NAMESPACE parapet:: DESTINATION ${package_dir})
install(FILES
  ${PROJECT_BINARY_DIR}/parapetConfig.cmake ${PROJECT_BINARY_DIR}/parapetConfigVersion.cmake
  DESTINATION ${package_dir})
