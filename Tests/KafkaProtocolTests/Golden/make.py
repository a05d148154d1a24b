#!/usr/bin/env python3
"""Makes the golden frames beside this file with kafka-python, which encodes by Kafka's own schemas.

Run by hand, `pip install kafka-python==3.0.12` and then `python3 make.py`, and only when a value or a version is added.
One file per API; a line for each version and case, of four columns between tabs:

    version   hex of the request   hex of the response   case

Both are without the length in front; `-` stands for a request of a version that is not decoded. In case `full` every
field has the value of `values.py`, and in flexible versions every structure, the header too, ends with a tagged field
that no schema knows (tag 100, two bytes). In case `bare` what can be null is null, every array and string is empty, every
number is -1.

kafka-python encodes every response here; none had to be decoded instead.
"""

import os
import sys
import uuid

import kafka.protocol.admin
import kafka.protocol.consumer
import kafka.protocol.metadata
import kafka.protocol.producer
import kafka.protocol.sasl
from kafka.protocol.schemas.fields.codecs.tagged_fields import TaggedFields
import kafka.errors

sys.dont_write_bytecode = True
from values import REQUESTS, RESPONSES

CORRELATION_ID = 0x01020304
CLIENT_ID = "golden-client"
UNKNOWN_TAG = b"\x64\x02\xca\xfe"

# Advertised versions, and the lowest that is decoded.
VERSIONS = {
    "Produce": (0, 9, 3), "Fetch": (4, 12, 4), "ListOffsets": (1, 7, 1), "Metadata": (0, 12, 0),
    "OffsetCommit": (2, 8, 2), "OffsetFetch": (1, 8, 1), "FindCoordinator": (0, 4, 0), "JoinGroup": (0, 9, 0),
    "Heartbeat": (0, 4, 0), "LeaveGroup": (0, 5, 0), "SyncGroup": (0, 5, 0), "DescribeGroups": (0, 5, 0),
    "ListGroups": (0, 4, 0), "SaslHandshake": (0, 1, 1), "ApiVersions": (0, 4, 0), "CreateTopics": (2, 7, 2),
    "DeleteTopics": (1, 6, 1), "DeleteRecords": (0, 2, 0), "InitProducerId": (0, 4, 0),
    "OffsetForLeaderEpoch": (2, 4, 2), "DescribeConfigs": (1, 4, 1), "AlterConfigs": (0, 2, 0),
    "SaslAuthenticate": (0, 2, 0), "CreatePartitions": (0, 3, 0), "DeleteGroups": (0, 2, 0),
    "IncrementalAlterConfigs": (0, 1, 0), "OffsetDelete": (0, 0, 0), "DescribeCluster": (0, 1, 0),
}

MODULES = [
    kafka.protocol.admin, kafka.protocol.consumer, kafka.protocol.metadata, kafka.protocol.producer,
    kafka.protocol.sasl,
]


def message_class(name):
    return next(getattr(module, name) for module in MODULES if hasattr(module, name))


# kafka-python does not write tagged fields that it does not know; this makes it.
adds_unknown_tag = False
encode_known = TaggedFields.encode


def encode_tagged(self, item, version=None):
    known = encode_known(self, item, version=version)
    if not adds_unknown_tag:
        return known
    return bytes([known[0] + 1]) + known[1:] + UNKNOWN_TAG


def encode_tagged_into(self, item, out, version=None):
    encoded = encode_tagged(self, item, version=version)
    out.ensure(len(encoded))
    out.buf[out.pos:out.pos + len(encoded)] = encoded
    out.pos += len(encoded)


TaggedFields.encode = encode_tagged
TaggedFields.encode_into = encode_tagged_into


def built(struct, values, version):
    """A structure of kafka-python's with those of `values` that `version` has; each of them must be there."""
    arguments = {}
    for name, field in struct.fields.items():
        if not field.for_version_q(version):
            continue
        if name not in values:
            assert field.tagged_field_q(version), (struct, name, version)
            continue
        value = values[name]
        if field.is_struct_array() and value is not None:
            value = [built(field.data_class, element, version) for element in value]
        elif field.is_struct() and value is not None:
            value = built(field.data_class, value, version)
        elif name == "authorized_operations":
            value = bits(value)
        arguments[name] = value
    return struct(version=version, **arguments)


def bits(value):
    """The form that kafka-python wants a set of operations in."""
    return {bit for bit in range(32) if value >> bit & 1}


def bare(struct, version):
    arguments = {}
    for name, field in struct.fields.items():
        if not field.for_version_q(version) or field.tagged_field_q(version):
            continue
        kind = field._json["type"]
        if field.nullable_for_version_q(version):
            value = None
        elif kind.startswith("[]"):
            value = []
        else:
            value = {"string": "", "bytes": b"", "bool": False, "uuid": uuid.UUID(int=0)}.get(kind, -1)
            if name == "authorized_operations":
                value = bits(value)
        arguments[name] = value
    return struct(version=version, **arguments)


def hex_of(message, client=None):
    message.with_header(correlation_id=CORRELATION_ID, **({"client_id": client} if client else {}))
    return message.encode(header=True, framed=False).hex()


def lines(name):
    global adds_unknown_tag
    lowest, highest, decoded = VERSIONS[name]
    request_class, response_class = message_class(name + "Request"), message_class(name + "Response")
    for version in range(lowest, highest + 1):
        for case in ("full", "bare"):
            full = case == "full"
            request = "-"
            if version >= decoded:
                message = built(request_class, REQUESTS[name], version) if full else bare(request_class, version)
                adds_unknown_tag = full
                request = hex_of(message, client=CLIENT_ID)
                adds_unknown_tag = False
            message = built(response_class, RESPONSES[name], version) if full else bare(response_class, version)
            yield "\t".join([str(version), request, hex_of(message), case])


def error_lines():
    classes = [value for value in vars(kafka.errors).values() if isinstance(value, type)]
    codes = {(value.errno, value.__name__) for value in classes if isinstance(getattr(value, "errno", None), int)}
    for code, name in sorted(codes):
        yield "%d\t%s" % (code, name)


def write(name, text_lines):
    folder = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(folder, name + ".txt"), "w", encoding="ascii") as file:
        file.writelines(line + "\n" for line in text_lines)


if __name__ == "__main__":
    for api in VERSIONS:
        write(api, lines(api))
    write("ErrorCodes", error_lines())
