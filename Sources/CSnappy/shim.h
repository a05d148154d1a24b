// The one door to snappy (Debian package libsnappy-dev).
#include <snappy-c.h>
