"""Graph -> Graph: passes that know terms and tests but no machine."""
