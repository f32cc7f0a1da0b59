FROM registry.invalid/foo:1
