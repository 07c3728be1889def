# diskpaxos_layer(NAME SOURCES a.cpp … DEPENDS base async …): one folder of src/ as one static library
# that sees only the folders it names. tests/layers links each of them against nothing else.
add_library(diskpaxos_flags INTERFACE)
target_compile_features(diskpaxos_flags INTERFACE cxx_std_23)
target_include_directories(diskpaxos_flags INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
target_compile_options(diskpaxos_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
    -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough -Wcast-qual -Wformat=2
    $<$<BOOL:${DISKPAXOS_WERROR}>:-Werror>)
if(DISKPAXOS_SANITIZE)
    # Without vptr: it asks by a pipe whether an address can be read, so a process that has run out of
    # descriptors (cli.disks) takes a sound object for a broken one.
    target_compile_options(diskpaxos_flags INTERFACE -fsanitize=address,undefined
        -fno-sanitize=vptr -fno-sanitize-recover=all -fno-omit-frame-pointer
        $<$<CXX_COMPILER_ID:Clang>:-fno-sanitize=function>)
    target_link_options(diskpaxos_flags INTERFACE -fsanitize=address,undefined)
endif()

set_property(GLOBAL PROPERTY DISKPAXOS_LAYERS)
function(diskpaxos_layer name)
    cmake_parse_arguments(layer "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
    add_library(diskpaxos_${name} STATIC ${layer_SOURCES})
    target_link_libraries(diskpaxos_${name} PUBLIC diskpaxos_flags ${layer_LIBRARIES})
    foreach(dependency ${layer_DEPENDS})
        target_link_libraries(diskpaxos_${name} PUBLIC diskpaxos_${dependency})
    endforeach()
    set_property(GLOBAL APPEND PROPERTY DISKPAXOS_LAYERS ${name})
endfunction()
