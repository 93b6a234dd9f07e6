"""A filter as text for everything that reads pcap-filter(7), laid out in one way."""
