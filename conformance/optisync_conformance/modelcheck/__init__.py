"""Models: TLC and a second checker behind typed results, the manifest, graph equality."""
