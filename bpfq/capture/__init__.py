"""Capture files: pcap and pcapng, read as streams and copied byte for byte."""
