"""Writes record batches as other producers compress them, with libraries that share no code with Forebay's.

Usage: foreign_batches.py DIRECTORY
           One file NAME.batch per way to compress, one file CODEC.zeros per codec: 65,536 compressed zeros, of which
           the tests make bombs. Tests/CommitLogTests/ForeignBatches has them.
       foreign_batches.py --zeros BYTES FILE
           A segment of one batch of zeros per codec, each of so many bytes inflated.

The records come from kafka-python, the compression from Python's gzip, cramjam (a snappy in Rust), lz4 and zstandard.
All batches hold the same 120 records: timestamp 1795000000000 + i, key `d<i % 7>`, a value of some 1,000 bytes that
repeats `{"device":"d<i % 7>","value":<i>}` thirty-six times, so that the blocks are longer than any codec's block.
"""

import gzip
import os
import struct
import sys

import cramjam
import lz4.frame
import zstandard
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.record.util import calc_crc32c

GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4


def plain():
    builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, 8 << 20)
    for i in range(120):
        value = b'{"device":"d%d","value":%d}' % (i % 7, i) * 36
        builder.append(i, timestamp=1795000000000 + i, key=b"d%d" % (i % 7), value=value, headers=[])
    return bytes(builder.build())


def batch(header, codec, block):
    rest = struct.pack(">h", codec) + header[23:61] + block
    length = len(rest) + 9
    return header[:8] + struct.pack(">iibI", length, 0, 2, calc_crc32c(rest)) + rest


def halves(records):
    return records[: len(records) // 2], records[len(records) // 2 :]


def xerial(records, size=32 << 10):
    parts = [records[at : at + size] for at in range(0, len(records), size)]
    framed = b"".join(struct.pack(">i", len(block)) + block for block in map(snappy, parts))
    return b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1) + framed


def snappy(records):
    return bytes(cramjam.snappy.compress_raw(records))


def lz4_frame(records, **options):
    return lz4.frame.compress(records, **options)


def zstd_stream(records):
    # As Java's stream does: no content size, a checksum, a window that the producer chose.
    parameters = zstandard.ZstdCompressionParameters(window_log=25, write_content_size=False, write_checksum=True)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return compressor.compress(records) + compressor.flush()


def zstd(records):
    return zstandard.ZstdCompressor(level=3).compress(records)


def blocks(records):
    first, second = halves(records)
    linked = {"block_linked": True, "content_checksum": True, "block_checksum": True, "store_size": True}
    yield "gzip", GZIP, gzip.compress(records, mtime=0)
    yield "gzip-two-members", GZIP, gzip.compress(first, mtime=0) + gzip.compress(second, mtime=0)
    yield "snappy-raw", SNAPPY, snappy(records)
    yield "snappy-xerial", SNAPPY, xerial(records)
    yield "lz4", LZ4, lz4_frame(records, block_linked=False, store_size=False)
    yield "lz4-linked-checksums", LZ4, lz4_frame(records, block_size=lz4.frame.BLOCKSIZE_MAX64KB, **linked)
    yield "lz4-blocks-4m", LZ4, lz4_frame(records, block_size=lz4.frame.BLOCKSIZE_MAX4MB)
    yield "lz4-two-frames", LZ4, lz4_frame(first) + lz4_frame(second, content_checksum=True)
    yield "zstd", ZSTD, zstd(records)
    yield "zstd-stream", ZSTD, zstd_stream(records)
    yield "zstd-two-frames", ZSTD, zstd(first) + zstd_stream(second)


def zero_batches(count):
    """Batches that inflate to `count` zeros; of snappy to what fits into a batch at 21 to 1, the most it shrinks."""
    header = plain()[:61]
    for codec, block in (
        (GZIP, gzip.compress(bytes(count))),
        (SNAPPY, xerial(bytes(min(count, 20_000_000)), 65536)),
        (LZ4, lz4_frame(bytes(count), block_size=lz4.frame.BLOCKSIZE_MAX4MB)),
        (ZSTD, zstd_stream(bytes(count))),
    ):
        yield batch(header, codec, block)


def write(path, content):
    with open(path, "wb") as file:
        file.write(content)


if sys.argv[1] == "--zeros":
    write(sys.argv[3], b"".join(zero_batches(int(sys.argv[2]))))
else:
    header, records = plain()[:61], plain()[61:]
    for name, codec, block in blocks(records):
        write(os.path.join(sys.argv[1], name + ".batch"), batch(header, codec, block))
    part = bytes(65536)
    zeros = {"gzip": gzip.compress(part, mtime=0), "snappy": snappy(part), "lz4": lz4_frame(part), "zstd": zstd(part)}
    for name, block in zeros.items():
        write(os.path.join(sys.argv[1], name + ".zeros"), block)
