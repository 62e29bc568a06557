"""What keeps a mistake small: limits, quarantine, staging, deletions that are not believed."""
