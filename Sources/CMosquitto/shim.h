// The one door to libmosquitto's headers (Debian package libmosquitto-dev).
#include <mosquitto.h>
#include <mqtt_protocol.h>
