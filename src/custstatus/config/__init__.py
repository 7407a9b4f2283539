"""An organisation's configuration."""
