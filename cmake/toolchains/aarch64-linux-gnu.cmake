# Debian's cross compiler for arm64; tests run under qemu-user. tools/make_sysroot.sh unpacks the
# libraries (make arm64-test says which) into PARAPET_SYSROOT.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

set(PARAPET_SYSROOT ${CMAKE_CURRENT_LIST_DIR}/../../build/arm64-sysroot)
cmake_path(NORMAL_PATH PARAPET_SYSROOT)
set(CMAKE_FIND_ROOT_PATH ${PARAPET_SYSROOT} /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
foreach(kind LIBRARY INCLUDE PACKAGE)
  set(CMAKE_FIND_ROOT_PATH_MODE_${kind} ONLY)
endforeach()

# "max" has every extension that qemu knows; the C library comes with the cross compiler.
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -cpu max -L /usr/aarch64-linux-gnu)
