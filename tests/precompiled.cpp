// precompiled.cpp - a source for the target whose precompiled headers every test program uses.
