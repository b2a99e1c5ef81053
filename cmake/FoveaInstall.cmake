# Install and export: see docs/embedding.md.
