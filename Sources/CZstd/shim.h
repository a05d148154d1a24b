// The one door to Zstandard (Debian package libzstd-dev).
#include <zstd.h>
