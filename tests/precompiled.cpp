// Nothing: the target of this file owns the precompiled headers of all test programs (see CMakeLists.txt).
