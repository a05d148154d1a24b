"""Validates records, as `forebay tail -o ndjson` prints them on standard input, against docs/schema/TOPIC.json.

Usage: validate_records.py SCHEMA_DIRECTORY   Prints the number of records by topic as JSON; exits 1 at the first that fails.
"""

import collections
import json
import os
import sys

import jsonschema

counts = collections.Counter()
validators = {}
for line in sys.stdin:
    record = json.loads(line)
    topic = record["topic"]
    if topic not in validators:
        with open(os.path.join(sys.argv[1], topic + ".json"), encoding="utf-8") as file:
            schema = json.load(file)
        jsonschema.Draft202012Validator.check_schema(schema)
        validators[topic] = jsonschema.Draft202012Validator({**schema, "unevaluatedProperties": False})
    for error in validators[topic].iter_errors(record["value"]):
        sys.exit(f"{topic} {record['offset']}: {error.json_path}: {error.message}")
    counts[topic] += 1
print(json.dumps(counts))
