#include "program/program.hpp"

int main(int argc, char** argv) { return slipway::run_program(argc, argv); }
