"""Whether the parsers of Prometheus' own client read a text, and find in it what stands in the arguments.

Reads the text from standard input. Prints "read" if all is as it should be.
"""

import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

form, messages, label, values, damaged = sys.argv[1:]
parse = {"openmetrics": openmetrics, "prometheus": prometheus}[form]
samples = {}
for family in parse(sys.stdin.read()):
    assert family.documentation, family
    assert family.type in ("counter", "gauge"), family
    for sample in family.samples:
        key = sample.name, tuple(sorted(sample.labels.items()))
        assert key not in samples, f"twice: {key}"
        samples[key] = sample.value

# Names and labels come back as they were, whatever is in them.
info = [dict(labels) for name, labels in samples if name == "shm_ring_info"]
assert any(one["ring"] == messages and one["label"] == label for one in info), info
assert samples["shm_ring_published_records_total", (("ring", values),)] == 1
assert samples["shm_ring_unread_bytes", (("ring", values),)] == 8
state = ("ring", values), ("side", "producer"), ("state", "closed")
assert samples["shm_ring_side_state", state] == 1
unusable = [dict(labels) for name, labels in samples if name == "shm_ring_unusable"]
assert any(one["ring"] == damaged and "version" in one["why"] for one in unusable), unusable
print("read")
