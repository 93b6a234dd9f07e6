"""The filter itself, as text for everything that reads pcap-filter(7).

tcp port (80 or 443) and not ip
"""

from __future__ import annotations

from bpfq.export.job import Job


def pcap(job: Job) -> str:
    """What ``bpfq fmt`` prints; raises FilterError for what pcap text cannot say."""
    from bpfq.analysis.formatting.formatted import Source, formatted

    part = job.only
    return f"{formatted(part.query(), Source(part.source), part.settings).text}\n"
