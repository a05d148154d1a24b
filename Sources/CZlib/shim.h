// The one door to zlib (Debian package zlib1g-dev).
#include <zlib.h>
