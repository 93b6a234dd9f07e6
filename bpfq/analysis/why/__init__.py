"""Why a filter matches one packet or does not."""
