"""The capture-filter language of pcap-filter(7): text to query tree."""
