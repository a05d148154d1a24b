// The one door to the LZ4 frame format (Debian package liblz4-dev).
#include <lz4.h>
#include <lz4frame.h>
