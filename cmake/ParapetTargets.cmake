# How every target of the project is compiled, and the helpers that make one.

add_library(parapet_options INTERFACE)
target_compile_options(parapet_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual -Werror
  # A float sum must round the same in every build: no contraction unless a kernel asks for FMA.
  -ffp-contract=off)
if(PARAPET_SANITIZE)
  add_compile_options(-fsanitize=${PARAPET_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PARAPET_SANITIZE})
  # Instrumented, GCC 12 no longer sees that a std::variant's members are read by its index alone.
  target_compile_options(parapet_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
endif()

# Code that may stand in libparapet.so. What is hidden needs no indirection, so that in an x86-64
# kernel position-independent code is the code that there was without it.
function(parapet_shareable name)
  set_target_properties(${name} PROPERTIES
    POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
endfunction()

# parapet_library(NAME sources... DEPENDS targets...): one layer of src/.
function(parapet_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  parapet_shareable(${name})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(${name} PUBLIC ${ARG_DEPENDS} PRIVATE parapet_options ${ARG_PRIVATE_DEPENDS})
endfunction()

# parapet_test(NAME sources... DEPENDS targets...): a GoogleTest binary, its cases found by ctest.
# PARAPET_SOURCE_DIR tells tests where the repository is; PARAPET_SHARED may name the shared data.
function(parapet_test name)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${name} PRIVATE PARAPET_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  # Half the build is tests, and these run once: what they call is optimized, they are compiled soon.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1>)
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} parapet_options GTest::gmock GTest::gtest_main)
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60)
endfunction()

# All fuzz targets and what they need; the rest of the program is not fuzzed.
add_custom_target(fuzzers)

# parapet_fuzzer(NAME source DEPENDS targets...): LLVMFuzzerTestOneInput. With Clang it is a
# libFuzzer binary; elsewhere a plain main replays files, so that every build runs the corpus.
function(parapet_fuzzer name source)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  add_executable(${name} ${source})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} parapet_options)
  add_dependencies(fuzzers ${name})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(${name} PRIVATE ${PROJECT_SOURCE_DIR}/fuzz/replay_main.cc)
  endif()
  if(PARAPET_BUILD_TESTS)
    add_test(NAME fuzz.${name} COMMAND ${name} ${PROJECT_SOURCE_DIR}/fuzz/corpus/${name})
    set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz)
  endif()
endfunction()
