# cmake -DCOMPILER=… -DSOURCE=… -DPROGRAM=… -DFLAGS=… -DEXPECT=right|wrong|any -P judge.cmake
# Compiles and runs one program, and compares what came out with what is known of this compiler.
# A program that does not compile or that crashes is a result, too: wrong.
separate_arguments(flags UNIX_COMMAND "${FLAGS}")
execute_process(COMMAND ${COMPILER} -std=c++23 -w ${flags} ${SOURCE} -o ${PROGRAM}
                RESULT_VARIABLE compiled ERROR_VARIABLE message OUTPUT_VARIABLE message)
if(compiled EQUAL 0)
    execute_process(COMMAND ${PROGRAM} RESULT_VARIABLE result TIMEOUT 60)
    set(how "it ends with: ${result}")
else()
    set(result "does not compile")
    set(how "it does not compile: ${message}")
endif()

if(result STREQUAL "0")
    set(found right)
else()
    set(found wrong)
endif()
get_filename_component(name ${SOURCE} NAME_WE)
if(EXPECT STREQUAL "any")
    message("${name}: ${found} (nothing is known of this compiler; ${how})")
elseif(found STREQUAL EXPECT)
    message("${name}: ${found}, as known (${how})")
elseif(found STREQUAL "right")
    message(FATAL_ERROR "${name}: this compiler is right now. The rule at the head of ${SOURCE} may be "
                        "dropped once every supported compiler is.")
else()
    message(FATAL_ERROR "${name}: this compiler is wrong: ${how}")
endif()
